"""Feature columns: how many, in which order, and what each says about itself."""

from collections import Counter

import pytest

from shared.errors import InvalidInput
from shared.features.columns import FeatureColumn, feature_columns
from shared.features.levels import Levels
from shared.tables.schema import TABLES


def named(levels: Levels, name: str) -> FeatureColumn:
    """Return the feature of that name."""
    return next(column for column in feature_columns(levels) if column.name == name)


def test_the_reference_has_771_features_in_the_order_of_the_tables(reference_levels: Levels) -> None:
    """Application, bureau, previous applications, points of sale, instalments, credit cards."""
    columns = feature_columns(reference_levels)

    blocks = list(dict.fromkeys(column.name.split("_")[0] for column in columns if column.table != "application"))
    assert len(columns) == 771
    assert columns[0].name == "CODE_GENDER"
    assert columns[241].name == "PAYMENT_RATE"
    assert blocks == ["BURO", "ACTIVE", "CLOSED", "PREV", "APPROVED", "REFUSED", "POS", "INSTAL", "CC"]


def test_each_table_makes_as_many_features_as_in_the_reference(reference_levels: Levels) -> None:
    """242 of the application, 110 of bureau and its balance, and so on."""
    counts = Counter(column.table for column in feature_columns(reference_levels))

    assert counts["application"] == 242
    assert counts["bureau"] + counts["bureau_balance"] == 110
    assert counts["POS_CASH_balance"] == 17
    assert counts["installments_payments"] == 26


def test_a_binary_names_its_codes_and_its_raw_column(reference_levels: Levels) -> None:
    """A caller may send the level instead of the number."""
    column = named(reference_levels, "CODE_GENDER")

    assert (column.kind, column.group, column.columns) == ("binary", "CODE_GENDER", ("CODE_GENDER",))
    assert column.codes == {"M": 0.0, "F": 1.0}


def test_a_one_hot_names_its_level_and_its_raw_column(reference_levels: Levels) -> None:
    """The level is the text as it stands in the table, comma and all."""
    column = named(reference_levels, "NAME_TYPE_SUITE_Spouse, partner")

    assert (column.kind, column.group, column.level) == ("one_hot", "NAME_TYPE_SUITE", "Spouse, partner")


def test_the_share_of_a_level_in_a_history_is_a_number_without_a_group(reference_levels: Levels) -> None:
    """It takes any value between 0 and 1, so it is no one-hot."""
    column = named(reference_levels, "PREV_NAME_CLIENT_TYPE_nan_MEAN")

    assert (column.kind, column.group, column.level) == ("numeric", None, "nan")


def test_a_derived_column_needs_both_of_its_inputs(reference_levels: Levels) -> None:
    """Also when it is aggregated, and the column of a subset's filter besides."""
    assert named(reference_levels, "PAYMENT_RATE").columns == ("AMT_ANNUITY", "AMT_CREDIT")
    aggregated = named(reference_levels, "APPROVED_APP_CREDIT_PERC_VAR")
    assert aggregated.columns == ("AMT_APPLICATION", "AMT_CREDIT", "NAME_CONTRACT_STATUS")


def test_a_rolled_up_column_names_columns_of_other_tables_with_their_table(reference_levels: Levels) -> None:
    """Months come from bureau_balance, the filter from bureau."""
    column = named(reference_levels, "ACTIVE_MONTHS_BALANCE_SIZE_MEAN")

    assert (column.table, column.columns) == ("bureau_balance", ("MONTHS_BALANCE", "bureau.CREDIT_ACTIVE"))
    assert column.aggregations == ("size", "mean")


def test_every_needed_column_is_in_the_schema_of_its_table(reference_levels: Levels) -> None:
    """A feature cannot be made of a column that no table has."""
    for column in feature_columns(reference_levels):
        own_table = "application_test" if column.table == "application" else column.table
        for raw in column.columns:
            table, _, name = raw.rpartition(".")
            assert name in TABLES[table or own_table].columns, f"{column.name} needs {raw}"


def test_tables_at_hand_cut_the_columns(reference_levels: Levels) -> None:
    """Only the application is always there."""
    columns = feature_columns(reference_levels, tables=["application_train", "POS_CASH_balance"])

    assert {column.table for column in columns} == {"application", "POS_CASH_balance"}


def test_two_features_of_one_name_are_refused(reference_levels: Levels) -> None:
    """A text level called nan collides with the column that stands for missing."""
    document = reference_levels.to_json()
    document["POS_CASH_balance"]["NAME_CONTRACT_STATUS"].append("nan")

    with pytest.raises(InvalidInput) as caught:
        feature_columns(Levels.from_json(document))

    assert caught.value.reason == "EQUAL_FEATURE_NAMES"
    assert caught.value.violations[0].field == 'tables["POS_CASH_balance"].columns["NAME_CONTRACT_STATUS"]'


def test_columns_can_be_kept_in_sets(reference_levels: Levels) -> None:
    """Frozen all the way but for the codes, which do not take part in the hash."""
    columns = feature_columns(reference_levels)

    assert len(set(columns)) == len(columns)
