"""The tag of a status tells every two statuses apart, and the standing keeps the newest report."""

import datetime as dt
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from services.monitor.domain.status import DriftStatus, ReportNews, Tally, newer
from services.monitor.drift_board import DriftBoard
from services.monitor.drift_messages import status_to_proto
from services.monitor.standing import Standing
from tests.unit.monitor.models import MODEL_VERSION, KnownModels

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
# Few values of each field, so that two statuses are often equal and often differ in one field alone.
TIMES = st.sampled_from([NOON, NOON + dt.timedelta(microseconds=1), NOON + dt.timedelta(days=1)])
NEWS = st.builds(
    ReportNews,
    report_id=st.sampled_from(["r-1", "r-2"]),
    end_time=TIMES,
    drifted=st.sampled_from([None, True, False]),
    drifted_share=st.sampled_from([None, 0.0, 0.25, 0.1 + 0.2, 0.3]),
)
TALLIES = st.builds(Tally, st.integers(0, 2), st.none() | TIMES)
STATUSES = st.builds(DriftStatus, st.sampled_from([MODEL_VERSION, f"{MODEL_VERSION}0"]), TALLIES, st.none() | NEWS)


@settings(deadline=None)
@given(STATUSES, STATUSES)
def test_two_statuses_have_one_tag_if_and_only_if_they_are_equal(one: DriftStatus, other: DriftStatus) -> None:
    """Also where they differ by a microsecond or in the last bit of a share."""
    assert (one.etag == other.etag) is (one == other)
    assert len(one.etag) == 32


@settings(deadline=None)
@given(STATUSES, STATUSES)
def test_who_knows_the_tag_of_a_status_is_told_no_more(known: DriftStatus, now: DriftStatus) -> None:
    """And who knows another one is told all of it."""
    message = status_to_proto(now, known_etag=known.etag)

    assert message.etag == now.etag
    assert bool(message.model_version) is (known != now)


@settings(deadline=None)
@given(st.lists(NEWS, min_size=1, max_size=6))
def test_the_newest_report_counts_whatever_order_they_end_in(reports: list[ReportNews]) -> None:
    """A report that is noted again, after a restart for instance, changes nothing."""
    standing = Standing(lambda _: Tally(1, NOON), KnownModels(), DriftBoard().verdicts)

    for report in [*reports, *reports]:
        standing.note(MODEL_VERSION, report)

    kept = standing.status(MODEL_VERSION).report
    assert kept in reports
    assert kept is not None
    assert kept.end_time == max(report.end_time for report in reports)


@settings(deadline=None)
@given(st.lists(TALLIES, min_size=1, max_size=5).flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))))
def test_tallies_have_one_sum_in_every_order(orders: tuple[list[Tally], list[Tally]]) -> None:
    """Segments of many instances arrive as they please."""
    tallies, shuffled = orders
    total, other = Tally(), Tally()

    for tally, another in zip(tallies, shuffled, strict=True):
        total, other = total.plus(tally), other.plus(another)

    assert total == other
    assert total.count == sum(tally.count for tally in tallies)


def test_of_two_reports_that_ended_at_once_the_one_heard_of_last_counts() -> None:
    """The clock has no finer answer."""
    known = ReportNews("r-1", NOON, drifted=True, drifted_share=1.0)
    found = replace(known, report_id="r-2")

    assert newer(known, found) == found


def test_models_do_not_share_a_standing() -> None:
    """A report on one version says nothing of another."""
    standing = Standing(lambda _: Tally(1, NOON), KnownModels(), DriftBoard().verdicts)
    standing.note(MODEL_VERSION, ReportNews("r-1", NOON, drifted=True, drifted_share=1.0))

    assert standing.status(f"{MODEL_VERSION}0").report is None
