"""A grid is checked to the last value before any work starts."""

import pytest

from services.trainer.domain.hyperparameters import (
    Grid,
    Hyperparameter,
    HyperparameterValue,
    Range,
    Scale,
    check_grid,
    combinations_of,
    values_of,
)
from shared.errors import InvalidInput

_KNOWN = (
    Hyperparameter("leaves", "integer", 8, "How many.", 2, 64),
    Hyperparameter("rate", "real", 0.1, "How fast.", 0.001, 1.0),
    Hyperparameter("solver", "text", "slow", "Which way.", choices=("slow", "fast")),
)


@pytest.mark.parametrize(
    ("grid", "path"),
    [
        ({"leafs": (8,)}, 'grid["leafs"]'),
        ({"leaves": ()}, 'grid["leaves"].values'),
        ({"leaves": (8, 1)}, 'grid["leaves"].values[1]'),
        ({"leaves": (8, 65)}, 'grid["leaves"].values[1]'),
        ({"leaves": (8.0,)}, 'grid["leaves"].values[0]'),
        ({"leaves": ("8",)}, 'grid["leaves"].values[0]'),
        ({"rate": (0.1, float("nan"))}, 'grid["rate"].values[1]'),
        ({"rate": (0.5, 1, 1.0)}, 'grid["rate"].values[2]'),
        ({"solver": ("fast", "best")}, 'grid["solver"].values[1]'),
        ({"solver": (1,)}, 'grid["solver"].values[0]'),
        ({"leafs": Range(2, 8, steps=3)}, 'grid["leafs"]'),
        ({"solver": Range(0.0, 1.0, steps=2)}, 'grid["solver"].range'),
        ({"leaves": Range(1, 8, steps=3)}, 'grid["leaves"].range.minimum'),
        ({"leaves": Range(2, 65, steps=3)}, 'grid["leaves"].range.maximum'),
        ({"leaves": Range(2.5, 8, steps=3)}, 'grid["leaves"].range.minimum'),
        ({"leaves": Range(8, 8, steps=3)}, 'grid["leaves"].range.minimum'),
        ({"rate": Range(0.5, 0.1, steps=3)}, 'grid["rate"].range.minimum'),
        ({"rate": Range(0.1, float("nan"), steps=3)}, 'grid["rate"].range.maximum'),
        ({"rate": Range(0.1, 0.5)}, 'grid["rate"].range.steps'),
        ({"rate": Range(0.1, 0.5, steps=1)}, 'grid["rate"].range.steps'),
    ],
)
def test_what_is_wrong_is_named_by_its_path(grid: Grid, path: str) -> None:
    """A client can point at the very value in its form."""
    with pytest.raises(InvalidInput) as refusal:
        check_grid(grid, _KNOWN)

    assert [violation.field for violation in refusal.value.violations] == [path]


def test_a_grid_beyond_its_bound_is_refused() -> None:
    """63 leaves times 16 rates would be 1,008 trials."""
    grid = {"leaves": tuple(range(2, 65)), "rate": tuple(n / 100 for n in range(1, 17))}

    with pytest.raises(InvalidInput, match="1008 combinations"):
        check_grid(grid, _KNOWN)


def test_a_choice_of_very_many_values_is_refused_before_any_is_looked_at() -> None:
    """Comparing each with all before it would keep the server busy for hours, and naming each would fill the reply."""
    with pytest.raises(InvalidInput) as refusal:
        check_grid({"leaves": (1,) * 1_000_000, "rate": ()}, _KNOWN)

    assert [violation.field for violation in refusal.value.violations] == ["grid"]


def test_every_combination_is_tried_with_defaults_for_the_rest() -> None:
    """The order is that of the values as given, the last hyper-parameter changing fastest."""
    combinations = combinations_of({"leaves": (4, 8), "rate": (1,)}, _KNOWN)

    assert combinations == [
        {"leaves": 4, "rate": 1.0, "solver": "slow"},
        {"leaves": 8, "rate": 1.0, "solver": "slow"},
    ]


def test_no_grid_means_the_defaults_alone() -> None:
    """One trial."""
    assert combinations_of({}, _KNOWN) == [{"leaves": 8, "rate": 0.1, "solver": "slow"}]


def test_a_logarithmic_range_begins_above_zero() -> None:
    """Also where the hyper-parameter itself may be zero."""
    penalty = Hyperparameter("penalty", "real", 0.0, "How hard.", 0.0, 9.0)

    check_grid({"penalty": Range(0.0, 9.0, Scale.LINEAR, 3)}, [penalty])
    with pytest.raises(InvalidInput) as refusal:
        check_grid({"penalty": Range(0.0, 9.0, Scale.LOGARITHMIC, 3)}, [penalty])

    assert [violation.field for violation in refusal.value.violations] == ['grid["penalty"].range.minimum']


def test_steps_are_for_a_full_grid_alone() -> None:
    """Draws come from the whole range; steps that mean nothing are not ignored."""
    check_grid({"rate": Range(0.1, 0.5)}, _KNOWN, exhaustive=False)

    with pytest.raises(InvalidInput) as refusal:
        check_grid({"rate": Range(0.1, 0.5, steps=3)}, _KNOWN, exhaustive=False)

    assert [violation.field for violation in refusal.value.violations] == ['grid["rate"].range.steps']


@pytest.mark.parametrize(
    ("name", "choice", "expected"),
    [
        ("leaves", Range(2, 10, steps=3), [2, 6, 10]),
        ("leaves", Range(2, 64, Scale.LOGARITHMIC, 6), [2, 4, 8, 16, 32, 64]),
        ("leaves", Range(2, 4, steps=1000), [2, 3, 4]),
        ("rate", Range(0.25, 0.75, steps=3), [0.25, 0.5, 0.75]),
        ("rate", Range(0.001, 1, Scale.LOGARITHMIC, 4), [0.001, 0.01, 0.1, 1.0]),
    ],
)
def test_the_steps_of_a_range_hold_both_bounds(name: str, choice: Range, expected: list[HyperparameterValue]) -> None:
    """Whole numbers stay whole and are tried once each."""
    known = next(hyperparameter for hyperparameter in _KNOWN if hyperparameter.name == name)

    values = values_of(known, choice)

    assert values == pytest.approx(expected)
    assert (values[0], values[-1]) == (expected[0], expected[-1])
    assert {type(value) for value in values} == {type(expected[0])}


def test_steps_count_among_the_combinations() -> None:
    """A range of a thousand steps beside two values is too much."""
    with pytest.raises(InvalidInput, match="2000 combinations"):
        check_grid({"rate": Range(0.1, 0.5, steps=1000), "leaves": (2, 3)}, _KNOWN)


def test_where_not_all_is_tried_only_the_number_of_values_is_bounded() -> None:
    """12,600 combinations of 263 values are fine to draw from; a list of a million values is not."""
    check_grid({"leaves": tuple(range(2, 65)), "rate": tuple(n / 200 for n in range(1, 201))}, _KNOWN, exhaustive=False)

    with pytest.raises(InvalidInput) as refusal:
        check_grid({"leaves": (1,) * 1_000_000}, _KNOWN, exhaustive=False)

    assert [violation.field for violation in refusal.value.violations] == ["grid"]
