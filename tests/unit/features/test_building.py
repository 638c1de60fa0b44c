"""Building features: what holds for every table, and each convention of missing values by example."""

from collections.abc import Mapping, Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from shared.errors import InvalidInput
from shared.features.building import FeatureTable, build_features
from shared.features.columns import feature_columns
from shared.features.levels import fit_levels
from tests.unit.features.random_tables import only_client, random_tables, shuffled, with_cells

Tables = Mapping[str, pl.LazyFrame]
SEEDS = st.integers(0, 2**32 - 1)


def built(tables: Tables) -> FeatureTable:
    """Return the features of the tables with their own levels."""
    return build_features(tables, fit_levels(tables))


def client(table: FeatureTable, number: int) -> dict[str, float | None]:
    """Return one client's row by column."""
    return table.frame.row(by_predicate=pl.col("SK_ID_CURR") == number, named=True)


def history(tables: Tables, name: str, **columns: Sequence[float | str | None]) -> dict[str, pl.LazyFrame]:
    """Return the tables with one satellite cut to as many rows as the columns have, all of client 1, and those set."""
    length = len(next(iter(columns.values())))
    frame = tables[name].head(length).collect()
    cells = [pl.Series(column, values, frame.schema[column]) for column, values in columns.items()]
    return {**tables, name: with_cells(frame.with_columns(cells).lazy(), SK_ID_CURR=1)}


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_a_client_alone_has_the_features_it_has_among_others(seed: int) -> None:
    """Scoring one raw application must give what training on all of them saw."""
    tables = random_tables(seed, clients=4, rows=12)
    levels = fit_levels(tables)

    bulk = build_features(tables, levels).frame
    alone = pl.concat(build_features(only_client(tables, number), levels).frame for number in range(1, 5))

    assert_frame_equal(alone, bulk, rel_tol=1e-12, abs_tol=1e-12)


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    """Files come in any order; applications come out by their key."""
    tables = random_tables(seed, clients=5, rows=20)

    assert_frame_equal(built(shuffled(tables, seed)).frame, built(tables).frame, rel_tol=1e-12, abs_tol=1e-12)


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_columns_are_as_announced_and_cells_are_finite_or_null(seed: int) -> None:
    """A model must never meet an infinity or a NaN, whatever is divided by zero."""
    tables = random_tables(seed, clients=4, rows=10)
    levels = fit_levels(tables)

    frame = build_features(tables, levels).frame

    names = [column.name for column in feature_columns(levels)]
    assert frame.columns == ["SK_ID_CURR", "TARGET", *names]
    assert frame.schema["SK_ID_CURR"] == pl.Int64
    assert frame.schema["TARGET"] == pl.Int8
    assert set(frame.select(names).dtypes) == {pl.Float64}
    assert frame.select(pl.all_horizontal(pl.col(names).is_finite().fill_null(value=True).all())).item()


def test_both_application_tables_are_built_and_the_unlabelled_have_no_target(tables: Tables) -> None:
    """Clients 3, 6 and 9 are in application_test."""
    frame = built(tables).frame

    assert frame["SK_ID_CURR"].to_list() == list(range(1, 10))
    assert frame.filter(pl.col("TARGET").is_null())["SK_ID_CURR"].to_list() == [3, 6, 9]


