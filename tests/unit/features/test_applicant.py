"""One applicant's features are those of the whole tables, to the bit."""

import math
import random
from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.features.applicant import ApplicantFeatures
from shared.features.building import build_features
from shared.features.columns import feature_columns
from shared.features.derivation import with_derived
from shared.features.levels import Levels, fit_levels
from shared.features.rowwise import add_derived
from shared.features.sets import SPECIFICATIONS, FeatureSet
from shared.features.specification import Derived, FeatureSpecification
from tests.unit.features.applicant_rows import ApplicantRows, applicant_rows
from tests.unit.features.random_tables import random_tables

CLIENTS = range(1, 10)
FINITE = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))
OPERATIONS = ("ratio", "difference", "excess", "positive", "product", "sum", "mean", "min", "max", "std", "missing")


def names_of(levels: Levels, specification: FeatureSpecification) -> list[str]:
    """Return the names of all features."""
    return [column.name for column in feature_columns(levels, specification)]


def with_uneven_numbers(tables: Mapping[str, pl.LazyFrame], seed: int) -> dict[str, pl.LazyFrame]:
    """Return the tables with their floats scaled by odd factors, so that the order of a sum shows in its last bits."""
    chance = random.Random(seed)  # noqa: S311  # it scatters numbers and guards nothing
    return {
        name: frame.with_columns(
            pl.when(pl.col(pl.Float64) != 365243.0).then(pl.col(pl.Float64) * chance.uniform(0.1, 3.0)).name.keep()
        )
        for name, frame in tables.items()
    }


@pytest.mark.parametrize("feature_set", FeatureSet)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_feature_equals_that_of_the_whole_tables(feature_set: FeatureSet, seed: int) -> None:
    """Missing cells, sentinels, divisions by zero, orphans, unseen rows: whatever there is in random tables."""
    specification = SPECIFICATIONS[feature_set]
    tables = with_uneven_numbers(random_tables(seed, clients=9, rows=40), seed)
    levels = fit_levels(tables, specification)
    names = names_of(levels, specification)
    bulk = build_features(tables, levels, specification).frame

    single = ApplicantFeatures(levels, specification, names)
    rows = applicant_rows(tables, CLIENTS)
    made = [single.compute(rows[client].application, rows[client].history) for client in bulk["SK_ID_CURR"]]

    expected = bulk.select(names).fill_null(math.nan).to_numpy()
    np.testing.assert_array_equal(np.array(made), expected)


def test_an_applicant_without_history_has_missing_values_not_zeros() -> None:
    """As a client who is in no row of a table."""
    specification = SPECIFICATIONS[FeatureSet.REFERENCE]
    tables = random_tables(3, clients=9, rows=40)
    levels = fit_levels(tables, specification)
    single = ApplicantFeatures(levels, specification, ["BURO_DAYS_CREDIT_MEAN", "POS_COUNT"])

    assert all(math.isnan(value) for value in single.compute({}, {}))


def test_only_the_features_asked_for_are_made_in_the_order_of_the_specification() -> None:
    """A model reads some of them; what they are made of comes along."""
    specification = SPECIFICATIONS[FeatureSet.EXTENDED]
    tables = random_tables(4, clients=9, rows=40)
    levels = fit_levels(tables, specification)
    rows = applicant_rows(tables, CLIENTS)[3]
    names = names_of(levels, specification)
    whole = dict(zip(names, compute(levels, specification, names, rows), strict=True))
    wanted = [names[-1], "CREDIT_BURO_PERC", "AMT_CREDIT"]

    single = ApplicantFeatures(levels, specification, wanted)

    assert single.names == tuple(name for name in names if name in wanted)
    made = single.compute(rows.application, rows.history)
    np.testing.assert_array_equal(made, [whole[name] for name in single.names])


def test_a_stored_history_completes_a_new_application() -> None:
    """The history's features by name, those across tables computed from both."""
    specification = SPECIFICATIONS[FeatureSet.EXTENDED]
    tables = random_tables(5, clients=9, rows=60)
    levels = fit_levels(tables, specification)
    names = names_of(levels, specification)
    known, other = applicant_rows(tables, CLIENTS)[4], applicant_rows(tables, CLIENTS)[5]
    single = ApplicantFeatures(levels, specification, names)
    stored = dict(zip(names, single.compute(known.application, known.history), strict=True))

    mixed = single.complete(other.application, {name: stored[name] for name in single.history_names})

    np.testing.assert_array_equal(mixed, single.compute(other.application, known.history))


def test_a_name_that_is_no_feature_is_refused() -> None:
    """A bundle that reads something else cannot be served raw applications."""
    tables = random_tables(6, clients=9, rows=40)
    specification = SPECIFICATIONS[FeatureSet.REFERENCE]

    with pytest.raises(ValueError, match="'SHOE_SIZE' is no feature"):
        ApplicantFeatures(fit_levels(tables), specification, ["AMT_CREDIT", "SHOE_SIZE"])


@pytest.mark.parametrize("operation", OPERATIONS)
@given(cells=st.lists(FINITE, min_size=3, max_size=3))
def test_each_operation_on_a_row_is_that_on_many(operation: str, cells: list[float | None]) -> None:
    """Whatever finite numbers and missing values it is given; what is not finite afterwards is missing to the loops."""
    inputs = {"ratio": "ab", "difference": "ab", "excess": "ab", "positive": "a"}.get(operation, "abc")
    derived = Derived("made", operation, tuple(inputs))  # type: ignore[arg-type]  # one of its literals
    row = dict(zip("abc", cells, strict=True))
    frame = pl.DataFrame({name: pl.Series([value], dtype=pl.Float64) for name, value in row.items()})

    add_derived(row, (derived,))
    (expected,) = with_derived(frame, [derived])["made"].to_list()

    assert usable(row["made"]) == usable(expected)


def usable(value: float | None) -> float | None:
    """Return the value as what comes after takes it."""
    return value if value is not None and math.isfinite(value) else None


def compute(levels: Levels, specification: FeatureSpecification, names: list[str], rows: ApplicantRows) -> list[float]:
    """Return all features of one applicant."""
    return ApplicantFeatures(levels, specification, names).compute(rows.application, rows.history)
