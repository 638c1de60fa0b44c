"""The threshold is the cheapest of all, and it costs exactly what it promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.trainer.domain.threshold import Costs, best_cost, best_threshold, cost_at

_INSIDE = st.floats(min_value=0.0, max_value=1.0, exclude_min=True, exclude_max=True)
# A coarse grid makes ties, neighbours of one probability make gaps that no midpoint fits in.
_PROBABILITIES = st.one_of(
    _INSIDE,
    st.sampled_from([0.1, 0.25, 0.5, 0.75]),
    st.sampled_from([0.5, float(np.nextafter(0.5, 1.0)), float(np.nextafter(0.5, 0.0))]),
    st.sampled_from([5e-324, float(np.nextafter(1.0, 0.0))]),
)
_APPLICANTS = st.lists(st.tuples(st.integers(0, 1), _PROBABILITIES), min_size=1, max_size=40)
_COSTS = st.builds(Costs, st.integers(1, 20).map(float), st.integers(1, 20).map(float))


def _split(applicants: list[tuple[int, float]]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    return np.array([a[0] for a in applicants], dtype=np.int8), np.array([a[1] for a in applicants])


@given(_APPLICANTS, _COSTS)
def test_refusing_at_the_threshold_costs_what_was_promised(applicants: list[tuple[int, float]], costs: Costs) -> None:
    """Refuse iff probability >= threshold, also between neighbouring floating-point numbers and at ties."""
    targets, probabilities = _split(applicants)

    threshold = best_threshold(targets, probabilities, costs)

    assert 0.0 < threshold.value < 1.0
    assert cost_at(targets, probabilities, threshold.value, costs) == threshold.cost


@given(_APPLICANTS, _COSTS)
def test_no_threshold_of_a_fine_grid_is_cheaper(applicants: list[tuple[int, float]], costs: Costs) -> None:
    """The search is exact: a thousand evenly spaced thresholds and every probability itself find nothing better."""
    targets, probabilities = _split(applicants)
    grid = [*np.linspace(0.0005, 0.9995, 1000), *probabilities]

    threshold = best_threshold(targets, probabilities, costs)

    assert threshold.cost <= min(cost_at(targets, probabilities, t, costs) for t in grid) + 1e-12


def test_equal_probabilities_are_never_cut_apart() -> None:
    """Ten applicants of one probability are refused together or not at all, whatever order they come in."""
    targets = np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 0], dtype=np.int8)
    probabilities = np.full(10, 0.3)

    threshold = best_threshold(targets, probabilities, Costs(false_negative=8.0))

    assert threshold.cost == 0.8
    assert threshold.value > 0.3


def test_a_threshold_lies_midway_between_two_candidates() -> None:
    """The gap is split evenly, so that a slightly other probability on either side keeps its decision."""
    targets = np.array([0, 0, 1], dtype=np.int8)

    threshold = best_threshold(targets, np.array([0.1, 0.2, 0.6]), Costs())

    assert threshold.value == pytest.approx(0.4)
    assert threshold.cost == 0.0


@pytest.mark.parametrize(("targets", "refused"), [([1, 1, 1], 3), ([0, 0, 0], 0)])
def test_refusing_all_and_approving_all_are_candidates(targets: list[int], refused: int) -> None:
    """Where everyone defaults everyone is refused, where nobody does nobody is, at a cost of nothing."""
    probabilities = np.array([0.2, 0.5, 0.9])

    threshold = best_threshold(np.array(targets, dtype=np.int8), probabilities, Costs())

    assert (probabilities >= threshold.value).sum() == refused
    assert threshold.cost == 0.0


def test_of_equally_cheap_cuts_the_one_that_refuses_fewest_is_taken() -> None:
    """Refusing both and refusing the riskier one cost 1 either way; the lender keeps the customer."""
    targets = np.array([0, 1, 0], dtype=np.int8)

    threshold = best_threshold(targets, np.array([0.2, 0.5, 0.8]), Costs(1.0, 1.0))

    assert threshold.value > 0.8


def test_the_best_cost_of_margins_is_that_of_their_probabilities() -> None:
    """Only the order counts, so the search may rank margins before a calibrator exists."""
    random = np.random.default_rng(7)
    targets = (random.random(500) < 0.1).astype(np.int8)
    margins = random.normal(size=500) + targets

    cost = best_cost(targets, margins, Costs())

    assert cost == best_threshold(targets, 1.0 / (1.0 + np.exp(-margins)), Costs()).cost


_STAKES = st.lists(st.tuples(st.integers(0, 1), _PROBABILITIES, st.integers(1, 4_000_000)), min_size=1, max_size=40)
_SHARES = Costs(0.5, 0.125, "AMT_CREDIT", "AMT_CREDIT")


@given(_STAKES)
def test_no_threshold_of_a_grid_of_hundredths_is_cheaper_where_each_applicant_has_a_cost_of_their_own(
    applicants: list[tuple[int, float, int]],
) -> None:
    """Exact over every cut, and what was promised is what it costs, also with a credit of millions beside one of 1."""
    targets, probabilities = _split([(target, probability) for target, probability, _ in applicants])
    amounts = np.array([float(amount) for _, _, amount in applicants])
    grid = [*np.arange(0.01, 1.0, 0.01), *probabilities]

    threshold = best_threshold(targets, probabilities, _SHARES, amounts)

    assert cost_at(targets, probabilities, threshold.value, _SHARES, amounts) == threshold.cost
    assert best_cost(targets, probabilities, _SHARES, amounts) <= threshold.cost
    assert all(threshold.cost <= cost_at(targets, probabilities, t, _SHARES, amounts) for t in grid)


def test_a_large_credit_outweighs_many_small_ones() -> None:
    """One default of 1,000 below three good applicants of 10 each: refusing all four loses only the margins."""
    targets = np.array([1, 0, 0, 0], dtype=np.int8)
    probabilities = np.array([0.1, 0.2, 0.3, 0.4])
    amounts = np.array([1000.0, 10.0, 10.0, 10.0])

    threshold = best_threshold(targets, probabilities, Costs(0.6, 0.1, "AMT_CREDIT", "AMT_CREDIT"), amounts)

    assert threshold.value == pytest.approx(0.05)
    assert threshold.cost == pytest.approx(0.1 * 30.0 / 4)


@given(_APPLICANTS, _COSTS)
def test_amounts_of_one_are_plain_costs(applicants: list[tuple[int, float]], costs: Costs) -> None:
    """To the last bit: counting is the special case."""
    targets, probabilities = _split(applicants)

    assert best_threshold(targets, probabilities, costs, np.ones(len(targets))) == best_threshold(
        targets, probabilities, costs
    )


def test_costs_of_a_column_without_its_amounts_are_a_mistake_of_the_programmer() -> None:
    """Taking 1 for every amount would tune for other costs than were asked for, and tell nobody."""
    targets, probabilities = np.array([0, 1], dtype=np.int8), np.array([0.2, 0.3])

    with pytest.raises(ValueError, match="taken from columns"):
        best_threshold(targets, probabilities, _SHARES)
    with pytest.raises(ValueError, match="taken from columns"):
        cost_at(targets, probabilities, 0.25, _SHARES)


def test_costs_as_json_name_only_columns_that_there_are() -> None:
    """What a bundle says of plain costs is two numbers."""
    assert Costs().to_json() == {"false_negative": 10.0, "false_positive": 1.0}
    assert _SHARES.columns == ("AMT_CREDIT",)
    assert Costs(**_SHARES.to_json()) == _SHARES  # type: ignore[arg-type]  # each value has its field's type
