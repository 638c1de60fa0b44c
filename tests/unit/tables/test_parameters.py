"""Draws follow the measured distributions, and the committed file holds distributions only."""

import json
from importlib import resources
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.special import ndtri

from shared.tables.schema import TABLES
from shared.tables.synthetic.clients import mixed, owners, positions, tolerated
from shared.tables.synthetic.parameters import FILE, PROBABILITIES, Conditional, Floats, Marginal, load_parameters
from shared.tables.synthetic.shapes import SHAPES

_HALVES = Marginal(0.25, levels=np.array(["low", "high"], dtype=object), shares=np.array([0.5, 0.5]))
_LINE = np.linspace(10.0, 20.0, len(PROBABILITIES))
_GRID = Marginal(0.0, grid=_LINE)


def _entries() -> dict[str, Any]:
    text = resources.files("shared.tables.synthetic").joinpath(FILE).read_text(encoding="utf-8")
    entries: dict[str, Any] = json.loads(text)
    return entries


def _columns(entry: dict[str, Any]) -> list[dict[str, Any]]:
    pooled = list(entry["columns"].values())
    return pooled + [part for column in pooled for part in column.get("by", {}).values()]


def test_levels_come_with_their_shares_in_order_of_the_normal_numbers() -> None:
    """A shift of the normal numbers is a shift towards later levels."""
    drawn = _HALVES.draw(np.array([-9.0, -0.1, 0.1, 9.0]))

    assert drawn.tolist() == ["low", "low", "high", "high"]


def test_the_share_of_missing_values_is_cut_from_the_second_numbers() -> None:
    """A quarter is missing: the numbers below the lower quartile."""
    drawn = _HALVES.draw(np.zeros(2), np.array([ndtri(0.24), ndtri(0.26)]))

    assert drawn.tolist() == [None, "high"]


@settings(deadline=None)
@given(st.lists(st.floats(-6, 6), min_size=2, max_size=20))
def test_grid_draws_rise_with_the_normal_numbers_and_never_leave_the_grid(normals: list[float]) -> None:
    """No value is further out than what was measured."""
    drawn = _GRID.draw(np.sort(normals))

    assert (np.diff(drawn) >= 0).all()
    assert drawn.min() >= 10.0
    assert drawn.max() <= 20.0


def test_a_quantile_is_drawn_at_its_probability() -> None:
    """The median of the normal numbers gives the median of the grid."""
    middle = int(np.flatnonzero(PROBABILITIES == 0.5)[0])

    assert _GRID.draw(np.array([0.0]))[0] == _LINE[middle]


def test_each_kind_draws_from_its_own_distribution() -> None:
    """A kind too rare to be measured draws from the pooled one."""
    column = Conditional(_GRID, {"card": Marginal(0.0, levels=np.array([7.0]), shares=np.array([1.0]))})

    drawn = column.draw(np.full(3, -9.0), None, np.array(["card", "loan", "card"], dtype=object))

    assert drawn.tolist() == [7.0, 10.0, 7.0]


def test_normal_numbers_are_correlated_as_measured() -> None:
    """External scores agree somewhat, an annuity does with its credit; each column is standard normal."""
    parameters = load_parameters()["application"]
    lower = _entries()["application"]["correlation"]

    drawn = parameters.normals(np.random.default_rng(0), 40_000)

    names = parameters.correlated
    measured = np.corrcoef([drawn[name] for name in names])
    expected = np.array([[lower[max(i, j)][min(i, j)] for j in range(len(names))] for i in range(len(names))])
    assert np.abs(measured - expected).mean() < 0.02
    assert np.std([drawn[name] for name in names], axis=1) == pytest.approx(1.0, abs=0.02)


def test_mixing_in_traits_keeps_numbers_standard_normal() -> None:
    """Rows of a client share the trait's part, and the marginal stays what was measured."""
    rng = np.random.default_rng(1)
    trait, owner = rng.standard_normal(20_000), np.repeat(np.arange(20_000), 2)

    mix = mixed(rng.standard_normal(40_000), owner, (trait, 0.6))

    assert mix.std() == pytest.approx(1.0, abs=0.02)
    assert np.corrcoef(mix[::2], mix[1::2])[0, 1] == pytest.approx(0.36, abs=0.03)


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=8))
def test_positions_count_each_run_from_zero(lengths: list[int]) -> None:
    """An empty run has no element."""
    run, place = positions(np.array(lengths, dtype=np.int64))

    expected = [(i, j) for i, length in enumerate(lengths) for j in range(length)]
    assert list(zip(run.tolist(), place.tolist(), strict=True)) == expected


def test_clients_own_as_many_rows_as_drawn() -> None:
    """In order, so that a client's rows are next to each other until the table is shuffled."""
    rows = Conditional(Marginal(0.0, levels=np.array([0.0, 2.0]), shares=np.array([0.5, 0.5])), {})

    assert_array_equal(owners(rows, np.array([1.0, -1.0, 1.0])), [0, 0, 2, 2])


def test_only_short_delays_are_tolerated() -> None:
    """A long delay is rarely of a small sum."""
    delays: Floats = np.array([0.0, 5.0, 30.0, 31.0])

    assert_array_equal(tolerated(np.random.default_rng(0), delays, 1.0), [0, 5, 30, 0])


def test_every_shape_has_its_parameters() -> None:
    """The file is measured anew when a shape is added; ROWS_PER_CLIENT is measured beside the shapes."""
    for table, shapes in SHAPES.items():
        assert set(load_parameters()[table].columns) - {"ROWS_PER_CLIENT"} == set(shapes.shapes)


def test_the_committed_file_holds_aggregates_only() -> None:
    """A column is a grid of 31 quantiles, or levels with shares; nothing else is as long as a table."""
    for entry in _entries().values():
        assert set(entry) == {"columns", "correlated", "correlation", "profile", "profiles", "facts"}
        for column in _columns(entry):
            assert set(column) <= {"missing", "grid", "levels", "shares", "by"}
            assert len(column.get("grid", PROBABILITIES)) == len(PROBABILITIES)
            assert len(column.get("levels", [])) == len(column.get("shares", [])) <= 60
        assert all(len(row) == len(entry["profile"]) + 1 for row in entry["profiles"])


def test_the_committed_file_holds_no_identifier() -> None:
    """No SK_ID column is measured."""
    keys = {key for schema in TABLES.values() for key in schema.keys}

    assert not keys & {name for entry in _entries().values() for name in entry["columns"]}
