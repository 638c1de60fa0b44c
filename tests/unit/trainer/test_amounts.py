"""What is at stake with an applicant is read off the column that the lender named, or refused before any long work."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.trainer.domain.amounts import amounts_at_stake, check_amounts
from services.trainer.domain.dataset import LabelledRows
from services.trainer.domain.threshold import Costs
from shared.errors import Precondition

_LOSS = Costs(0.6, 0.1, "AMT_CREDIT", "AMT_MARGIN")
_FRAME = pl.DataFrame({"AMT_CREDIT": [100.0, 200.0, 300.0], "AMT_MARGIN": [7.0, 8.0, 9.0]})


def test_a_default_stakes_the_one_column_and_a_repaid_loan_the_other() -> None:
    """Only one of the two mistakes can be made about an applicant."""
    rows = LabelledRows(_FRAME, np.array([1, 0, 1], dtype=np.int8))

    amounts = amounts_at_stake(_LOSS, rows)

    assert amounts.tolist() == [100.0, 8.0, 300.0]


def test_where_no_column_is_named_each_applicant_counts_once() -> None:
    """Also where only one of the two costs is a plain number."""
    rows = LabelledRows(_FRAME, np.array([1, 0, 1], dtype=np.int8))

    assert amounts_at_stake(Costs(), rows).tolist() == [1.0, 1.0, 1.0]
    assert amounts_at_stake(Costs(0.6, 1.0, "AMT_CREDIT"), rows).tolist() == [100.0, 1.0, 300.0]


@given(st.lists(st.sampled_from([None, float("nan"), float("inf"), 0.0, -1.0, 1e-9, 5.0]), min_size=1, max_size=9))
def test_every_applicant_without_a_usable_value_is_counted(values: list[float | None]) -> None:
    """Missing, NaN, infinite, zero and negative: a wrong answer about these would cost nothing, or less."""
    frame = pl.DataFrame({"AMT_CREDIT": pl.Series(values, dtype=pl.Float64)})
    unusable = sum(value not in (1e-9, 5.0) for value in values)

    if not unusable:
        check_amounts(Costs(0.6, 1.0, "AMT_CREDIT"), {"train": frame})
        return
    with pytest.raises(Precondition) as refusal:
        check_amounts(Costs(0.6, 1.0, "AMT_CREDIT"), {"train": frame})

    assert refusal.value.reason == "COST_COLUMN_UNUSABLE"
    assert refusal.value.metadata == {"column": "AMT_CREDIT", "train_applicants": str(unusable)}
    assert f"{unusable} of train" in refusal.value.message


def test_both_splits_and_both_columns_are_looked_at() -> None:
    """The test split is scored at the end of the work; the mistake is better told at its beginning."""
    gap = pl.DataFrame({"AMT_CREDIT": [1.0], "AMT_MARGIN": [None]}, schema={"AMT_CREDIT": float, "AMT_MARGIN": float})

    with pytest.raises(Precondition, match=r"AMT_MARGIN has no finite value.*1 of test"):
        check_amounts(_LOSS, {"train": _FRAME, "test": gap})


def test_an_empty_test_split_is_no_mistake() -> None:
    """A data set may have none."""
    check_amounts(_LOSS, {"train": _FRAME, "test": _FRAME.head(0)})
