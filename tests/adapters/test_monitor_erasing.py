"""The erasure of one person from ledger, projections and database, step by step and killed at each step."""

import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.database import open_database
from services.monitor.adapters.erasure_log import ErasureLog
from services.monitor.adapters.erasure_subjects import ErasureSubjects
from services.monitor.adapters.folder_lock import FolderLock
from services.monitor.adapters.ledger import Ledger
from services.monitor.adapters.ledger_proof import LogRange
from services.monitor.adapters.log_store import LocalStore
from services.monitor.adapters.overrides import Overrides
from services.monitor.adapters.projections import Projections
from services.monitor.domain.erasure import ErasureResult, ErasureWish, Span, Subject
from services.monitor.domain.override import OverrideWish
from services.monitor.domain.prediction import PredictionName
from services.monitor.erasing import KIND, Eraser
from services.monitor.erasures import Erasures
from services.monitor.projector import Projector
from services.monitor.proving import Proving, Verdict
from shared.database import utc_now
from shared.jobs.child import JobContext
from shared.jobs.store import JobState, JobStore
from tests.unit.monitor.chunks import with_chunk
from tests.unit.monitor.followers import Listener
from tests.unit.monitor.models import FEATURES, MODEL_VERSION, KnownModels, model_facts
from tests.unit.monitor.segments import Spool
from tests.unit.monitor.traces import PERSON, VALUES, traces

STEPS = 9
UNKNOWN = "models/credit-default/versions/9"


class Killed(BaseException):
    """What ends an attempt where the test wants it to end."""


class MortalStore(LocalStore):
    """A store at whose `steps`-th step the process is killed; None: never."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.steps: int | None = None

    def open(self, table: str) -> DeltaTable | None:
        """Open, or die before."""
        self._step()
        return super().open(table)

    def put(self, table: str, path: str, content: bytes) -> None:
        """Store half of the file and die, or store it whole."""
        if self.steps == 0:
            super().put(table, path, content[: len(content) // 2])
        self._step()
        super().put(table, path, content)

    def make_durable(self, table: str, first: int, last: int) -> None:
        """Wait for the disk, or die before."""
        self._step()
        super().make_durable(table, first, last)

    def make_all_durable(self) -> None:
        """Wait for the disk, or die before."""
        self._step()
        super().make_all_durable()

    def _step(self) -> None:
        if self.steps is not None:
            self.steps -= 1
            if self.steps < 0:
                raise Killed


class Log:
    """A log in a folder, with all that an erasure needs in one process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MortalStore(folder / "log")
        self.ledger = Ledger(LocalStore(folder / "log"), utc_now)
        self.database = open_database(f"sqlite:///{folder / 'monitor.db'}")
        self.overrides = Overrides(self.database)
        self.jobs = JobStore(f"sqlite:///{folder / 'upkeep.db'}")
        subjects = ErasureSubjects(self.database)
        lock = FolderLock(folder / "lock")
        self.erasure_log = ErasureLog(LocalStore(folder / "log"))
        self.eraser = Eraser(
            self.store, folder / "log" / "predictions", self.erasure_log, subjects, self.overrides, lock
        )
        ids = (f"er-{number}" for number in range(99))
        self.erasures = Erasures(self.jobs, subjects, lambda: None, lambda: next(ids))
        self.spool = Spool()
        self.project()

    def project(self) -> None:
        """Project all that there is, in a projector that has just started."""
        folder = self.folder / "log" / "predictions"
        Projector(
            self.ledger,
            Projections(LocalStore(self.folder / "log")),
            KnownModels(model_facts()),
            Listener(),
            progress_file=folder / "progress.json",
            on_alert=lambda _alert: None,
        ).catch_up()

    def add(self, values: np.ndarray = VALUES, *, chunk_of: Sequence[str] = (), **fields: Any) -> None:
        """Store a segment of a record a row, its last one a chunk of these applicants if there are any; project it."""
        segment, self.spool = self.spool.seal(values, **fields)
        if chunk_of:
            places = range(len(chunk_of))
            segment = with_chunk(segment, values=values[places], answered=places, rows=len(chunk_of), ids=chunk_of)
        self.ledger.append(segment)
        self.project()

    def create(self, subject: Subject) -> str:
        """Ask for an erasure and return its id."""
        return self.erasures.create(ErasureWish(subject, "Article 17"), request_id="", caller="CN=dpo").job.id

    def attempt(self, erasure_id: str) -> ErasureResult:
        """Make an attempt of an erasure's job in this process and return its result."""
        job = self.jobs.start(erasure_id)
        return ErasureResult.from_json(self.eraser.erase(JobContext(job, self.jobs)))

    def erase(self, applicant_id: str = PERSON, application_number: str = "") -> ErasureResult:
        """Return the result of an erasure that is asked for now."""
        return self.attempt(self.create(Subject("" if application_number else applicant_id, application_number)))

    def rows(self) -> list[dict[str, Any]]:
        """Return the ledger in the order of its records."""
        rows: list[dict[str, Any]] = self.table("ledger").sort_by("sequence").to_pylist()
        return rows

    def table(self, path: str) -> pa.Table:
        """Return a table below the log's folder."""
        return DeltaTable(self.folder / "log" / path).to_pyarrow_table()

    def projected(self) -> list[dict[str, Any]]:
        """Return the projection in the order of its records."""
        order = [("sequence", "ascending"), ("prediction_id", "ascending")]
        rows: list[dict[str, Any]] = self.table("predictions/credit-default/1").sort_by(order).to_pylist()
        return rows

    def erased(self) -> list[int]:
        """Return the records that are erased, each of them accounted for."""
        covers = self.erasure_log.covers()
        found = [row for row in self.rows() if not row["personal_part"] and not row["salt"]]
        assert all(covers(row["instance"], row["sequence"]) for row in found)
        return [row["sequence"] for row in found]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Return a log of three predictions, the second of which is the person's."""
    log = Log(tmp_path)
    log.add()
    return log


