"""A grid is checked to the last value before any work starts."""

import pytest

from services.trainer.domain.hyperparameters import Grid, Hyperparameter, check_grid, combinations_of
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
