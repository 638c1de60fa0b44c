"""Features carry the unit that their raw column is measured in."""

import pytest

from services.trainer.domain.units import unit_of
from shared.features.columns import FeatureColumn, feature_columns
from shared.features.levels import Levels
from shared.features.specification import REFERENCE

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
