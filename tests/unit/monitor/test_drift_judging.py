"""A verdict needs a large and a sure shift in enough rows, and says what has shifted."""

from dataclasses import replace

import numpy as np
import pytest

from services.monitor.domain.drift_judging import DriftLimits
from services.monitor.domain.drift_verdict import DriftKind
from services.monitor.domain.histograms import Decisions
from services.monitor.domain.reference import Reference
from shared.bundle.profile import Profile, fit_profile
from tests.unit.monitor.references import (
    AMOUNT,
    FIRST_LEVEL,
    N_FEATURES,
    SCORE,
    TRAIN_ROWS,
    contributions,
    decided,
    drifted,
    trained,
    training,
    verdict_on,
)


def test_training_data_itself_has_not_drifted() -> None:
    """Every figure is nothing, every missing share is the same."""
    verdict = verdict_on(training())

    assert (verdict.rows, verdict.judged_count, verdict.drifted_count) == (TRAIN_ROWS, 5, 0)
    assert verdict.data_drifted is verdict.contributions_drifted is False
    assert verdict.score is not None
    assert (verdict.score.drifted, verdict.score.psi, verdict.score.p) == (False, 0.0, 1.0)
    assert not verdict.features
    assert not verdict.contributions


@pytest.mark.parametrize("rows", [50, 100, 500, 5_000])
def test_windows_like_the_training_data_raise_no_alarm(rows: int) -> None:
    """At most two of a hundred, however few rows are judged; benchmarks.drift has two hundred of many columns."""
    limits = DriftLimits(minimum_rows=0)

    verdicts = [verdict_on(training(rows, seed), limits=limits) for seed in range(2, 102)]

    assert sum(bool(verdict.data_drifted) for verdict in verdicts) <= 2
    assert sum(bool(verdict.score and verdict.score.drifted) for verdict in verdicts) <= 2
    assert sum(bool(verdict.contributions_drifted) for verdict in verdicts) <= 2


def test_too_small_a_window_is_not_judged() -> None:
    """However far its few rows are from the training data."""
    verdict = verdict_on(np.full((99, N_FEATURES), 7.0))

    assert (verdict.rows, verdict.minimum_rows) == (99, 100)
    assert verdict.data_drifted is verdict.contributions_drifted is None
    assert verdict.score is None


def test_shift_of_one_feature_is_found_with_its_figures() -> None:
    """And nothing else is, but for the scores and contributions that it moves."""
    values = training(5_000, seed=3)
    values[:, SCORE] **= 3

    verdict = verdict_on(values)

    (found,) = drifted(verdict).values()
    assert (verdict.data_drifted, verdict.drifted_count) == (True, 1)
    assert (found.feature, found.kinds) == ("EXT_SOURCE_2", (DriftKind.VALUES, DriftKind.RANGE))
    assert found.psi > 0.2
    assert 0.1 < found.jensen_shannon < 1
    assert found.wasserstein == pytest.approx((1 / 2 - 1 / 4) / np.sqrt(1 / 12), abs=0.05)
    assert found.values_p < 1e-9
    assert found.missing_p > 0.001
    assert found.weight == pytest.approx(0.6, abs=0.15)
    assert verdict.score is not None
    assert verdict.score.drifted
    assert [part.feature for part in verdict.contributions] == ["EXT_SOURCE_2"]
    assert verdict.contributions[0].current_mean < 0.75 * verdict.contributions[0].reference_mean


def test_sure_but_small_shift_is_no_drift() -> None:
    """With enough rows anything is sure; three hundredths of a deviation move no decision."""
    values = training(50_000, seed=4)
    values[:, AMOUNT] *= 1.03

    verdict = verdict_on(values)

    assert not verdict.data_drifted


def test_values_that_go_missing_are_found() -> None:
    """From 40 % to 95 %: what is still known looks as before."""
    values = training(2_000, seed=5)
    values[np.random.default_rng(500).uniform(size=2_000) < 0.92, SCORE] = np.nan

    found = drifted(verdict_on(values))["EXT_SOURCE_2"]

    assert found.kinds == (DriftKind.MISSING,)
    assert found.reference_missing_share == pytest.approx(0.4, abs=0.01)
    assert found.current_missing_share == pytest.approx(0.95, abs=0.02)
    assert found.missing_p < 1e-9


