"""Features carry the unit that their raw column is measured in."""

from dataclasses import replace

import pytest

from services.trainer.domain.units import unit_of
from shared.features.columns import FeatureColumn, feature_columns
from shared.features.levels import Levels
from shared.features.reference import REFERENCE
from shared.features.specification import Operation
from tests.unit.features.small_set import SMALL

_NONE = Levels(
    {
        "application": dict.fromkeys(REFERENCE.application.categories, ()),
        **{history.table: dict.fromkeys(history.categories, ()) for history in REFERENCE.histories},
        **{
            history.rollup.history.table: dict.fromkeys(history.rollup.history.categories, ())
            for history in REFERENCE.histories
            if history.rollup
        },
    }
)
_COLUMNS = {column.name: column for column in feature_columns(_NONE)}


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("AMT_CREDIT", "currency"),
        ("DAYS_BIRTH", "days"),
        ("DAYS_EMPLOYED_PERC", ""),
        ("EXT_SOURCE_1", ""),
        ("OWN_CAR_AGE", "years"),
        ("CNT_CHILDREN", "count"),
        ("AMT_REQ_CREDIT_BUREAU_DAY", "count"),
        ("CODE_GENDER", ""),
        ("BURO_DAYS_CREDIT_VAR", "days²"),
        ("BURO_MONTHS_BALANCE_SIZE_SUM", "count"),
        ("POS_SK_DPD_MAX", "days"),
        ("INSTAL_PAYMENT_PERC_MEAN", ""),
        ("INSTAL_PAYMENT_DIFF_VAR", "currency²"),
        ("CC_COUNT", "count"),
        ("PREV_NAME_CONTRACT_TYPE_nan_MEAN", ""),
    ],
)
def test_the_unit_is_that_of_the_raw_column(name: str, unit: str) -> None:
    """Shares, ratios and codes have none, a variance has the squared one."""
    column: FeatureColumn = _COLUMNS[name]

    assert unit_of(column) == unit


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("SCORES_MEAN", ""),
        ("SCORES_MISSING", "count"),
        ("TERM", ""),
        ("LEFT", "currency"),
        ("ANY_LEFT", ""),
        ("B_RECENT_TREND", "currency"),
        ("RECORDS", "count"),
    ],
)
def test_the_unit_of_a_computed_feature_follows_from_its_inputs(name: str, unit: str) -> None:
    """A ratio of amounts has none, what is left of an amount is one, and numbers of records add up to one."""
    columns = {column.name: column for column in feature_columns(_NONE, SMALL)}

    assert unit_of(columns[name]) == unit


@pytest.mark.parametrize(
    ("operation", "left", "right", "unit"),
    [
        ("ratio", "AMT_INCOME_TOTAL", "CNT_FAM_MEMBERS", "currency"),
        ("ratio", "OWN_CAR_AGE", "DAYS_BIRTH", "years/days"),
        ("ratio", "EXT_SOURCE_1", "DAYS_BIRTH", "1/days"),
        ("product", "EXT_SOURCE_1", "AMT_CREDIT", "currency"),
        ("product", "OWN_CAR_AGE", "AMT_CREDIT", "years·currency"),
    ],
)
def test_what_is_divided_or_multiplied_shows_in_the_unit(
    operation: Operation, left: str, right: str, unit: str
) -> None:
    """Persons and loans that something is counted per do not."""
    inputs = (_COLUMNS[left], _COLUMNS[right])
    column = replace(_COLUMNS["PAYMENT_RATE"], operation=operation, inputs=inputs)

    assert unit_of(column) == unit