def assert_proven(log: Log, *, erased: int) -> None:
    """Check that the whole log is proven, and how many of its records are erased."""
    *_, verdict = Proving(log.store, log.ledger).verify(LogRange(), [], lambda: True)
    assert isinstance(verdict, Verdict)
    assert (verdict.fault, verdict.erased) == (None, erased)


def test_nothing_of_the_person_is_left_in_any_file_and_the_chain_is_whole(log: Log) -> None:
    """Bytes are searched: of the tables, of what they were before, and of the databases with their logs."""
    part = prediction_pb2.DecisionPart.FromString(log.rows()[1]["decision_part"])
    name = PredictionName(MODEL_VERSION, part.prediction_id)
    log.overrides.record(OverrideWish(name, "REFER", "ASKED", f"{PERSON} showed payslips", "A. Clerk", "CN=desk"))
    before = traces(log.folder)

    result = log.erase()

    (override,) = log.overrides.of([name])[name]
    assert {each.split("/")[1] for each in before if each.endswith("parquet")} == {"ledger", "predictions"}
    assert traces(log.folder) == []
    assert result == ErasureResult(records=1, projected_rows=1, files=2)
    assert log.erased() == [2]
    assert (override.wish.reason_code, override.wish.reason) == ("ASKED", "")
    assert_proven(log, erased=1)


def test_others_keep_every_bit_and_the_person_the_decision(log: Log) -> None:
    """In the ledger and in the projection."""
    ledger, projected = log.rows(), log.projected()

    log.erase()

    personal = {"personal_part": None, "salt": None}
    assert log.rows() == [ledger[0], {**ledger[1], **personal}, ledger[2]]
    gone = dict.fromkeys(["applicant_id", "application_number", *FEATURES])
    assert log.projected() == [projected[0], {**projected[1], **gone}, projected[2]]


def test_an_erasure_has_so_many_steps(log: Log) -> None:
    """None is left out below."""
    log.store.steps = 99

    log.erase()

    assert log.store.steps == 99 - STEPS


@pytest.mark.parametrize("step", range(STEPS))
def test_an_erasure_that_is_killed_at_any_step_goes_on(log: Log, step: int) -> None:
    """At no time is a record erased that nothing accounts for, and in the end nothing is left."""
    log.add(VALUES + 100)
    erasure_id = log.create(Subject(PERSON))
    log.store.steps = step
    with pytest.raises(Killed):
        log.attempt(erasure_id)
    log.store.steps = None
    assert_proven(log, erased=len(log.erased()))
    log.project()
    log.jobs.requeue(erasure_id, 1, "killed")

    result = log.attempt(erasure_id)

    log.project()
    assert result.records == 1
    assert log.erased() == [2]
    assert [row["sequence"] for row in log.rows()] == [1, 2, 3, 4, 5, 6]
    assert [row["sequence"] for row in log.projected()] == [1, 2, 3, 4, 5, 6]
    assert traces(log.folder) == []


@pytest.mark.parametrize(
    ("subject", "erased"),
    [
        (Subject(PERSON), [2]),
        (Subject(application_number="application-3"), [3]),
        (Subject("applicant"), []),
        (Subject("application-3"), []),
    ],
)
def test_exactly_the_subjects_records_are_erased(log: Log, subject: Subject, erased: list[int]) -> None:
    """Not those of one whose name goes on, nor an application by an applicant's name."""
    files = set((log.folder / "log" / "ledger").rglob("*.parquet"))

    result = log.attempt(log.create(subject))

    assert (log.erased(), result.records) == (erased, len(erased))
    assert (set((log.folder / "log" / "ledger").rglob("*.parquet")) == files) == (not erased)


