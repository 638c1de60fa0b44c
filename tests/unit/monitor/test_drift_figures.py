"""Verdicts on drift as figures for the rules."""

from dataclasses import replace

from services.monitor.domain.drift_figures import measurements_of_drift
from services.monitor.domain.drift_verdict import ContributionDrift, DriftKind, DriftVerdict
from services.monitor.domain.rules import Watch
from tests.unit.monitor.verdicts import CREDIT, DRIFTED, STABLE

MISSING = replace(
    CREDIT, feature="EXT_SOURCE_2", kinds=(DriftKind.MISSING,), reference_missing_share=0.4, current_missing_share=0.95
)


def _figures(found: DriftVerdict) -> dict[Watch, float]:
    return {each.watch: each.value for each in measurements_of_drift(found)}


def test_what_did_not_drift_measures_nothing() -> None:
    """However large a figure is, it raises no alert unless the verdict is that it is no chance; and 0 resolves one."""
    lucky = replace(STABLE, score=replace(STABLE.score, psi=0.9))  # type: ignore[type-var]  # it has a score

    assert _figures(lucky) == {
        Watch.DATA_DRIFT: 0.0,
        Watch.MISSINGNESS: 0.0,
        Watch.SCORE_DRIFT: 0.0,
        Watch.CONTRIBUTION_DRIFT: 0.0,
    }
    assert {each.rows for each in measurements_of_drift(STABLE)} == {5_000}


def test_drifted_features_are_a_share_of_the_judged_ones_and_named() -> None:
    """Who reads the alert knows where to look."""
    data, *_ = measurements_of_drift(DRIFTED)

    assert (data.watch, data.value) == (Watch.DATA_DRIFT, 1 / 6)
    assert data.detail == "1 of 6 features drifted, first of all AMT_CREDIT"


def test_the_largest_rise_in_missing_values_is_what_counts() -> None:
    """A feature that is missing less often than before is no broken source."""
    fewer = replace(MISSING, feature="OWN_CAR_AGE", reference_missing_share=0.9, current_missing_share=0.1)
    found = replace(DRIFTED, drifted_count=3, features=(CREDIT, fewer, MISSING))

    (missingness,) = (each for each in measurements_of_drift(found) if each.watch is Watch.MISSINGNESS)

    assert missingness.value == 0.95 - 0.4
    assert missingness.detail == "2 feature(s), most of all EXT_SOURCE_2, from 40.0% to 95.0%"


def test_score_and_contributions_have_figures_of_their_own() -> None:
    """The stability index of the margins, and the share of features that weigh otherwise."""
    heavier = ContributionDrift("AMT_CREDIT", reference_mean=0.1, current_mean=0.3, p=1e-9)
    score = replace(STABLE, score=replace(STABLE.score, psi=0.3, drifted=True))  # type: ignore[type-var]  # as above
    found = replace(score, contributions_drifted=True, contribution_rows=900, contributions=(heavier,))

    measured = {each.watch: each for each in measurements_of_drift(found)}

    assert measured[Watch.SCORE_DRIFT].value == 0.3
    assert (measured[Watch.CONTRIBUTION_DRIFT].value, measured[Watch.CONTRIBUTION_DRIFT].rows) == (1 / 6, 900)


def test_a_window_that_was_not_judged_measures_nothing_at_all() -> None:
    """So that it neither raises nor resolves anything."""
    unjudged = DriftVerdict(STABLE.model_version, STABLE.window, rows=7, minimum_rows=100)

    assert list(measurements_of_drift(unjudged)) == []
