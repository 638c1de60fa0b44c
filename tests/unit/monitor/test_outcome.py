"""Which decision an outcome is about, and what no outcome can be."""

import datetime as dt
import math
from dataclasses import replace

import pytest

from services.monitor.domain.outcome import DecisionKey, Logged, Reported, fits, resolve
from services.monitor.domain.prediction import PredictionName
from shared.errors import InvalidInput, NotFound, Precondition
from tests.unit.monitor.models import MODEL_VERSION
from tests.unit.monitor.segments import NOW

NAME = PredictionName(MODEL_VERSION, "p-1")
LOGGED = Logged(NAME, NOW, "DECISION", applicant_id="100001", as_of_date="2026-02-20")
REPORT = Reported(NAME, defaulted=True, observation_time=NOW + dt.timedelta(days=90))
LATER = NOW + dt.timedelta(days=100)


def violations(report: Reported) -> dict[str, str]:
    """Return what is said of a report by field."""
    with pytest.raises(InvalidInput) as refusal:
        resolve(report, [LOGGED], now=LATER, field="outcomes[3]")
    return {each.field: each.description for each in refusal.value.violations}


def test_a_report_is_about_the_decision_it_names() -> None:
    """Also one observed on the very day of the decision, by the date alone."""
    same_day = replace(REPORT, observation_time=NOW.replace(hour=0))

    assert resolve(REPORT, [LOGGED], now=LATER, field="outcomes[0]").decision is LOGGED
    assert resolve(same_day, [LOGGED], now=LATER, field="outcomes[0]").report is same_day


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (DecisionKey("100001", dt.date(2026, 2, 20)), True),
        (DecisionKey("100001", NOW.date()), True),
        (DecisionKey("100001", NOW.date(), MODEL_VERSION), True),
        (DecisionKey("100001", NOW.date(), f"{MODEL_VERSION}2"), False),
        (DecisionKey("100001", dt.date(2026, 2, 21)), False),
        (DecisionKey("100002", NOW.date()), False),
    ],
)
def test_a_key_fits_by_applicant_and_either_date(key: DecisionKey, expected: bool) -> None:
    """The as-of date of the application, or the day of the decision."""
    assert fits(key, LOGGED) is expected


def test_a_prediction_that_is_not_in_the_log_is_named() -> None:
    """By the field that the lender has to look at: name or key."""
    key = replace(REPORT, decision=DecisionKey("100001", NOW.date()))

    for report, field in ((REPORT, "outcomes[3].prediction"), (key, "outcomes[3].key")):
        with pytest.raises(NotFound, match="names no prediction") as refusal:
            resolve(report, [], now=LATER, field="outcomes[3]")
        assert (refusal.value.reason, refusal.value.metadata["field"]) == ("PREDICTION_NOT_FOUND", field)


def test_two_decisions_that_fit_are_not_guessed_between() -> None:
    """A test of the integration beside the decision is no second one."""
    other = replace(LOGGED, name=PredictionName(MODEL_VERSION, "p-2"))
    key = replace(REPORT, decision=DecisionKey("100001", NOW.date()))

    with pytest.raises(Precondition, match="2 decisions fit") as refusal:
        resolve(key, [LOGGED, other], now=LATER, field="outcomes[3]")

    assert refusal.value.reason == "AMBIGUOUS_DECISION"
    assert resolve(key, [LOGGED, replace(other, purpose="TEST")], now=LATER, field="").decision is LOGGED


def test_what_was_not_decided_has_no_outcome() -> None:
    """A what-if can neither be repaid nor default."""
    with pytest.raises(Precondition, match="not scored for a decision") as refusal:
        resolve(REPORT, [replace(LOGGED, purpose="WHAT_IF")], now=LATER, field="outcomes[3]")

    assert refusal.value.reason == "NOT_A_DECISION"


def test_what_cannot_be_is_named_field_by_field() -> None:
    """All at once, but for what only the decision tells."""
    impossible = replace(REPORT, observation_time=LATER + dt.timedelta(days=2), loss_amount=math.inf)
    early = replace(REPORT, observation_time=NOW - dt.timedelta(days=1))

    assert set(violations(impossible)) == {"outcomes[3].observation_time", "outcomes[3].loss_amount"}
    assert violations(replace(REPORT, loss_amount=-1.0)).keys() == {"outcomes[3].loss_amount"}
    assert "before the day" in violations(early)["outcomes[3].observation_time"]