def test_what_is_stored_after_it_was_asked_for_is_kept(log: Log) -> None:
    """A person who comes again is a customer again, until another erasure."""
    erasure_id = log.create(Subject(PERSON))
    log.spool = Spool("spool-2")
    log.add()

    first, again = log.attempt(erasure_id), log.erase()

    assert (first.records, again.records) == (1, 1)


def test_a_retention_period_ends_for_everybody(log: Log) -> None:
    """What was stored before goes, what came later stays, and so do all decisions; again, nothing is left to do."""
    between = utc_now()
    log.add(VALUES + 100)
    subject = Subject(stored_before=between)

    first, again = (log.attempt(log.create(subject)) for _ in range(2))

    assert (first.records, first.projected_rows, again.records) == (3, 3, 0)
    assert log.erased() == [1, 2, 3]
    assert log.erasure_log.of("er-0") == [Span("spool-1", 1, 3)]
    assert log.table("erasures")["kind"].to_pylist() == ["RETENTION"]
    assert traces(log.folder) == []
    assert_proven(log, erased=3)


def test_a_retention_period_that_ends_later_spares_what_is_stored_meanwhile(log: Log) -> None:
    """It reaches to the time at which it was asked for."""
    erasure_id = log.create(Subject(stored_before=utc_now() + timedelta(days=9)))
    log.add(VALUES + 100)

    log.attempt(erasure_id)

    assert log.erased() == [1, 2, 3]


def test_a_chunk_is_erased_as_a_whole(log: Log) -> None:
    """One digest covers its personal part: without one row it would prove nothing of the others."""
    log.add(VALUES[:2], chunk_of=["chunked-1", "chunked-2"])

    result = log.erase("chunked-2")

    rows = [row for row in log.projected() if row["sequence"] == 5]
    assert result == ErasureResult(records=1, projected_rows=2, files=2)
    assert [(row["applicant_id"], row[FEATURES[0]], row["decision"]) for row in rows] == [(None, None, "REFUSE")] * 2


def test_records_that_wait_for_their_bundle_do_not_come_in_behind_it(log: Log) -> None:
    """What no table holds yet is empty when one does."""
    log.add(VALUES[1:2], model_version=UNKNOWN)

    result = log.erase("applicant-4")

    assert (result.records, log.erased()) == (1, [4])


def test_projections_that_are_made_anew_are_the_same(log: Log) -> None:
    """Though files that the ledger's first commits named are gone."""
    log.add()
    log.erase()
    before = log.projected()
    shutil.rmtree(log.folder / "log" / "predictions")

    log.project()

    assert log.projected() == before
    assert before[1][FEATURES[0]] is None


def test_segments_are_stored_on_a_handle_from_before_the_erasure(log: Log) -> None:
    """The appender does not know of it, and need not; a segment that is sent again is still known."""
    first, _ = Spool().seal(VALUES)
    log.erase()

    repeated = log.ledger.append(first)
    log.add()

    assert repeated.already_stored
    assert [row["sequence"] for row in log.rows()] == [1, 2, 3, 4, 5, 6]
    assert log.erased() == [2]
    assert_proven(log, erased=1)


def test_whom_it_was_about_is_known_by_a_digest_alone(log: Log) -> None:
    """Whoever names the person is told of the erasure; the erasure names nobody."""
    log.erase()

    (found,), _ = log.erasures.list(page_size=5, before="", subject=Subject(PERSON))
    others, _ = log.erasures.list(page_size=5, before="", subject=Subject("applicant-1"))

    assert (found.job.kind, found.request.reason, others) == (KIND, "Article 17", [])
    assert log.eraser.subjects.get(found.job.id) is None
    assert found.job.state is JobState.RUNNING


def test_a_refused_erasure_keeps_no_subject(log: Log) -> None:
    """The job of a request_id that is taken is another's."""
    wish: Callable[[str], ErasureWish] = lambda person: ErasureWish(Subject(person), "Article 17")  # noqa: E731
    first = log.erasures.create(wish(PERSON), request_id="r-1", caller="CN=dpo")
    same = log.erasures.create(wish(PERSON), request_id="r-1", caller="CN=dpo")

    with pytest.raises(Exception, match="with other content"):
        log.erasures.create(wish("applicant-1"), request_id="r-1", caller="CN=dpo")

    assert same.job.id == first.job.id
    assert [log.eraser.subjects.get(f"er-{number}") for number in range(3)] == [Subject(PERSON), None, None]