def test_one_application_table_is_enough(tables: Tables) -> None:
    """A raw application to be scored comes alone, and training tables may come without unlabelled ones."""
    levels = fit_levels(tables)
    both = build_features(tables, levels).frame

    labelled = build_features({n: f for n, f in tables.items() if n != "application_test"}, levels).frame
    unlabelled = build_features({n: f for n, f in tables.items() if n != "application_train"}, levels).frame

    assert_frame_equal(pl.concat([labelled, unlabelled]).sort("SK_ID_CURR"), both, rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("absent", "prefixes"),
    [
        ("bureau", ("BURO_", "ACTIVE_", "CLOSED_")),
        ("previous_application", ("PREV_", "APPROVED_", "REFUSED_")),
        ("POS_CASH_balance", ("POS_",)),
        ("installments_payments", ("INSTAL_",)),
        ("credit_card_balance", ("CC_",)),
    ],
)
def test_an_absent_table_leaves_out_its_features_alone(tables: Tables, absent: str, prefixes: tuple[str, ...]) -> None:
    """Without bureau, bureau_balance cannot be joined to a client either."""
    whole = built(tables).frame
    left = {name: frame for name, frame in tables.items() if name != absent}

    frame = built(left).frame
    with_old_levels = build_features(left, fit_levels(tables)).frame

    kept = [name for name in whole.columns if not name.startswith(prefixes)]
    assert frame.columns == kept
    assert len(kept) < len(whole.columns)
    assert_frame_equal(frame, whole.select(kept), rel_tol=1e-12, abs_tol=1e-12)
    assert with_old_levels.columns == kept


def test_without_bureau_balance_only_its_columns_are_left_out(tables: Tables) -> None:
    """The credits themselves are still worth their features."""
    whole = built(tables).frame.columns

    frame = built({name: frame for name, frame in tables.items() if name != "bureau_balance"}).frame

    lacking = [name for name in whole if name not in frame.columns]
    assert lacking
    assert all("MONTHS_BALANCE" in name or "STATUS" in name for name in lacking)
    assert "BURO_CREDIT_ACTIVE_Active_MEAN" in frame.columns


def test_an_unseen_level_is_counted_and_is_none_of_the_levels(tables: Tables) -> None:
    """Neither a guess nor an error: the row keeps its other features."""
    levels = fit_levels(tables)
    strange = {
        **tables,
        "application_test": with_cells(tables["application_test"], OCCUPATION_TYPE="Astronaut"),
        "bureau": with_cells(tables["bureau"], CREDIT_TYPE="Barter"),
        "bureau_balance": with_cells(tables["bureau_balance"], STATUS="?"),
    }

    table = build_features(strange, levels)

    assert table.unseen == {
        "application.OCCUPATION_TYPE": 3,
        "bureau.CREDIT_TYPE": 30,
        "bureau_balance.STATUS": 30,
    }
    unlabelled = table.frame.filter(pl.col("TARGET").is_null())
    assert unlabelled.select(pl.sum_horizontal(pl.col("^OCCUPATION_TYPE_.*$")).sum()).item() == 0
    assert table.frame.select(pl.sum_horizontal(pl.col("^BURO_CREDIT_TYPE_.*$")).sum()).item() == 0


def test_known_levels_are_not_counted_as_unseen(tables: Tables) -> None:
    """A missing cell is not an unseen level."""
    assert built(tables).unseen == {}


def test_a_binary_column_has_the_codes_of_the_reference(tables: Tables) -> None:
    """Man 0, woman 1; a car 1, none 0; a home 0, none 1; anything else is missing and counted."""
    application = with_cells(tables["application_train"], CODE_GENDER="F", FLAG_OWN_CAR="Y", FLAG_OWN_REALTY="maybe")

    table = built({**tables, "application_train": application})

    row = client(table, 1)
    assert (row["CODE_GENDER"], row["FLAG_OWN_CAR"], row["FLAG_OWN_REALTY"]) == (1.0, 1.0, None)
    assert table.unseen == {"application.FLAG_OWN_REALTY": 6}


def test_applications_of_gender_xna_are_dropped_counted_and_teach_no_level(tables: Tables) -> None:
    """The reference removes them before it encodes anything."""
    application = with_cells(tables["application_test"], CODE_GENDER="XNA", NAME_INCOME_TYPE="Lottery")
    changed = {**tables, "application_test": application}

    table = built(changed)

    assert table.dropped == 3
    assert table.frame["SK_ID_CURR"].to_list() == [1, 2, 4, 5, 7, 8]
    assert "Lottery" not in fit_levels(changed).of("application", "NAME_INCOME_TYPE")


