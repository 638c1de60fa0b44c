"""Few large files in the place of many: nothing that anybody reads of the log changes by it."""

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.compaction import (
    LEAST_FILES,
    compact_ledger,
    compact_projection,
    delete_superseded,
)
from services.monitor.adapters.folder_lock import FolderLock
from services.monitor.adapters.ledger import Ledger
from services.monitor.adapters.ledger_proof import LogRange
from services.monitor.adapters.log_store import LocalStore
from services.monitor.adapters.projection_rows import COMMIT_COLUMN
from services.monitor.adapters.projections import Projections
from services.monitor.compacting import KIND, Compactor, DailyCompaction
from services.monitor.domain.proof import Broken
from services.monitor.proving import Proving, Verdict
from shared.jobs.child import JobContext
from shared.jobs.store import JobStore
from tests.unit.monitor.models import MODEL_VERSION
from tests.unit.monitor.segments import NOW, Spool, numbered, seeded_values

TOMORROW = NOW + dt.timedelta(days=1)


def sealed(count: int, instance: str = "spool-1") -> list[prediction_pb2.Segment]:
    """Return consecutive segments of an instance, two records each."""
    segments, spool = [], Spool(instance)
    for number in range(count):
        segment, spool = spool.seal(seeded_values(2, seed=number))
        segments.append(segment)
    return segments


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """Return a store whose ledger has a day of two instances, ten segments each, in turn."""
    store = LocalStore(tmp_path)
    ledger = Ledger(store, lambda: NOW)
    for pair in zip(sealed(10), sealed(10, "spool-2"), strict=True):
        for segment in pair:
            ledger.append(segment)
    return store


