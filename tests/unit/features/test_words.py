"""Every word of the specification against a few lines of pandas and numpy, on random tables."""

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from shared.features.building import FeatureTable, build_features
from shared.features.columns import FeatureColumn, feature_columns
from shared.features.levels import fit_levels
from tests.unit.features.random_tables import only_client, random_tables, shuffled
from tests.unit.features.small_set import SCORES, SMALL

Tables = Mapping[str, pl.LazyFrame]
Values = NDArray[np.float64]
SEEDS = st.integers(0, 2**32 - 1)
SUMMARIES: Mapping[str, Callable[[Values], Values]] = {
    "SCORES_PRODUCT": lambda scores: np.prod(scores, axis=1),
    "SCORES_SUM": lambda scores: np.where(np.isnan(scores).all(axis=1), np.nan, np.nansum(scores, axis=1)),
    "SCORES_MEAN": lambda scores: np.nanmean(scores, axis=1),
    "SCORES_MIN": lambda scores: np.nanmin(scores, axis=1),
    "SCORES_MAX": lambda scores: np.nanmax(scores, axis=1),
    "SCORES_STD": lambda scores: np.nanstd(scores, axis=1, ddof=1),
    "SCORES_MISSING": lambda scores: np.isnan(scores).sum(axis=1),
    "SCORES_WEIGHTED": lambda scores: (
        np.nansum(scores * [1.0, 2.0, 4.0], axis=1) / (~np.isnan(scores) * [1.0, 2.0, 4.0]).sum(axis=1)
    ),
}


def built(tables: Tables) -> FeatureTable:
    """Return the small set's features of the tables with their own levels."""
    return build_features(tables, fit_levels(tables, SMALL), SMALL)


def column_of(table: FeatureTable, name: str) -> Values:
    """Return one feature of all clients, NaN where it is missing."""
    return table.frame[name].to_numpy().astype(np.float64)


def to_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """Return the frame with NaN for missing numbers."""
    return pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})


def bureau_of(tables: Tables) -> pd.DataFrame:
    """Return the credits with what is owed on each and its rank by date among its client's."""
    rows = to_pandas(tables["bureau"].collect())
    rows["OWED"] = rows["AMT_CREDIT_SUM_DEBT"] - rows["AMT_CREDIT_SUM_OVERDUE"]
    rows["RANK"] = rows.groupby("SK_ID_CURR")["DAYS_CREDIT"].rank(method="min", ascending=False)
    return rows


