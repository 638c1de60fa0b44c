"""The schema is that of Kaggle's eight tables."""

from pathlib import Path

import polars as pl

from shared.tables.schema import TABLES


def test_there_are_eight_tables_with_as_many_columns_as_on_kaggle() -> None:
    """The counts are those of the competition's data page."""
    counts = {name: len(schema.columns) for name, schema in TABLES.items()}

    assert counts == {
        "application_train": 122,
        "application_test": 121,
        "bureau": 17,
        "bureau_balance": 3,
        "previous_application": 37,
        "POS_CASH_balance": 8,
        "installments_payments": 8,
        "credit_card_balance": 23,
    }


def test_only_the_labelled_applications_are_required() -> None:
    """A data set can be made of application_train alone."""
    assert [name for name, schema in TABLES.items() if schema.required] == ["application_train"]


def test_the_two_application_tables_differ_by_the_label() -> None:
    """TARGET stands right after the key, as in Kaggle's file."""
    train, test = list(TABLES["application_train"].columns), list(TABLES["application_test"].columns)

    assert train[1] == "TARGET"
    assert [*train[:1], *train[2:]] == test


def test_keys_are_whole_numbers_that_come_with_every_row() -> None:
    """Tables join by them."""
    keys = {name: schema.keys for name, schema in TABLES.items()}

    assert keys["bureau_balance"] == ("SK_ID_BUREAU",)
    assert keys["previous_application"] == ("SK_ID_PREV", "SK_ID_CURR")
    assert all(TABLES[name].columns[key] == pl.Int64 for name, found in keys.items() for key in found)


def test_the_real_tables_have_these_columns_and_types(real_tables: Path) -> None:
    """Names and order are equal; a type may differ where a sample has no missing value."""
    for name, schema in TABLES.items():
        stored = pl.read_parquet_schema(real_tables / f"{name}.parquet")

        assert list(stored) == list(schema.columns), name
        assert all((stored[c] == pl.String) == (dtype == pl.String) for c, dtype in schema.columns.items()), name
