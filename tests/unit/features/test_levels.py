"""Levels: fixed from all rows, ordered, stored as plain JSON."""

import json
from collections.abc import Mapping

import polars as pl
import pytest

from shared.errors import InvalidInput
from shared.features.levels import Levels, fit_levels
from tests.unit.features.random_tables import with_cells

Tables = Mapping[str, pl.LazyFrame]


def test_levels_are_sorted_by_code_point_and_know_no_missing_one(tables: Tables) -> None:
    """Capitals come before small letters, as pandas.get_dummies has it."""
    levels = fit_levels(tables)

    assert levels.of("application", "OCCUPATION_TYPE") == ("A/B", "spouse, partner", "x")
    assert levels.of("bureau", "CREDIT_ACTIVE") == ("Active", "Closed", "Sold")


def test_levels_of_the_application_come_from_both_tables(tables: Tables) -> None:
    """A level that only unlabelled applicants have still gets its column."""
    changed = {
        **tables,
        "application_train": with_cells(tables["application_train"], HOUSETYPE_MODE="house"),
        "application_test": with_cells(tables["application_test"], HOUSETYPE_MODE="boat"),
    }

    assert fit_levels(changed).of("application", "HOUSETYPE_MODE") == ("boat", "house")


def test_a_category_that_no_row_has_is_no_level(tables: Tables) -> None:
    """A file may declare more than it holds, or for a column without values nothing at all."""
    declared, nothing = pl.Enum(["boat", "house", "tent"]), pl.Enum([])
    changed = {
        **tables,
        "application_train": with_cells(tables["application_train"], HOUSETYPE_MODE="house").cast(
            {"HOUSETYPE_MODE": declared}
        ),
        "application_test": with_cells(tables["application_test"], HOUSETYPE_MODE=None).cast(
            {"HOUSETYPE_MODE": nothing}
        ),
    }

    assert fit_levels(changed).of("application", "HOUSETYPE_MODE") == ("house",)


def test_levels_come_back_from_json(tables: Tables) -> None:
    """They are stored with the data set and with every bundle."""
    levels = fit_levels(tables)

    stored = json.dumps(levels.to_json())

    assert Levels.from_json(json.loads(stored)) == levels


def test_a_table_without_text_columns_is_remembered_as_there(tables: Tables) -> None:
    """Otherwise its features would vanish when levels are read back."""
    assert fit_levels(tables).tables["installments_payments"] == {}


def test_absent_tables_have_no_levels(tables: Tables) -> None:
    """bureau_balance without bureau is as good as absent."""
    levels = fit_levels({name: frame for name, frame in tables.items() if name != "bureau"})

    assert set(levels.tables) == {
        "application",
        "previous_application",
        "POS_CASH_balance",
        "installments_payments",
        "credit_card_balance",
    }


def test_levels_can_be_cut_to_the_tables_at_hand(tables: Tables) -> None:
    """The application always stays."""
    assert set(fit_levels(tables).only(["bureau"]).tables) == {"application", "bureau"}


def test_a_missing_text_column_is_refused_by_name(tables: Tables) -> None:
    """Every lacking column is named at once."""
    changed = {**tables, "bureau": tables["bureau"].drop("CREDIT_TYPE", "CREDIT_CURRENCY")}

    with pytest.raises(InvalidInput) as caught:
        fit_levels(changed)

    fields = {violation.field for violation in caught.value.violations}
    assert fields == {'tables["bureau"].columns["CREDIT_TYPE"]', 'tables["bureau"].columns["CREDIT_CURRENCY"]'}