def assert_equal(table: FeatureTable, name: str, expected: "pd.Series[float]") -> None:
    """Compare one feature with the value of each client that has one."""
    theirs = expected.reindex(table.frame["SK_ID_CURR"].to_numpy()).to_numpy(dtype=float)
    np.testing.assert_allclose(column_of(table, name), theirs, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_summary_over_columns_takes_those_that_are_there(tables: Tables, name: str) -> None:
    """Only the product needs them all: two of three scores still have a mean."""
    table = built(tables)
    scores = np.column_stack([column_of(table, score) for score in SCORES])

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = SUMMARIES[name](scores)

    np.testing.assert_allclose(column_of(table, name), expected, rtol=1e-12)
    assert {int(there) for there in (~np.isnan(scores)).sum(axis=1)} >= {1, 2, 3}


def test_a_derived_column_may_be_made_of_one_before_it(tables: Tables) -> None:
    """What is left of the credit, whether anything is, and a score times a term."""
    table = built(tables)
    credit, annuity = column_of(table, "AMT_CREDIT"), column_of(table, "AMT_ANNUITY")
    with np.errstate(all="ignore"):
        term = np.where(annuity == 0.0, np.nan, credit / annuity)
    left = credit - annuity

    np.testing.assert_array_equal(column_of(table, "LEFT"), left)
    np.testing.assert_array_equal(column_of(table, "BEYOND"), np.where(np.isnan(left), 0.0, np.maximum(left, 0.0)))
    np.testing.assert_array_equal(column_of(table, "ANY_LEFT"), np.where(np.isnan(left), np.nan, left > 0.0))
    np.testing.assert_allclose(column_of(table, "SCORE_TERM"), column_of(table, "SCORES_MEAN") * term, rtol=1e-12)


@settings(max_examples=12, deadline=None)
@given(seed=SEEDS)
def test_a_window_holds_the_rows_between_its_bounds(seed: int) -> None:
    """Both bounds belong to it, and a row without the number does not."""
    tables = random_tables(seed, clients=6, rows=25)
    rows = bureau_of(tables)
    recent = rows[rows["DAYS_CREDIT"].between(-1, 2)].groupby("SK_ID_CURR")["AMT_CREDIT_SUM"]

    table = built(tables)

    for function in ("min", "max", "mean", "var"):
        assert_equal(table, f"B_RECENT_AMT_CREDIT_SUM_{function.upper()}", recent.agg(function))
    assert_equal(table, "B_RECENT_COUNT", recent.size())


@settings(max_examples=12, deadline=None)
@given(seed=SEEDS)
def test_the_last_rows_are_those_with_fewer_later_ones(seed: int) -> None:
    """Two credits of the last day are both the last one."""
    tables = random_tables(seed, clients=6, rows=25)
    rows = bureau_of(tables)
    last = rows[rows["RANK"] <= 1].groupby("SK_ID_CURR")

    table = built(tables)

    assert_equal(table, "B_LAST_DAYS_CREDIT_MAX", rows.groupby("SK_ID_CURR")["DAYS_CREDIT"].max())
    assert_equal(table, "B_LAST_COUNT", last.size())
    assert_equal(table, "B_LAST_DAYS_CREDIT_NUNIQUE", last["DAYS_CREDIT"].nunique())
    assert_equal(table, "B_LAST_CREDIT_ACTIVE_Closed_MEAN", last["CREDIT_ACTIVE"].agg(lambda s: (s == "Closed").mean()))
    assert_equal(table, "B_LAST_CREDIT_ACTIVE_nan_MEAN", last["CREDIT_ACTIVE"].agg(lambda s: s.isna().mean()))


@settings(max_examples=12, deadline=None)
@given(seed=SEEDS)
def test_a_subset_meets_all_of_its_conditions(seed: int) -> None:
    """Among the last three by date, active, and something owed on a derived column."""
    tables = random_tables(seed, clients=6, rows=40)
    rows = bureau_of(tables)
    chosen = rows[(rows["RANK"] <= 3) & (rows["CREDIT_ACTIVE"] == "Active") & (rows["OWED"] >= 0.0)]

    table = built(tables)

    assert_equal(table, "B_LAST3_OWING_OWED_SUM", chosen.groupby("SK_ID_CURR")["OWED"].sum())


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_combined_features_are_computed_from_the_features_beside_them(seed: int) -> None:
    """Across tables, after all of them are joined, and from one another."""
    table = built(random_tables(seed, clients=6, rows=25))
    trend = column_of(table, "B_RECENT_AMT_CREDIT_SUM_MEAN") - column_of(table, "B_AMT_CREDIT_SUM_MEAN")
    counts = np.column_stack([column_of(table, "B_RECENT_COUNT"), column_of(table, "P_COUNT")])
    with np.errstate(all="ignore"):
        ratio = np.where(trend == 0.0, np.nan, column_of(table, "AMT_CREDIT") / trend)

    np.testing.assert_array_equal(column_of(table, "B_RECENT_TREND"), trend)
    np.testing.assert_array_equal(column_of(table, "CREDIT_TREND"), ratio)
    expected = np.where(np.isnan(counts).all(axis=1), np.nan, np.nansum(counts, axis=1))
    np.testing.assert_array_equal(column_of(table, "RECORDS"), expected)


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_a_client_alone_has_the_same_features_in_any_order_of_the_rows(seed: int) -> None:
    """Windows, ranks and combinations look at nobody else's rows."""
    tables = random_tables(seed, clients=4, rows=16)
    levels = fit_levels(tables, SMALL)

    bulk = build_features(shuffled(tables, seed), levels, SMALL).frame
    alone = pl.concat(build_features(only_client(tables, number), levels, SMALL).frame for number in range(1, 5))

    assert_frame_equal(alone, bulk, rel_tol=1e-12, abs_tol=1e-12)


def test_columns_are_as_announced(tables: Tables) -> None:
    """Names, order and inputs are known before anything is computed."""
    levels = fit_levels(tables, SMALL)

    columns = feature_columns(levels, SMALL)

    assert built(tables).frame.columns[2:] == [column.name for column in columns]
    named = {column.name: column for column in columns}
    assert named["SCORE_TERM"].columns == (*SCORES, "AMT_CREDIT", "AMT_ANNUITY")
    assert named["B_DEBT_PERC_MEAN"].columns == ("AMT_CREDIT_SUM_DEBT", "AMT_CREDIT_SUM_OVERDUE", "AMT_CREDIT_SUM")
    assert named["B_LAST3_OWING_OWED_SUM"].columns == (
        "AMT_CREDIT_SUM_DEBT",
        "AMT_CREDIT_SUM_OVERDUE",
        "DAYS_CREDIT",
        "CREDIT_ACTIVE",
    )
    assert named["RECORDS"].columns == ("bureau.DAYS_CREDIT", "POS_CASH_balance.SK_ID_CURR")
    assert _inputs(named["CREDIT_TREND"]) == ["AMT_CREDIT", "B_RECENT_TREND"]


def test_a_combined_feature_without_one_of_its_tables_is_left_out(tables: Tables) -> None:
    """And so is one that is made of it."""
    without = {name: frame for name, frame in tables.items() if name != "bureau"}

    frame = built(without).frame

    assert "P_COUNT" in frame.columns
    assert not {"B_RECENT_TREND", "RECORDS", "CREDIT_TREND"} & set(frame.columns)


def _inputs(column: FeatureColumn) -> list[str]:
    return [feature.name for feature in column.inputs]
