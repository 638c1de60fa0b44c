"""Splits keep the share of defaults, and impossible wishes are refused by name."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.domain.cleaning import CleaningOptions, Imputation, options_from_json
from services.trainer.domain.dataset import DatasetPlan, check_dataset_plan, split_labelled
from services.trainer.domain.sources import HomeCreditTables
from shared.errors import InvalidInput, Precondition

_TARGETS = np.array([1] * 40 + [0] * 460, dtype=np.int8)
_PLAN = DatasetPlan(HomeCreditTables("tables"), 0.2, 0, CleaningOptions(Imputation.NONE))


def test_both_splits_have_the_same_share_of_defaults() -> None:
    """A fifth of the defaults and a fifth of the others are held out."""
    train, test = split_labelled(_TARGETS, test_share=0.2, seed=1)

    assert (len(test), _TARGETS[test].sum()) == (100, 8)
    assert sorted([*train, *test]) == list(range(500))


def test_the_seed_decides_the_split() -> None:
    """The same seed gives the same rows, another seed others."""
    first, again, other = (split_labelled(_TARGETS, test_share=0.2, seed=s)[1].tolist() for s in (1, 1, 2))

    assert first == again
    assert first != other


def test_a_test_share_of_nothing_leaves_the_test_split_empty() -> None:
    """All labelled rows train."""
    train, test = split_labelled(_TARGETS, test_share=0.0, seed=1)

    assert (len(train), len(test)) == (500, 0)


@pytest.mark.parametrize("value", [0, 1])
def test_a_target_of_one_class_is_refused(value: int) -> None:
    """Nothing can be told apart."""
    with pytest.raises(Precondition) as refusal:
        split_labelled(np.full(10, value, dtype=np.int8), test_share=0.2, seed=0)

    assert refusal.value.reason == "ONE_CLASS_TARGET"


def test_a_class_too_rare_for_both_splits_is_refused() -> None:
    """One default cannot be in train and in test."""
    with pytest.raises(Precondition) as refusal:
        split_labelled(np.array([1] + [0] * 20, dtype=np.int8), test_share=0.5, seed=0)

    assert refusal.value.reason == "SPLIT_TOO_SMALL"


def test_every_field_out_of_range_is_named_at_once() -> None:
    """One round trip tells the caller all there is to mend."""
    options = CleaningOptions(Imputation.NONE, max_missing_share=1.5, max_abs_correlation=0.0, min_variance=-1.0)
    barred = ("CODE_GENDER", "", "CODE_GENDER", *map(str, range(500)))
    plan = replace(_PLAN, source=HomeCreditTables(""), test_share=1.0, seed=-1, display_name="x" * 201)
    plan = replace(plan, cleaning=options, barred_columns=barred)

    with pytest.raises(InvalidInput) as refusal:
        check_dataset_plan(plan)

    assert [violation.field for violation in refusal.value.violations] == [
        "home_credit.directory",
        "test_share",
        "seed",
        "display_name",
        "barred_columns",
        "barred_columns[1]",
        "barred_columns[2]",
        "options.max_missing_share",
        "options.max_abs_correlation",
        "options.min_variance",
    ]


@pytest.mark.parametrize(
    "bound", ["max_abs_correlation", "max_target_eta_squared", "max_target_cramers_v", "max_categorical_association"]
)
@pytest.mark.parametrize("strength", [-0.1, 0.0, 1.0001, float("nan")])
def test_a_strength_that_would_drop_everything_or_nothing_is_refused(bound: str, strength: float) -> None:
    """From 0 on every column would go, above 1 none ever could."""
    cleaning = options_from_json({"imputation": "NONE", bound: strength})

    with pytest.raises(InvalidInput) as refusal:
        check_dataset_plan(replace(_PLAN, cleaning=cleaning))

    assert [violation.field for violation in refusal.value.violations] == [f"options.{bound}"]


def test_not_a_number_is_out_of_every_range() -> None:
    """NaN compares false with everything, which must not let it through."""
    nan = float("nan")
    options = CleaningOptions(Imputation.NONE, max_missing_share=nan, max_abs_correlation=nan, min_variance=nan)

    with pytest.raises(InvalidInput) as refusal:
        check_dataset_plan(replace(_PLAN, test_share=nan, cleaning=options))

    assert len(refusal.value.violations) == 4


def test_a_sound_plan_passes() -> None:
    """The bounds themselves are allowed."""
    options = CleaningOptions(Imputation.MAX, max_missing_share=1.0, max_abs_correlation=1.0, min_variance=0.0)

    check_dataset_plan(replace(_PLAN, test_share=0.0, cleaning=options))
