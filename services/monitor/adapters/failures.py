"""What scorers did not answer, out of the ledger: newest first, as much as a page needs."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from counterfoil.types.v1 import failure_pb2, prediction_pb2
from services.monitor.adapters.fragments import newest_days, read_anew
from services.monitor.adapters.ledger_rows import FAILURE
from services.monitor.adapters.locations import Location
from services.monitor.domain.failure import FailureFilter, FailurePlace

_PLACED = ["create_time", "instance", "sequence"]


@dataclass(frozen=True)
class LoggedFailure:
    """A call or a row without an answer; what was sent is None once it is erased, and where several are told as one."""

    place: FailurePlace
    call: failure_pb2.FailedCall
    sent: failure_pb2.FailedRequest | None


class LoggedFailures:
    """Finds failures in the ledger of a folder, from any number of threads."""

    def __init__(self, folder: Location) -> None:
        self._folder = folder

    def page(self, wanted: FailureFilter, count: int) -> tuple[list[LoggedFailure], bool]:
        """Return so many failures, newest first, and whether there are more."""
        found = read_anew(lambda: list(islice(self._wanted(wanted), count + 1)))
        return found[:count], len(found) > count

    def _wanted(self, wanted: FailureFilter) -> Iterator[LoggedFailure]:
        dataset = DeltaTable(str(self._folder)).to_pyarrow_dataset()
        below = wanted.below
        for day, files in newest_days(dataset, lambda day: below is None or day <= below.day):
            for row, file in _records(dataset, files, wanted):
                told = _read(dataset, file, day, row)
                yield from (each for each in told if below is None or each.place < below)


def _records(
    dataset: ds.Dataset, files: Sequence[ds.ParquetFileFragment], wanted: FailureFilter
) -> list[tuple[dict[str, Any], ds.ParquetFileFragment]]:
    """Return the records of a day that may tell of what is wanted, newest first, each with the file it lies in."""
    condition = _condition(wanted)
    found = [
        (row, file)
        for file in files
        for row in file.to_table(schema=dataset.schema, columns=_PLACED, filter=condition).to_pylist()
    ]
    return sorted(found, key=lambda each: [each[0][name] for name in _PLACED], reverse=True)


def _condition(wanted: FailureFilter) -> pc.Expression:
    condition, time = pc.field("purpose") == FAILURE, pc.field("create_time")
    if wanted.start_time is not None:
        condition &= time >= wanted.start_time
    if wanted.end_time is not None:
        condition &= time < wanted.end_time
    return condition


def _read(
    dataset: ds.Dataset, file: ds.ParquetFileFragment, day: dt.date, row: dict[str, Any]
) -> Iterator[LoggedFailure]:
    """Yield what one record tells, in its order."""
    wanted = (pc.field("instance") == row["instance"]) & (pc.field("sequence") == row["sequence"])
    parts: pa.Table = file.to_table(schema=dataset.schema, columns=["decision_part", "personal_part"], filter=wanted)
    calls = prediction_pb2.DecisionPart.FromString(parts["decision_part"][0].as_py()).failures.calls
    sent = prediction_pb2.PersonalPart.FromString(parts["personal_part"][0].as_py() or b"").failed_requests
    for position, call in enumerate(calls):
        place = FailurePlace(day, following=len(calls) - position, **row)
        told = sent[position] if position < len(sent) and call.count == 1 else None
        yield LoggedFailure(place, call, told)
