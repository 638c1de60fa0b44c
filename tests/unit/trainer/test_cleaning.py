"""Cleaning drops what the options say, remembers why, and learns from the train split alone."""

import json

import numpy as np
import polars as pl
import pytest

from services.trainer.domain.cleaning import CleaningOptions, CleaningRecord, Imputation, Rule, record_from_json
from services.trainer.domain.cleaning_rules import fit_cleaning, may_drop_all, try_cleaning
from shared.errors import Precondition

_TRAIN = pl.DataFrame(
    {
        "full": [1.0, 2.0, 3.0, 4.0],
        "half": [None, 1.0, None, 5.0],
        "never": [None, None, None, None],
        "constant": [7.0, 7.0, 7.0, 7.0],
        "copy": [2.0, 4.0, 6.0, 8.5],
    },
    schema_overrides={"never": pl.Float64},
)
_TARGETS = np.array([0, 0, 1, 1], dtype=np.int8)
_NONE = CleaningOptions(Imputation.NONE)


def _fitted(options: CleaningOptions) -> CleaningRecord:
    return fit_cleaning(_TRAIN, _TRAIN.columns, options, targets=_TARGETS)


def _fates(options: CleaningOptions) -> dict[str, Rule | None]:
    return {fate.column: fate.rule for fate in _fitted(options).columns}


def test_without_bounds_only_a_column_without_any_value_goes() -> None:
    """Nothing can be learnt from it, so no option is needed to drop it."""
    assert _fates(_NONE) == {"full": None, "half": None, "never": Rule.ALL_MISSING, "constant": None, "copy": None}


def test_a_column_at_a_bound_is_kept() -> None:
    """The share of `half` and the variance of `full` equal their bounds exactly."""
    variance = float(np.var([1, 2, 3, 4], ddof=1))

    fates = _fates(CleaningOptions(Imputation.NONE, max_missing_share=0.5, min_variance=variance))

    assert fates["half"] is None
    assert fates["full"] is None
    assert fates["constant"] is Rule.VARIANCE


def test_each_dropped_column_names_rule_figure_and_bound() -> None:
    """A reader of the report can check each drop by hand."""
    options = CleaningOptions(Imputation.NONE, max_missing_share=0.4, max_abs_correlation=0.99, min_variance=0.1)

    fates = {fate.column: fate for fate in _fitted(options).columns}

    assert (fates["half"].rule, fates["half"].figure, fates["half"].bound) == (Rule.MISSING_SHARE, 0.5, 0.4)
    assert (fates["constant"].rule, fates["constant"].figure, fates["constant"].bound) == (Rule.VARIANCE, 0.0, 0.1)
    assert (fates["never"].rule, fates["never"].figure, fates["never"].bound) == (Rule.ALL_MISSING, 1.0, None)
    assert (fates["copy"].rule, fates["copy"].partner, fates["copy"].bound) == (Rule.CORRELATION, "full", 0.99)
    assert fates["copy"].figure == pytest.approx(abs(np.corrcoef(_TRAIN["full"], _TRAIN["copy"])[0, 1]))


@pytest.mark.parametrize(
    ("imputation", "expected"),
    [(Imputation.MEAN, 3.0), (Imputation.MEDIAN, 3.0), (Imputation.MIN, 1.0), (Imputation.MAX, 5.0)],
)
def test_missing_values_become_the_trains_figure(imputation: Imputation, expected: float) -> None:
    """The figure comes from train also where the rows are others."""
    record = _fitted(CleaningOptions(imputation))
    others = pl.DataFrame({name: [None] if name == "half" else [100.0] for name in _TRAIN.columns})

    values = record.apply(others.cast(pl.Float64))

    assert values.tolist() == [[100.0, expected, 100.0, 100.0]]
    assert values.flags.c_contiguous


def test_without_imputation_only_columns_that_were_complete_in_train_get_a_fallback() -> None:
    """A tree has a way for a missing value only where it met one; elsewhere it would silently take zero."""
    record = _fitted(_NONE)
    empty = pl.DataFrame({name: [None] for name in _TRAIN.columns}, schema=dict.fromkeys(_TRAIN.columns, pl.Float64))

    values = record.apply(empty)

    np.testing.assert_array_equal(values, [[2.5, np.nan, 7.0, 5.0]])


def test_a_record_survives_json() -> None:
    """What is stored with the data set is what was fitted, to the last bit."""
    options = CleaningOptions(Imputation.MEAN, max_missing_share=0.6, max_abs_correlation=0.9, min_variance=1e-3)
    record = _fitted(options)

    again = record_from_json(json.loads(json.dumps(record.to_json(), allow_nan=False)))

    assert again == record


@pytest.mark.parametrize(
    ("bounds", "may"),
    [
        ({}, False),
        ({"max_missing_share": 1.0, "min_variance": 0.0, "max_target_eta_squared": 1.0}, False),
        ({"max_abs_correlation": 0.01, "max_categorical_association": 0.01}, False),
        ({"max_missing_share": 0.9}, True),
        ({"min_variance": 1e-9}, True),
        ({"max_target_cramers_v": 0.5}, True),
    ],
)
def test_some_options_always_leave_a_column(bounds: dict[str, float], may: bool) -> None:
    """Of a pair one stays, and no figure is beyond its range."""
    assert may_drop_all(CleaningOptions(Imputation.NONE, **bounds)) == may


def test_options_that_leave_no_column_are_refused_by_the_rules_names() -> None:
    """The caller learns which option to loosen."""
    with pytest.raises(Precondition, match="VARIANCE dropped 4") as refusal:
        _fitted(CleaningOptions(Imputation.NONE, min_variance=1e9))

    assert refusal.value.reason == "NO_COLUMN_LEFT"
    assert refusal.value.metadata == {"ALL_MISSING": "1", "VARIANCE": "4"}
    assert "VARIANCE dropped 4 at min_variance 1e+09); loosen min_variance:" in refusal.value.message


def test_a_trial_of_options_may_keep_nothing_and_counts_what_each_rule_drops() -> None:
    """It is a question, and this its answer."""
    options = CleaningOptions(Imputation.NONE, min_variance=1e9)

    record = try_cleaning(_TRAIN, _TRAIN.columns, options, targets=_TARGETS)

    assert record.kept == ()
    assert record.dropped_counts == {Rule.ALL_MISSING: 1, Rule.VARIANCE: 4}


def test_a_dropped_column_may_be_absent_when_the_record_is_applied() -> None:
    """The record needs the kept columns and no other."""
    record = _fitted(CleaningOptions(Imputation.NONE, max_missing_share=0.4))

    values = record.apply(_TRAIN.drop("never", "half"))

    assert values.shape == (4, 3)
