"""A drift report as it is asked for and as it is found, and both as the JSON that a durable job keeps."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from services.monitor.domain.drift import ColumnDrift, Comparison, DriftBounds, DriftResult, Outcome, Verdict
from services.monitor.domain.model import ModelFacts
from services.monitor.domain.window import Window, check_max_rows, check_window
from shared.errors import FieldViolation, InvalidInput

DEFAULT_COLUMNS = 50
LARGEST_COLUMNS = 1_000
# Evidently's page takes 3.7 MB for its own code and 0.07 MB a column: ten stay well below 5 MB.
DRAWN_COLUMNS = 10
DEFAULT_MAX_ROWS = 5_000


@dataclass(frozen=True)
class AskedReport:
    """A report as it was asked for: an alias may stand for the version, no columns for the default ones.

    `window` None means the production split. `full_html` draws every column, however large the page becomes.
    """

    model_version: str
    window: Window | None
    columns: tuple[str, ...] = ()
    max_rows: int = DEFAULT_MAX_ROWS
    all_columns: bool = False
    full_html: bool = False

    @property
    def most_drawn(self) -> int | None:
        """Return how many columns the page draws at most, None for all of them."""
        return None if self.full_html else DRAWN_COLUMNS


@dataclass(frozen=True)
class ReportRequest:
    """A report to make: what was asked for, and the version and columns that this means."""

    asked: AskedReport
    model_version: str
    columns: tuple[str, ...]

    def to_json(self) -> str:
        """Return the text that `from_json` turns back into an equal request; equal requests have equal texts."""
        return json.dumps(asdict(self), sort_keys=True, default=dt.datetime.isoformat)

    @classmethod
    def from_json(cls, text: str) -> "ReportRequest":
        """Return the request that `to_json` wrote."""
        document = json.loads(text)
        return cls(_asked(document["asked"]), document["model_version"], tuple(document["columns"]))


@dataclass(frozen=True)
class ReportResult:
    """What a report found, and the MLflow run that holds its documents."""

    drift: DriftResult
    run_id: str

    def to_json(self) -> str:
        """Return the text that `from_json` turns back into an equal result."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ReportResult":
        """Return the result that `to_json` wrote."""
        document = json.loads(text)
        return cls(_drift(document["drift"]), document["run_id"])


def check_asked(asked: AskedReport) -> None:
    """Raise InvalidInput that names every bound which a request oversteps."""
    violations = [*(check_window(asked.window) if asked.window else []), *check_max_rows(asked.max_rows)]
    if asked.columns and asked.all_columns:
        violations.append(FieldViolation("columns", "must be empty where all columns are asked for"))
    if len(asked.columns) > LARGEST_COLUMNS:
        violations.append(FieldViolation("columns", f"names more than {LARGEST_COLUMNS:,} columns"))
    if violations:
        raise InvalidInput(violations)


def settle(asked: AskedReport, model: ModelFacts) -> ReportRequest:
    """Return what a request means for the model that it names; raises InvalidInput as `choose_columns` does."""
    columns = model.profile.heaviest(LARGEST_COLUMNS) if asked.all_columns else choose_columns(asked.columns, model)
    return ReportRequest(asked, model.model_version, columns)


def choose_columns(asked: Sequence[str], model: ModelFacts) -> tuple[str, ...]:
    """Return the columns asked for, by default the heaviest of the model.

    Raises InvalidInput (UNKNOWN_COLUMN) for names that are no features of the model, or that are repeated.
    """
    if not asked:
        return model.profile.heaviest(DEFAULT_COLUMNS)
    known, seen, violations = frozenset(model.schema.names), set[str](), []
    for position, column in enumerate(asked):
        if column not in known:
            violations.append(FieldViolation(f"columns[{position}]", "is no feature of the model"))
        elif column in seen:
            violations.append(FieldViolation(f"columns[{position}]", "is named twice"))
        seen.add(column)
    if violations:
        raise InvalidInput(violations, reason="UNKNOWN_COLUMN")
    return tuple(asked)


def categorical(model: ModelFacts, columns: Sequence[str]) -> frozenset[str]:
    """Return those columns that hold codes and not amounts."""
    kinds = {feature.name: feature.kind for feature in model.schema.features}
    return frozenset(column for column in columns if kinds[column] != "numeric")


def _asked(document: Mapping[str, Any]) -> AskedReport:
    window = document["window"]
    fields = {"window": None if window is None else _window(window), "columns": tuple(document["columns"])}
    return AskedReport(**{**document, **fields})


def _window(document: Mapping[str, Any]) -> Window:
    return Window(document["last_count"], _time(document["start_time"]), _time(document["end_time"]))


def _time(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def _drift(document: Mapping[str, Any]) -> DriftResult:
    fields = {
        "outcome": Outcome(document["outcome"]),
        "bounds": DriftBounds(**document["bounds"]),
        "columns": tuple(_column(column) for column in document["columns"]),
    }
    return DriftResult(**{**document, **fields})


def _column(document: Mapping[str, Any]) -> ColumnDrift:
    comparison = document["comparison"]
    fields = {
        "verdict": Verdict(document["verdict"]),
        "comparison": None if comparison is None else Comparison(**comparison),
    }
    return ColumnDrift(**{**document, **fields})
