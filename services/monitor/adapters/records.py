"""Single records, looked up in the ledger."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from services.monitor.adapters.fragments import newest_days
from services.monitor.adapters.locations import Location
from services.monitor.domain.prediction import PredictionName

_SEGMENT_COLUMNS = [
    *("instance", "number", "sequence", "previous_hash", "hash", "continuity", "ingest_time"),
    *("decision_part", "personal_part", "salt"),
]


@dataclass(frozen=True)
class StoredRecord:
    """A record as the ledger has it; `personal_part` and `salt` are empty once they are erased.

    `previous_hash` is the link that the record's own builds on.
    """

    instance: str
    number: int
    sequence: int
    decision_part: bytes
    personal_part: bytes
    salt: bytes
    hash: bytes
    previous_hash: bytes
    continuity: str
    ingest_time: dt.datetime


class LedgerRecords:
    """Finds records in the ledger of a folder, from any number of threads."""

    def __init__(self, folder: Location) -> None:
        self._folder = folder

    def find(self, name: PredictionName) -> StoredRecord | None:
        """Return the record that holds a prediction, None if the ledger has none.

        Files are read from the newest day backwards, first only the column of identifiers.
        """
        dataset = DeltaTable(str(self._folder)).to_pyarrow_dataset()
        wanted = (pc.field("prediction_id") == name.record_id) & (pc.field("model_version") == name.model_version)
        columns = ["instance", "number", "sequence"]
        for _, files in newest_days(dataset):
            for each in files:
                found = each.to_table(schema=dataset.schema, columns=columns, filter=wanted)
                if found.num_rows:
                    return _read(dataset, **found.slice(0, 1).to_pylist()[0])
        return None


def _read(dataset: ds.Dataset, *, instance: str, number: int, sequence: int) -> StoredRecord:
    wanted = (pc.field("instance") == instance) & (pc.field("number") == number)
    near = wanted & (pc.field("sequence") >= sequence - 1) & (pc.field("sequence") <= sequence)
    found: list[dict[str, Any]] = dataset.to_table(columns=_SEGMENT_COLUMNS, filter=near).to_pylist()
    rows = {row["sequence"]: row for row in found}
    row = rows[sequence]
    before = rows.get(sequence - 1)
    return StoredRecord(
        instance=instance,
        number=number,
        sequence=sequence,
        decision_part=row["decision_part"],
        personal_part=row["personal_part"] or b"",
        salt=row["salt"] or b"",
        hash=row["hash"],
        previous_hash=before["hash"] if before else row["previous_hash"],
        continuity=row["continuity"],
        ingest_time=row["ingest_time"],
    )
