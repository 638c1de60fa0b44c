"""The specification-driven build against a few lines of pandas that follow the reference script, on random tables."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.features.building import build_features
from shared.features.levels import fit_levels
from tests.unit.features.random_tables import random_tables

Tables = Mapping[str, pl.LazyFrame]
SEEDS = st.integers(0, 2**32 - 1)
BUREAU_NUMBERS = {
    "DAYS_CREDIT": ["min", "max", "mean", "var"],
    "AMT_CREDIT_SUM": ["max", "mean", "sum"],
    "CNT_CREDIT_PROLONG": ["sum"],
    "MONTHS_BALANCE_MIN": ["min"],
    "MONTHS_BALANCE_SIZE": ["mean", "sum"],
}


def to_pandas(frame: pl.LazyFrame) -> pd.DataFrame:
    """Return the frame with NaN for missing numbers, as pandas.read_csv gives it."""
    columns = frame.collect()
    return pd.DataFrame({name: columns[name].to_numpy() for name in columns.columns})


def one_hot(frame: pd.DataFrame, texts: list[str], *, missing: bool) -> tuple[pd.DataFrame, list[str]]:
    """Return the frame with its text columns encoded, and the names of the new columns."""
    before = set(frame.columns)
    encoded = pd.get_dummies(frame, columns=texts, dummy_na=missing)
    return encoded, [column for column in encoded.columns if column not in before]


def means(columns: list[str]) -> dict[str, list[str]]:
    """Return the aggregation of each column to its mean."""
    return {column: ["mean"] for column in columns}


def aggregate(frame: pd.DataFrame, prefix: str, functions: Mapping[str, list[str]]) -> pd.DataFrame:
    """Return the frame aggregated per client, columns named as the reference names them."""
    grouped = frame.groupby("SK_ID_CURR").agg(dict(functions))
    grouped.columns = pd.Index([f"{prefix}{column}_{function.upper()}" for column, function in grouped.columns])
    return grouped


def expect_bureau(tables: Tables) -> pd.DataFrame:
    """Return some of the features of bureau and bureau_balance."""
    balance, states = one_hot(to_pandas(tables["bureau_balance"]), ["STATUS"], missing=True)
    wanted = {"MONTHS_BALANCE": ["min", "max", "size"], **means(states)}
    monthly = balance.groupby("SK_ID_BUREAU").agg(wanted)
    monthly.columns = pd.Index([f"{column}_{function.upper()}" for column, function in monthly.columns])
    texts = ["CREDIT_ACTIVE", "CREDIT_CURRENCY", "CREDIT_TYPE"]
    raw = to_pandas(tables["bureau"])
    bureau, levels = one_hot(raw, texts, missing=True)
    bureau = bureau.join(monthly, how="left", on="SK_ID_BUREAU")
    shares = means([*levels, *(f"{state}_MEAN" for state in states)])
    whole = aggregate(bureau, "BURO_", {**BUREAU_NUMBERS, **shares})
    active = aggregate(bureau[raw["CREDIT_ACTIVE"] == "Active"], "ACTIVE_", BUREAU_NUMBERS)
    return whole.join(active, how="left")


def expect_instalments(tables: Tables) -> pd.DataFrame:
    """Return some of the features of installments_payments."""
    rows = to_pandas(tables["installments_payments"])
    rows["PAYMENT_PERC"] = (rows["AMT_PAYMENT"] / rows["AMT_INSTALMENT"]).replace([np.inf, -np.inf], np.nan)
    rows["PAYMENT_DIFF"] = rows["AMT_INSTALMENT"] - rows["AMT_PAYMENT"]
    late = rows["DAYS_ENTRY_PAYMENT"] - rows["DAYS_INSTALMENT"]
    rows["DPD"] = late.apply(lambda days: max(days, 0))
    rows["DBD"] = (-late).apply(lambda days: max(days, 0))
    rows[["DPD", "DBD"]] = rows[["DPD", "DBD"]].fillna(0)
    functions = {
        "NUM_INSTALMENT_VERSION": ["nunique"],
        "DPD": ["max", "mean", "sum"],
        "DBD": ["max", "mean", "sum"],
        "PAYMENT_PERC": ["max", "mean", "sum", "var"],
        "PAYMENT_DIFF": ["max", "mean", "sum", "var"],
        "AMT_PAYMENT": ["min", "max", "mean", "sum"],
    }
    expected = aggregate(rows, "INSTAL_", functions)
    expected["INSTAL_COUNT"] = rows.groupby("SK_ID_CURR").size()
    return expected


def expect_credit_card(tables: Tables) -> pd.DataFrame:
    """Return all features of credit_card_balance."""
    texts = ["NAME_CONTRACT_STATUS"]
    rows, _ = one_hot(to_pandas(tables["credit_card_balance"]).drop(columns="SK_ID_PREV"), texts, missing=True)
    rows = rows.astype(dict.fromkeys([c for c in rows.columns if c != "SK_ID_CURR"], float))
    functions = ["min", "max", "mean", "sum", "var"]
    expected = aggregate(rows, "CC_", {c: functions for c in rows.columns if c != "SK_ID_CURR"})
    expected["CC_COUNT"] = rows.groupby("SK_ID_CURR").size()
    return expected


def expect_application(tables: Tables) -> pd.DataFrame:
    """Return the one-hots and derived columns of the application."""
    both = pd.concat([to_pandas(tables["application_train"]), to_pandas(tables["application_test"])])
    rows, levels = one_hot(both, ["OCCUPATION_TYPE", "WALLSMATERIAL_MODE"], missing=False)
    rows["DAYS_EMPLOYED"] = rows["DAYS_EMPLOYED"].replace(365243, np.nan)
    rows["DAYS_EMPLOYED_PERC"] = rows["DAYS_EMPLOYED"] / rows["DAYS_BIRTH"]
    rows["INCOME_PER_PERSON"] = rows["AMT_INCOME_TOTAL"] / rows["CNT_FAM_MEMBERS"]
    derived = ["DAYS_EMPLOYED", "DAYS_EMPLOYED_PERC", "INCOME_PER_PERSON"]
    return rows.set_index("SK_ID_CURR")[[*levels, *derived]].replace([np.inf, -np.inf], np.nan)


def assert_features(tables: Tables, expected: pd.DataFrame) -> None:
    """Compare every expected column, missing cells included; a client of no row has missing values."""
    frame = build_features(tables, fit_levels(tables)).frame
    aligned = expected.reindex(frame["SK_ID_CURR"].to_numpy())
    for name in expected.columns:
        theirs = aligned[name].to_numpy().astype(float)
        np.testing.assert_allclose(frame[name].to_numpy(), theirs, rtol=1e-9, atol=1e-9, err_msg=name)


@settings(max_examples=12, deadline=None)
@given(seed=SEEDS)
def test_bureau_agrees_with_pandas(seed: int) -> None:
    """Two levels of aggregation, a left join, one-hots with a missing level, a subset."""
    tables = random_tables(seed, clients=6, rows=25)

    expected = expect_bureau(tables)

    assert_features(tables, expected)


@settings(max_examples=12, deadline=None)
@given(seed=SEEDS)
def test_instalments_agree_with_pandas(seed: int) -> None:
    """Derived columns, distinct values, and a count."""
    tables = random_tables(seed, clients=6, rows=25)

    expected = expect_instalments(tables)

    assert_features(tables, expected)


@settings(max_examples=12, deadline=None)
@given(seed=SEEDS)
def test_credit_card_agrees_with_pandas(seed: int) -> None:
    """Every column with every aggregation, the one-hots too."""
    tables = random_tables(seed, clients=6, rows=25)

    expected = expect_credit_card(tables)

    assert_features(tables, expected)


@settings(max_examples=12, deadline=None)
@given(seed=SEEDS)
def test_application_agrees_with_pandas(seed: int) -> None:
    """One-hots without a missing level, a sentinel, ratios."""
    tables = random_tables(seed, clients=9, rows=3)

    expected = expect_application(tables)

    assert_features(tables, expected)
