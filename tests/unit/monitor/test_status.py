"""The cheap answer and its tag."""

import datetime as dt
from dataclasses import replace

import pytest

from services.monitor.domain.status import DriftStatus, ReportNews, Tally, newer
from services.monitor.drift_board import DriftBoard
from services.monitor.standing import Standing
from shared.errors import InvalidInput, NotFound
from tests.unit.monitor.models import MODEL_VERSION, KnownModels, model_facts

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
NEWS = ReportNews("r-1", NOON, drifted=True, drifted_share=0.75)
STATUS = DriftStatus(MODEL_VERSION, Tally(5, NOON), NEWS)


@pytest.mark.parametrize(
    "changed",
    [
        replace(STATUS, model_version="models/credit-default/versions/2"),
        replace(STATUS, tally=Tally(6, NOON)),
        replace(STATUS, tally=Tally(5, NOON + dt.timedelta(microseconds=1))),
        replace(STATUS, report=None),
        replace(STATUS, report=replace(NEWS, drifted=None, drifted_share=None)),
        replace(STATUS, report=replace(NEWS, report_id="r-2")),
    ],
)
def test_the_tag_changes_with_anything_that_a_caller_sees(changed: DriftStatus) -> None:
    """A poll that compares tags misses nothing."""
    assert changed.etag != STATUS.etag
    assert replace(STATUS).etag == STATUS.etag


def test_tallies_add_up_in_any_order() -> None:
    """Segments may arrive late."""
    earlier, later = Tally(2, NOON), Tally(3, NOON + dt.timedelta(hours=1))

    assert earlier.plus(later) == later.plus(earlier) == Tally(5, NOON + dt.timedelta(hours=1))
    assert Tally().plus(earlier) == earlier


def test_an_older_report_changes_nothing() -> None:
    """Reports end in any order; the newest one counts."""
    older = replace(NEWS, report_id="r-0", end_time=NOON - dt.timedelta(hours=1))

    assert newer(NEWS, older) == NEWS
    assert newer(older, NEWS) == NEWS
    assert newer(None, older) == older


def test_a_status_known_from_memory_asks_nobody() -> None:
    """Monitoring jobs poll; MLflow may be down."""
    models = KnownModels()
    standing = Standing(lambda _: Tally(5, NOON), models, DriftBoard().verdicts)
    standing.note(MODEL_VERSION, NEWS)

    assert standing.status(MODEL_VERSION) == STATUS
    assert models.asked == 0


def test_a_version_that_does_not_exist_is_not_found() -> None:
    """A mistyped name must not look like a model without predictions."""
    standing = Standing(lambda _: Tally(), KnownModels(model_facts()), DriftBoard().verdicts)

    assert standing.status(MODEL_VERSION) == DriftStatus(MODEL_VERSION, Tally(), None)
    with pytest.raises(NotFound):
        standing.status("models/credit-default/versions/2")


def test_an_alias_has_no_status() -> None:
    """It would have to be looked up at each poll, and its tag would jump when it moves."""
    standing = Standing(lambda _: Tally(), KnownModels(model_facts()), DriftBoard().verdicts)

    with pytest.raises(InvalidInput):
        standing.status("models/credit-default/versions/champion")