def test_employment_of_365243_days_is_missing(tables: Tables) -> None:
    """The number stands for "not employed" and would swamp every real one."""
    table = built({**tables, "application_train": with_cells(tables["application_train"], DAYS_EMPLOYED=365243)})

    row = client(table, 1)
    assert row["DAYS_EMPLOYED"] is None
    assert row["DAYS_EMPLOYED_PERC"] is None


@pytest.mark.parametrize(("annuity", "credit"), [(0.0, 0.0), (5.0, 0.0), (None, 4.0), (float("inf"), 4.0)])
def test_a_ratio_without_a_finite_value_is_missing(tables: Tables, annuity: float | None, credit: float) -> None:
    """Zero by zero is missing in the reference; anything else by zero would be infinite, which no model understands."""
    application = with_cells(tables["application_train"], AMT_ANNUITY=annuity, AMT_CREDIT=credit)

    row = client(built({**tables, "application_train": application}), 1)

    assert row["PAYMENT_RATE"] is None


def test_a_client_without_rows_has_missing_values_not_zeros(tables: Tables) -> None:
    """Not even the count is 0: the reference joins to the left."""
    none = {name: frame.filter(pl.lit(value=False)) for name, frame in tables.items() if not name.startswith("app")}

    table = build_features({**tables, **none}, fit_levels(tables))

    assert table.frame.columns == built(tables).frame.columns
    assert table.frame["POS_COUNT"].null_count() == table.frame.height
    assert table.frame["BURO_AMT_CREDIT_SUM_SUM"].null_count() == table.frame.height


def test_a_sum_over_missing_cells_is_zero_and_a_mean_is_missing(tables: Tables) -> None:
    """The client has rows, so the sum of nothing is 0 by pandas' convention."""
    changed = history(tables, "installments_payments", AMT_PAYMENT=[None, None], AMT_INSTALMENT=[2.0, 4.0])

    row = client(built(changed), 1)

    assert (row["INSTAL_AMT_PAYMENT_SUM"], row["INSTAL_AMT_PAYMENT_MEAN"]) == (0.0, None)
    assert (row["INSTAL_AMT_INSTALMENT_SUM"], row["INSTAL_COUNT"]) == (6.0, 2.0)
    assert row["INSTAL_PAYMENT_PERC_SUM"] == 0.0


def test_a_client_without_rows_in_a_subset_has_missing_values_there(tables: Tables) -> None:
    """A sum over no active credit is missing, although the client has closed ones."""
    changed = history(tables, "bureau", CREDIT_ACTIVE=["Closed", "Closed"], AMT_CREDIT_SUM=[2.0, 3.0])

    row = client(build_features(changed, fit_levels(tables)), 1)

    assert row["BURO_AMT_CREDIT_SUM_SUM"] == row["CLOSED_AMT_CREDIT_SUM_SUM"] == 5.0
    assert row["ACTIVE_AMT_CREDIT_SUM_SUM"] is None


def test_the_features_of_a_subset_exist_when_its_level_was_never_seen(tables: Tables) -> None:
    """A data set without an active credit must not have other columns than one with it."""
    changed = {**tables, "bureau": with_cells(tables["bureau"], CREDIT_ACTIVE="Sold")}

    frame = built(changed).frame

    assert frame["ACTIVE_DAYS_CREDIT_MAX"].null_count() == frame.height


def test_late_and_early_days_are_never_negative_and_zero_where_missing(tables: Tables) -> None:
    """Three days late, two days early, and one instalment that was never paid."""
    paid = [-7.0, -12.0, None]
    changed = history(tables, "installments_payments", DAYS_INSTALMENT=[-10.0] * 3, DAYS_ENTRY_PAYMENT=paid)

    row = client(built(changed), 1)

    assert (row["INSTAL_DPD_SUM"], row["INSTAL_DPD_MEAN"], row["INSTAL_DPD_MAX"]) == (3.0, 1.0, 3.0)
    assert (row["INSTAL_DBD_SUM"], row["INSTAL_DBD_MAX"]) == (2.0, 2.0)