def test_values_beyond_the_training_data_are_found_and_those_out_of_bounds_told() -> None:
    """Thirty absurd amounts shift no tenth of 2,000; three below zero are too few for anything but a word."""
    values = training(2_000, seed=6)
    values[:3, AMOUNT] = -1.0
    (told,) = verdict_on(values).features
    values[3:33, AMOUNT] = 1e9

    (found,) = verdict_on(values).features

    assert (told.feature, told.kinds, told.out_of_bounds_share) == ("AMT_CREDIT", (), 3 / 2_000)
    assert (found.kinds, found.out_of_range_share, found.out_of_bounds_share) == ((DriftKind.RANGE,), 0.0165, 0.0015)


def test_levels_of_a_text_are_tested_as_one_and_unseen_ones_counted() -> None:
    """A new product has none of the levels that training knew."""
    values = training(2_000, seed=7)
    values[:400, FIRST_LEVEL:] = 0.0

    found = drifted(verdict_on(values))["TYPE"]

    assert (found.kinds, found.wasserstein) == ((DriftKind.VALUES,), None)
    assert found.unseen_count == int((values[:, FIRST_LEVEL:] == 0).all(axis=1).sum())
    assert found.reference_unseen_share == pytest.approx(0.002, abs=0.001)


def test_erased_decisions_do_not_count() -> None:
    """Their features are gone; taken for missing ones they would be a drift that nobody caused."""
    values = training(2_000, seed=8)
    values[:500] = np.nan

    verdict = verdict_on(values)

    assert (verdict.rows, verdict.data_drifted) == (1_500, False)


def test_contributions_are_judged_by_the_rows_that_have_some() -> None:
    """Chunks of a stream are logged without; their values count all the same."""
    verdict = verdict_on(training(500, seed=9), explained=False)

    assert (verdict.rows, verdict.contribution_rows, verdict.contributions_drifted) == (500, 0, None)
    assert verdict.data_drifted is False


def test_bundle_from_before_centres_and_deviations_is_judged_too() -> None:
    """Its distances are rougher, its verdicts the same."""
    model = trained()
    document = model.profile.to_json()
    del document["contribution_deviations"]
    for column in (*document["features"], document["margins"]):
        del column["centres"]
    older = replace(model, profile=Profile.from_json(document))
    values = training(5_000, seed=3)
    values[:, SCORE] **= 3

    verdict, calm = verdict_on(values, model=older), verdict_on(training(5_000, seed=3), model=older)

    assert list(drifted(verdict)) == ["EXT_SOURCE_2"]
    assert drifted(verdict)["EXT_SOURCE_2"].wasserstein == pytest.approx(0.87, abs=0.1)
    assert calm.data_drifted is calm.contributions_drifted is False


def test_margins_may_be_of_other_rows_than_the_values() -> None:
    """Shares of training are those of the rows that the model learnt from, whatever the margins are of."""
    model, values = trained(), training(1_000, seed=11)
    unseen = decided(values).margins
    names = model.schema.names
    seen = np.column_stack([contributions(training()), np.full(TRAIN_ROWS, -2.0)])
    apart = replace(model, profile=fit_profile(training(), seen, names, unseen_margins=unseen))

    verdict = verdict_on(values, model=apart)

    assert Reference.of(apart).rows == TRAIN_ROWS
    assert verdict.score is not None
    assert (verdict.score.psi, verdict.data_drifted) == (0.0, False)


def test_sketches_add_up() -> None:
    """Windows are sums of buckets: rows counted together or apart give one verdict."""
    reference, decisions = Reference.of(trained()), decided(training(700, seed=10))
    whole = reference.bins.sketch(decisions)
    parts = reference.bins.empty()

    for rows in (slice(0, 300), slice(300, 301), slice(301, None)):
        parts.add(reference.bins.sketch(decisions.take(rows)))

    assert (parts.rows, parts.contribution_rows) == (700, 700)
    assert np.array_equal(parts.counts, whole.counts)
    assert (parts.counts.sum(axis=1) == 700).all()
    assert parts.contribution_sums == pytest.approx(whole.contribution_sums)


def test_no_decisions_are_an_empty_sketch() -> None:
    """A segment of tests and what-ifs has none."""
    nothing = Decisions(np.empty(0), np.empty((0, N_FEATURES)), np.empty(0))

    assert Reference.of(trained()).bins.sketch(nothing).rows == 0
