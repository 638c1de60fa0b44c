"""Outcomes as a CSV file: one a line, with a heading that names the columns."""

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from counterfoil.cli.failures import CommandFailed
from counterfoil.monitor.v1 import outcome_pb2

_BY_NAME: Final = {"prediction"}
_BY_KEY: Final = {"applicant_id", "date"}
_REQUIRED: Final = {"defaulted", "observed"}
_KNOWN: Final = _BY_NAME | _BY_KEY | _REQUIRED | {"model_version", "loss_amount"}
_TRUTHS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def read_outcomes(path: Path) -> list[outcome_pb2.OutcomeReport]:
    """Return the outcomes of a file in its order.

    Columns are `prediction`, or `applicant_id` and `date` (and perhaps `model_version`); `defaulted`, `observed` (a
    date, or a time in UTC where it says no other), and perhaps `loss_amount`. Raises CommandFailed
    (OUTCOMES_FILE_INVALID) that names line and column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            _check_columns(set(lines.fieldnames or ()))
            return [report for number, line in enumerate(lines, start=2) for report in _reports(number, line)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _invalid(f"{path} cannot be read as CSV: {error}") from error


def _check_columns(columns: set[str]) -> None:
    if not (columns >= _BY_NAME or columns >= _BY_KEY) or not columns >= _REQUIRED or columns - _KNOWN:
        found = ", ".join(sorted(columns)) or "nothing"
        raise _invalid(
            "line 1: the columns must be prediction, or applicant_id and date (and perhaps model_version); defaulted, "
            f"observed, and perhaps loss_amount; found are {found}"
        )


def _reports(number: int, line: Mapping[str | None, str | None]) -> Iterator[outcome_pb2.OutcomeReport]:
    cells = {column: (text or "").strip() for column, text in line.items() if column is not None}
    if None in line or None in line.values():
        raise _invalid(f"line {number}: has another number of columns than the heading")
    report = outcome_pb2.OutcomeReport(defaulted=_truth(number, cells["defaulted"]))
    if cells.get("prediction"):
        report.prediction = cells["prediction"]
    else:
        report.key.applicant_id, report.key.date = cells.get("applicant_id", ""), cells.get("date", "")
        report.key.model_version = cells.get("model_version", "")
    report.observation_time.FromDatetime(_moment(number, cells["observed"]))
    if cells.get("loss_amount"):
        report.loss_amount = _amount(number, cells["loss_amount"])
    yield report


def _truth(number: int, text: str) -> bool:
    if text.lower() not in _TRUTHS:
        raise _invalid(f"line {number}, defaulted: {text!r} is neither of {', '.join(_TRUTHS)}")
    return _TRUTHS[text.lower()]


def _moment(number: int, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _invalid(f"line {number}, observed: {text!r} is no ISO 8601 date or time") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _amount(number: int, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise _invalid(f"line {number}, loss_amount: {text!r} is no number") from error


def _invalid(message: str) -> CommandFailed:
    return CommandFailed(message, reason="OUTCOMES_FILE_INVALID")
