"""The comparison is asked only about what can be compared, and reports are jobs that keep what was asked."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl
import pytest

from services.monitor.adapters.report_files import HTML, ReportFiles
from services.monitor.domain.drift import Comparison, Documents, DriftBounds, DriftResult, Outcome, Verdict
from services.monitor.domain.report import AskedReport, ReportRequest, ReportResult
from services.monitor.domain.status import Tally
from services.monitor.domain.window import Window
from services.monitor.drift_board import DriftBoard
from services.monitor.reporting import compare, title
from services.monitor.reports import Report, Reports
from services.monitor.standing import Standing
from shared.errors import AlreadyExists, InvalidInput, Precondition, Unavailable
from shared.jobs.store import JobStore
from tests.unit.monitor.models import FEATURES, MODEL_VERSION, KnownModels, model_facts
from tests.unit.monitor.test_report import RESULT

ALIAS = "models/credit-default/versions/champion"
AMOUNT, CODE, SPARSE = FEATURES
BOUNDS = DriftBounds(minimum_rows=3, drifted_share=0.5)


@dataclass
class MeanComparer:
    """Finds a column drifted if its mean moved by one, and keeps what it was asked about."""

    asked: list[tuple[list[str], frozenset[str]]] = field(default_factory=list)

    def compare(
        self,
        current: pl.DataFrame,
        reference: pl.DataFrame,
        categorical: frozenset[str],
        bounds: DriftBounds,
        most_drawn: int | None,
    ) -> tuple[Mapping[str, Comparison], Documents]:
        """Return the distances of the means."""
        assert most_drawn is None
        assert current.columns == reference.columns
        assert current.height >= bounds.minimum_rows
        self.asked.append((current.columns, categorical))
        moves = (reference.mean() - current.mean()).row(0, named=True)
        found = {name: Comparison("mean", abs(move), 1.0, abs(move) >= 1.0) for name, move in moves.items()}
        return found, Documents("<html><body></body></html>", "{}")


@dataclass
class Desk:
    """Reports over a store on disk, with an alias that can be moved."""

    folder: Path
    models: KnownModels = field(default_factory=lambda: KnownModels(model_facts()))
    behind: Unavailable | None = None
    woken: int = 0

    def __post_init__(self) -> None:
        """Open the reports of the folder."""
        self.models.facts[ALIAS] = model_facts()
        self.store = JobStore(f"sqlite:///{self.folder / 'jobs.db'}")
        self.standing = Standing(lambda _: Tally(), self.models, DriftBoard().verdicts)
        ids = itertools.count(1)
        self.reports = Reports(
            self.store,
            ReportFiles(self.folder / "reports"),
            self.models,
            self.standing,
            await_projection=self._await,
            wake=self._wake,
            new_id=lambda: f"r-{next(ids)}",
        )

    def create(self, request_id: str = "", window: Window | None = None, **fields: int) -> Report:
        """Ask for a report on the champion."""
        return self.reports.create(AskedReport(ALIAS, window, **fields), request_id=request_id, caller="someone")  # type: ignore[arg-type]  # max_rows alone

    def succeed(self, report: Report, result: DriftResult = RESULT) -> None:
        """End a report's job as its process would."""
        attempt = self.store.start(report.job.id).attempt
        self.store.succeed(report.job.id, attempt, ReportResult(result, "run-1").to_json())

    def _await(self, _: str) -> None:
        if self.behind is not None:
            raise self.behind

    def _wake(self) -> None:
        self.woken += 1


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return reports over an empty store."""
    return Desk(tmp_path)


def _compare(current: pl.DataFrame, comparer: MeanComparer) -> tuple[DriftResult, Documents | None]:
    reference = pl.DataFrame({AMOUNT: [1.0, 2, 3], CODE: [0.0, 1, 0], SPARSE: [1.0, 1, 1]})
    return compare(
        current,
        reference,
        comparer=comparer,
        model=model_facts(),
        bounds=BOUNDS,
        most_drawn=None,
        tell=lambda *_: None,
    )


def test_only_columns_with_enough_values_reach_the_comparison() -> None:
    """With those named that hold codes; the others keep the verdict of the screening."""
    comparer = MeanComparer()
    current = pl.DataFrame({AMOUNT: [9.0, 9, 9], CODE: [0.0, 1, 0], SPARSE: [1.0, None, None]})

    result, documents = _compare(current, comparer)

    assert comparer.asked == [([AMOUNT, CODE], frozenset({CODE}))]
    assert [column.verdict for column in result.columns] == [Verdict.DRIFTED, Verdict.STABLE, Verdict.TOO_FEW]
    assert (result.drifted_share, result.drifted) == (0.5, True)
    assert documents is not None


def test_too_few_rows_are_never_compared() -> None:
    """The method is not asked at all, and no document of it is made up."""
    comparer = MeanComparer()

    result, documents = _compare(pl.DataFrame({name: [1.0, 2.0] for name in FEATURES}), comparer)

    assert (result.outcome, result.current_rows, result.reference_rows) == (Outcome.WINDOW_TOO_SMALL, 2, 3)
    assert (comparer.asked, documents) == ([], None)


def test_a_title_says_what_was_compared() -> None:
    """By the version that the alias stood for."""
    request = ReportRequest(AskedReport(ALIAS, Window()), MODEL_VERSION, FEATURES)

    assert title(request) == f"Drift of logged predictions against the training data of {MODEL_VERSION}"
    assert "production split" in title(replace(request, asked=AskedReport(ALIAS, None)))


def test_a_repeated_request_returns_its_report_though_the_alias_has_moved(desk: Desk) -> None:
    """What was asked is the same; the report stays on the version that it was made for."""
    first = desk.create("id-1")
    desk.models.facts[ALIAS] = model_facts(model_version="models/credit-default/versions/2")

    again, fresh = desk.create("id-1"), desk.create("id-2")

    assert (again.job.id, again.request.model_version) == (first.job.id, MODEL_VERSION)
    assert fresh.request.model_version == "models/credit-default/versions/2"


def test_a_request_id_with_another_question_is_refused(desk: Desk) -> None:
    """One of the two answers would be to the wrong question."""
    desk.create("id-1", max_rows=100)

    with pytest.raises(AlreadyExists) as refused:
        desk.create("id-1", max_rows=200)

    assert refused.value.reason == "REQUEST_ID_REUSED"


def test_a_report_that_can_never_work_is_not_stored(desk: Desk) -> None:
    """Bounds are checked before anyone is asked for the model."""
    with pytest.raises(InvalidInput):
        desk.create(max_rows=1)

    assert (desk.models.asked, desk.woken) == (0, 0)
    assert desk.reports.list(page_size=5) == ([], "")


def test_only_a_window_waits_for_the_projection(desk: Desk) -> None:
    """The production split lies in MLflow whatever the log does."""
    desk.behind = Unavailable("try again", reason="PROJECTION_BEHIND")

    desk.create()
    with pytest.raises(Unavailable):
        desk.create(window=Window())

    assert len(desk.reports.list(page_size=5)[0]) == 1


def test_the_standing_knows_a_succeeded_report_after_a_restart(desk: Desk) -> None:
    """Of logged predictions alone: the production split says nothing of today."""
    production, logged = desk.create(), desk.create(window=Window())
    desk.succeed(logged)
    desk.succeed(production)

    restarted = Desk(desk.folder)
    restarted.reports.load()

    news = restarted.standing.status(MODEL_VERSION).report
    assert news is not None
    assert (news.report_id, news.drifted, news.drifted_share) == (logged.job.id, RESULT.drifted, RESULT.drifted_share)


def test_documents_are_read_once_there_are_any(desk: Desk) -> None:
    """Not before the report has succeeded, and not after the disk has lost them."""
    report = desk.create()
    with pytest.raises(Precondition) as early:
        desk.reports.document(report.job.id, HTML)
    desk.succeed(report)
    with pytest.raises(Precondition) as lost:
        desk.reports.document(report.job.id, HTML)

    ReportFiles(desk.folder / "reports").keep(report.job.id, Documents("<html>", "{}"))

    assert (early.value.reason, lost.value.reason) == ("REPORT_NOT_READY", "REPORT_FILE_MISSING")
    assert desk.reports.document(report.job.id, HTML).read_text() == "<html>"


def test_a_queued_report_is_cancelled_at_once_and_tells_nobody(desk: Desk) -> None:
    """It has no result that could be news."""
    report = desk.create(window=Window())

    cancelled = desk.reports.cancel(report.job.id)

    assert cancelled.result is None
    assert cancelled.job.state.ended
    assert desk.standing.status(MODEL_VERSION).report is None