def rows(folder: Path) -> pl.DataFrame:
    """Return everything in the ledger, in the order of the log."""
    frame = pl.from_arrow(DeltaTable(folder / "ledger").to_pyarrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame.sort("instance", "sequence")


def verdict(store: LocalStore, ledger: Ledger) -> Verdict:
    """Return what a check of all of the log finds."""
    *_, last = Proving(store, ledger).verify(LogRange(), (), lambda: True)
    assert isinstance(last, Verdict)
    return last


def test_every_row_stays_and_the_log_is_proven(store: LocalStore, tmp_path: Path) -> None:
    """Twenty files become one, named by its content as they were."""
    before = rows(tmp_path)

    replaced = compact_ledger(store, TOMORROW)

    after = Ledger(store, lambda: TOMORROW)
    assert replaced == 20
    assert rows(tmp_path).select(before.columns).equals(before)
    assert verdict(store, after) == Verdict(None, instances=2, segments=20, records=40, files=1)
    assert compact_ledger(store, TOMORROW) == 0


def test_a_ledger_in_use_goes_on_as_if_nothing_had_happened(store: LocalStore, tmp_path: Path) -> None:
    """Its handle is older than the compaction: repeats are known, what follows continues, and races still conflict."""
    ledger = Ledger(store, lambda: TOMORROW)
    segments = sealed(12)
    compact_ledger(store, TOMORROW)
    delete_superseded(store, "ledger", dt.timedelta(0))

    continued, repeated = ledger.append(segments[10]), ledger.append(segments[3])
    restarted = Ledger(store, lambda: TOMORROW)

    assert (continued.already_stored, continued.alert) == (False, None)
    assert repeated.already_stored
    assert restarted.append(segments[10]).already_stored
    assert restarted.append(segments[11]).alert is None
    assert len(rows(tmp_path)) == 44


def test_the_day_that_goes_on_is_left_alone(store: LocalStore) -> None:
    """Its files are still being added to."""
    assert compact_ledger(store, NOW) == 0


def test_a_few_files_are_not_worth_it(tmp_path: Path) -> None:
    """Each rearrangement is a commit."""
    store = LocalStore(tmp_path)
    ledger = Ledger(store, lambda: NOW)
    for segment in sealed(LEAST_FILES - 1):
        ledger.append(segment)

    assert compact_ledger(store, TOMORROW) == 0


def test_what_raised_an_alert_stays_apart(store: LocalStore, tmp_path: Path) -> None:
    """How a segment followed stands in the commit, not in the file."""
    ledger = Ledger(store, lambda: NOW)
    ledger.append(numbered(sealed(11)[10], 15))

    compact_ledger(store, TOMORROW)

    found = rows(tmp_path).group_by("continuity").len().sort("continuity").rows()
    assert found == [("CONTINUED", 40), ("GAP", 2)]


def test_a_changed_file_is_not_laundered(store: LocalStore, tmp_path: Path) -> None:
    """Written anew it would have a sound name; it is left where it is, for VerifyLog to find."""
    file = min((tmp_path / "ledger").rglob("day=*/*.parquet"))
    content = bytearray(file.read_bytes())
    content[50] ^= 1
    file.write_bytes(content)

    with pytest.raises(Broken) as broken:
        compact_ledger(store, TOMORROW)

    assert file.name in broken.value.fault.file
    assert len(list((tmp_path / "ledger").rglob("day=*/*.parquet"))) == 20


def test_superseded_files_are_kept_until_they_are_old(store: LocalStore, tmp_path: Path) -> None:
    """A reader that listed them can read them."""
    reader = DeltaTable(tmp_path / "ledger").to_pyarrow_dataset()
    compact_ledger(store, dt.datetime.now(dt.UTC))

    kept = delete_superseded(store, "ledger")
    read = reader.to_table(columns=["sequence"]).num_rows
    deleted = delete_superseded(store, "ledger", dt.timedelta(0))

    assert (kept, read, deleted) == (0, 40, 20)
    assert len(rows(tmp_path)) == 40


def projected(day: dt.date, sequence: int, commit: int) -> pa.Table:
    """Return one row of a projection as it comes out of a commit of the ledger."""
    columns = {"day": [day], "instance": ["spool-1"], "sequence": [sequence], "AMT_CREDIT": [1.5]}
    return pa.table({**columns, COMMIT_COLUMN: [commit]})


def test_a_projection_goes_on_where_it_was(tmp_path: Path) -> None:
    """The commits that it has are still known, on a handle that is older than the compaction too."""
    store = LocalStore(tmp_path)
    projections = Projections(store)
    for commit in range(1, 11):
        projections.append(MODEL_VERSION, projected(NOW.date(), commit, commit), commit)

    replaced = compact_projection(store, "predictions/credit-default/1", TOMORROW)
    again = projections.append(MODEL_VERSION, projected(NOW.date(), 7, 7), 10)
    projections.append(MODEL_VERSION, projected(TOMORROW.date(), 11, 11), 11)

    table = DeltaTable(tmp_path / "predictions" / "credit-default" / "1")
    assert (replaced, again.num_rows, len(table.file_uris())) == (10, 0, 2)
    assert sorted(table.to_pyarrow_table()["sequence"].to_pylist()) == list(range(1, 12))


def test_a_job_compacts_all_tables_and_says_how_much(store: LocalStore, tmp_path: Path) -> None:
    """It runs where erasures run, one at a time."""
    jobs = JobStore(f"sqlite:///{tmp_path / 'upkeep.db'}", clock=lambda: TOMORROW)
    jobs.create(id="co-1", kind=KIND, payload="{}", caller="monitor")
    projections = Projections(store)
    for commit in range(1, 9):
        projections.append(MODEL_VERSION, projected(NOW.date(), commit, commit), commit)
    compactor = Compactor(store, tmp_path / "predictions", FolderLock(tmp_path / "projecting.lock"))

    job = jobs.start("co-1")

    result = compactor.compact(JobContext(job, jobs))

    # By the test's clock the ledger's files were superseded long ago; the projection's, by Delta's own, just now.
    assert json.loads(result) == {"files_replaced": 28, "files_deleted": 20}


def test_one_compaction_is_asked_for_on_a_day(tmp_path: Path) -> None:
    """However often the monitor starts."""
    woken: list[bool] = []

    def started(time: dt.datetime) -> DailyCompaction:
        jobs = JobStore(f"sqlite:///{tmp_path / 'upkeep.db'}", clock=lambda: time)
        return DailyCompaction(jobs, lambda: woken.append(True), clock=lambda: time, new_id=time.isoformat)

    asked = [started(time).ask() for time in (NOW, NOW, TOMORROW)]

    assert asked == [True, False, True]
    assert len(woken) == 2
