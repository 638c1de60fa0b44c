"""What is at stake with each applicant, where a wrong answer costs a share of what a column of the data set says."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.trainer.domain.dataset import LabelledRows
from services.trainer.domain.threshold import Costs
from shared.errors import Precondition


def amounts_at_stake(costs: Costs, rows: LabelledRows) -> NDArray[np.float64]:
    """Return, (n_rows,), what the factor of the cost that each applicant can cause applies to.

    Of one who defaulted that is the value of the false-negative column, of one who repaid that of the false-positive
    column; 1 where no column is named.
    """
    missed = _values(costs.false_negative_column, rows.frame)
    lost = _values(costs.false_positive_column, rows.frame)
    return np.where(rows.targets == 1, missed, lost)


def check_amounts(costs: Costs, splits: Mapping[str, pl.DataFrame]) -> None:
    """Raise Precondition COST_COLUMN_UNUSABLE where a named column has no finite value above 0 for every applicant."""
    for column in costs.columns:
        unusable = {split: _unusable(frame[column]) for split, frame in splits.items()}
        if any(unusable.values()):
            found = ", ".join(f"{count} of {split}" for split, count in unusable.items() if count)
            raise Precondition(
                f"{column} has no finite value above 0 for every applicant (none for {found}), so wrong answers about "
                "these would cost nothing; take the costs from another column or as plain numbers",
                reason="COST_COLUMN_UNUSABLE",
                metadata={"column": column, **{f"{split}_applicants": str(n) for split, n in unusable.items()}},
            )


def _values(column: str, frame: pl.DataFrame) -> NDArray[np.float64]:
    return frame[column].to_numpy().astype(np.float64) if column else np.ones(frame.height)


def _unusable(values: pl.Series) -> int:
    numbers = values.cast(pl.Float64)
    # A missing value compares to null, and NaN counts as larger than any number.
    return numbers.len() - int(((numbers > 0.0) & numbers.is_finite()).sum())
