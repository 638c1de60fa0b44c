"""The reference profile: bins that hold every value, and the features that weigh most."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bundle.profile import BINS, Profile, fit_profile, profile_column
from tests.bundles import TinyBundle


@given(values=st.lists(st.one_of(st.floats(-1e9, 1e9), st.just(float("nan"))), max_size=60))
def test_every_value_is_in_one_bin_and_missing_ones_in_none(values: list[float]) -> None:
    """Counts and the missing share account for all rows."""
    column = np.array(values, dtype=np.float64)

    profile = profile_column(column)

    known = int(np.count_nonzero(~np.isnan(column)))
    assert sum(profile.counts) == known
    assert len(profile.centres) == (len(profile.counts) if known else 0)
    assert np.array_equal(np.searchsorted(profile.edges, profile.centres), np.arange(len(profile.centres)))
    assert len(profile.counts) == len(profile.edges) + 1 <= BINS
    assert np.all(np.diff(profile.edges) > 0)
    assert profile.missing_share == pytest.approx(1 - known / len(column) if len(column) else 0.0)


def test_bins_of_a_continuous_column_are_about_equally_full() -> None:
    """Ten tenths, so that a shift anywhere shows."""
    column = np.random.default_rng(3).normal(size=1000)

    profile = profile_column(column)

    assert len(profile.counts) == BINS
    assert max(profile.counts) - min(profile.counts) <= 1


def test_column_of_few_values_has_a_bin_for_each() -> None:
    """A binary's share of ones is seen as such."""
    column = np.array([0.0, 1.0, 1.0, np.nan, 0.0, 1.0])

    profile = profile_column(column)

    assert (profile.edges, profile.counts) == ((0.0,), (2, 3))
    assert profile.missing_share == pytest.approx(1 / 6)


def test_centre_of_a_bin_is_its_middle_value() -> None:
    """A few absurd values do not move it, so that distances between bins mean something."""
    column = np.concatenate([np.arange(1.0, 101.0), [1e300] * 3])

    profile = profile_column(column, bins=2)

    assert profile.edges == (51.0,)
    assert profile.centres == (26.0, 78.0)


def test_spread_of_contributions_is_profiled_beside_their_mean() -> None:
    """A shift of the mean is held against it."""
    contributions = np.array([[1.0, -2.0, 5.0], [-3.0, 2.0, 5.0]])

    profile = fit_profile(np.zeros((2, 2)), contributions, ("a", "b"))

    assert profile.mean_absolute_contributions == (2.0, 2.0)
    assert profile.contribution_deviations == (1.0, 0.0)


def test_profile_of_an_older_bundle_is_read() -> None:
    """It has neither centres nor deviations; what drift is measured by without them is the monitor's matter."""
    document = fit_profile(np.zeros((2, 1)), np.ones((2, 2)), ("a",)).to_json()
    del document["contribution_deviations"], document["margins"]["centres"], document["features"][0]["centres"]

    profile = Profile.from_json(document)

    assert profile.contribution_deviations == ()
    assert profile.features[0].centres == profile.margins.centres == ()
    assert profile.features[0].counts == (2,)


def test_column_with_no_value_at_all_is_only_missing() -> None:
    """It is a profile like any other, not an error."""
    profile = profile_column(np.full(4, np.nan))

    assert (profile.edges, profile.counts, profile.missing_share, profile.centres) == ((), (0,), 1.0, ())


def test_column_that_is_mostly_one_value_keeps_the_rest_apart() -> None:
    """Nine of ten quantiles fall together there."""
    column = np.concatenate([np.zeros(950), np.arange(1.0, 51.0)])

    profile = profile_column(column)

    assert profile.edges == (0.0,)
    assert profile.counts == (950, 50)


def test_heaviest_features_come_first_and_ties_in_order() -> None:
    """The monitor compares these by default."""
    contributions = np.array([[0.1, -3.0, 0.1, 2.0, 9.0], [-0.1, 3.0, 0.1, 0.0, 9.0]])
    profile = fit_profile(np.zeros((2, 4)), contributions, ("a", "b", "c", "d"))

    heaviest = profile.heaviest(3)

    assert heaviest == ("b", "d", "a")
    assert profile.heaviest(99) == ("b", "d", "a", "c")


def test_margins_are_profiled_from_contributions_and_baseline(trees: TinyBundle) -> None:
    """A shift of the scores themselves has a reference too."""
    model, values = trees.contents.model, trees.values

    profile = fit_profile(values, model.contributions(values), trees.contents.schema.names)

    assert sum(profile.margins.counts) == len(values)
    assert model.margins(values).min() <= profile.margins.edges[0] <= profile.margins.edges[-1]


def test_margins_of_rows_that_the_model_has_not_seen_stand_for_those_to_come(trees: TinyBundle) -> None:
    """It gives the rows that it learnt from margins that lie further apart; without others theirs must do."""
    model, values, names = trees.contents.model, trees.values, trees.contents.schema.names
    contributions, unseen = model.contributions(values[:600]), model.margins(values[600:])

    profile = fit_profile(values[:600], contributions, names, unseen_margins=unseen)

    assert profile.margins == profile_column(unseen)
    assert profile.features == fit_profile(values[:600], contributions, names).features
    assert sum(profile.features[0].counts) == 600


def test_profile_comes_back_from_json_as_it_was(trees: TinyBundle) -> None:
    """Edges are kept to the last bit."""
    profile = trees.contents.profile

    read = Profile.from_json(json.loads(json.dumps(profile.to_json())))

    assert read == profile


@pytest.mark.parametrize(("rows", "columns", "names"), [(0, 3, 2), (4, 2, 2), (4, 3, 1)])
def test_profile_refuses_shapes_that_do_not_fit(rows: int, columns: int, names: int) -> None:
    """Without the baseline column the margins would be wrong in silence."""
    with pytest.raises(ValueError, match="baseline as last column"):
        fit_profile(np.zeros((rows, 2)), np.zeros((rows, columns)), ("a", "b")[:names])