def test_the_variance_of_large_amounts_close_together_keeps_its_digits(tables: Tables) -> None:
    """One pass over sums of squares would give noise here."""
    amounts = [1e9 + 0.25, 1e9 + 0.5, 1e9 + 0.75]
    changed = history(tables, "credit_card_balance", AMT_BALANCE=amounts)

    row = client(built(changed), 1)

    assert row["CC_AMT_BALANCE_VAR"] == pytest.approx(0.0625, rel=1e-12)


def test_the_variance_of_one_row_is_missing_and_of_equal_rows_zero(tables: Tables) -> None:
    """With ddof 1, one row says nothing about spread."""
    single = client(built(history(tables, "credit_card_balance", AMT_BALANCE=[0.1])), 1)
    equal = client(built(history(tables, "credit_card_balance", AMT_BALANCE=[0.1, 0.1, 0.1])), 1)

    assert single["CC_AMT_BALANCE_VAR"] is None
    assert equal["CC_AMT_BALANCE_VAR"] == 0.0


def test_single_precision_input_is_aggregated_in_double(tables: Tables) -> None:
    """Sums and variances of Float32 columns lose their digits otherwise."""
    frame = tables["credit_card_balance"]
    narrow = {**tables, "credit_card_balance": frame.cast({pl.Float64: pl.Float32, pl.Int64: pl.Int32})}

    assert_frame_equal(built(narrow).frame, built(tables).frame, rel_tol=1e-12, abs_tol=1e-12)


def test_text_stored_as_dictionary_codes_gives_the_same_features(tables: Tables) -> None:
    """Converted Parquet keeps texts as categories."""
    coded = {name: frame.cast({pl.String: pl.Categorical}) for name, frame in tables.items()}

    assert_frame_equal(built(coded).frame, built(tables).frame, rel_tol=1e-12, abs_tol=1e-12)


def test_a_text_column_that_is_empty_throughout_has_a_missing_level_alone(tables: Tables) -> None:
    """The application has none of its columns then, a history table the one for missing."""
    empty = {
        **tables,
        "application_train": with_cells(tables["application_train"], WALLSMATERIAL_MODE=None),
        "application_test": with_cells(tables["application_test"], WALLSMATERIAL_MODE=None),
        "bureau": with_cells(tables["bureau"], CREDIT_TYPE=None),
    }

    table = built(empty)

    assert [name for name in table.frame.columns if name.startswith("WALLSMATERIAL")] == []
    assert [name for name in table.frame.columns if "CREDIT_TYPE" in name] == ["BURO_CREDIT_TYPE_nan_MEAN"]
    assert set(table.frame["BURO_CREDIT_TYPE_nan_MEAN"].drop_nulls()) == {1.0}
    assert table.unseen == {}


@pytest.mark.parametrize(
    ("table", "column"),
    [("application_train", "AMT_CREDIT"), ("bureau", "SK_ID_BUREAU"), ("installments_payments", "DAYS_INSTALMENT")],
)
def test_a_missing_column_is_refused_by_table_and_name(tables: Tables, table: str, column: str) -> None:
    """Also a column that only a derived column or a join needs."""
    levels = fit_levels(tables)

    with pytest.raises(InvalidInput) as caught:
        build_features({**tables, table: tables[table].drop(column)}, levels)

    assert caught.value.reason == "COLUMN_MISSING"
    assert [v.field for v in caught.value.violations] == [f'tables["{table}"].columns["{column}"]']


def test_no_application_table_is_refused(tables: Tables) -> None:
    """There is nobody to have features."""
    with pytest.raises(InvalidInput) as caught:
        build_features({"bureau": tables["bureau"]}, fit_levels(tables))

    assert caught.value.reason == "TABLE_MISSING"


def test_an_application_in_both_tables_is_refused(tables: Tables) -> None:
    """It would have two rows, one with a label and one without."""
    both = {**tables, "application_test": tables["application_train"].drop("TARGET")}

    with pytest.raises(InvalidInput) as caught:
        built(both)

    assert caught.value.reason == "DUPLICATE_KEY"
