"""The schema of a bundle says of each kept column what the train split and the features' reference say."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from services.trainer.domain.bundling import golden_values, promotion_obstacle, schema_of
from services.trainer.domain.cleaning import CleaningOptions, Imputation, to_values
from services.trainer.domain.cleaning_rules import fit_cleaning
from services.trainer.domain.describing import described
from shared.bundle.linear_model import LinearModel
from shared.bundle.projected_model import ProjectedModel
from shared.bundle.projection import Projection
from shared.bundle.schema import FeatureSchema
from shared.features.columns import FeatureColumn

_COLUMNS = (
    FeatureColumn("AMT_CREDIT", "numeric", "application", ("AMT_CREDIT",), source="AMT_CREDIT"),
    FeatureColumn("EMPTY", "numeric", "application", ("EMPTY",), source="EMPTY"),
    FeatureColumn(
        "CODE_GENDER",
        "binary",
        "application",
        ("CODE_GENDER",),
        group="CODE_GENDER",
        codes={"M": 0.0, "F": 1.0},
        source="CODE_GENDER",
    ),
    FeatureColumn(
        "BURO_AMT_MEAN", "numeric", "bureau", ("AMT", "bureau_balance.STATUS"), source="AMT", aggregations=("mean",)
    ),
)
_FRAME = pl.DataFrame(
    {
        "AMT_CREDIT": [1.0, None, 5.0, 3.0],
        "EMPTY": [None] * 4,
        "CODE_GENDER": [0.0, 1.0, 1.0, 0.0],
        "BURO_AMT_MEAN": [-2.0, -1.0, 0.0, 7.0],
    },
    schema_overrides={"EMPTY": pl.Float64},
)


def _schema(imputation: Imputation = Imputation.NONE) -> FeatureSchema:
    names, targets = [column.name for column in _COLUMNS], np.array([0, 1, 0, 1], dtype=np.int8)
    record = fit_cleaning(_FRAME, names, CleaningOptions(imputation), targets=targets)
    return schema_of(
        [described(column) for column in _COLUMNS], record, to_values(_FRAME, [fate.column for fate in record.kept])
    )


def test_kept_columns_come_in_order_and_dropped_ones_by_name() -> None:
    """A column without any value has neither bounds nor a place in the model."""
    schema = _schema()

    assert schema.names == ("AMT_CREDIT", "CODE_GENDER", "BURO_AMT_MEAN")
    assert schema.dropped == ("EMPTY",)


def test_bounds_and_missing_shares_are_those_of_uncleaned_values() -> None:
    """A value that cleaning put in is no value that an applicant had."""
    amount, gender, bureau = _schema(Imputation.MAX).features

    assert (amount.minimum, amount.maximum, amount.missing_share, amount.fallback) == (1.0, 5.0, 0.25, 5.0)
    assert (gender.minimum, gender.maximum, gender.missing_share) == (0.0, 1.0, 0.0)
    assert (bureau.minimum, bureau.maximum) == (-2.0, 7.0)


def test_without_imputation_a_column_with_gaps_has_no_fallback() -> None:
    """Its missing values reach the model; those of a complete column would be news to it."""
    amount, gender, bureau = _schema(Imputation.NONE).features

    assert amount.fallback is None
    assert (gender.fallback, bureau.fallback) == (0.5, -0.5)


def test_every_source_names_its_table() -> None:
    """A column of another table keeps the name of that one."""
    amount, gender, bureau = _schema().features

    assert amount.sources == ("application.AMT_CREDIT",)
    assert bureau.sources == ("bureau.AMT", "bureau_balance.STATUS")
    assert (gender.group, gender.codes, amount.group, amount.level) == ("CODE_GENDER", {"M": 0.0, "F": 1.0}, "", "")


@settings(deadline=None)
@given(st.integers(1, 60))
def test_golden_rows_are_rows_of_train_from_first_to_last(rows: int) -> None:
    """Up to sixteen, none twice, in their order, and one in which nothing is known."""
    values = np.arange(3.0 * rows).reshape(rows, 3)

    *known, unknown = golden_values(values).tolist()

    assert len(known) == min(rows, 16)
    assert (known[0], known[-1]) == (values[0].tolist(), values[-1].tolist())
    assert [row[0] for row in known] == sorted({row[0] for row in known})
    assert all(row in values.tolist() for row in known)
    assert np.isnan(unknown).all()


def test_only_a_model_without_exact_reasons_must_not_be_promoted() -> None:
    """The sentence says why, and what to do instead."""
    linear = LinearModel(np.ones(2), 0.0, np.zeros(2), np.ones(2))
    projected = ProjectedModel(Projection(np.zeros(2), np.ones(2), np.eye(2)), linear)

    assert promotion_obstacle(linear) == ""
    assert promotion_obstacle(projected).endswith("train it without PCA")
