"""What cleaning decided: which columns models see and what stands in for missing values, as a record to apply."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


class Imputation(StrEnum):
    """What replaces a missing value: nothing, or a figure of the column over the train split."""

    NONE = "NONE"
    MEAN = "MEAN"
    MEDIAN = "MEDIAN"
    MIN = "MIN"
    MAX = "MAX"


class Rule(StrEnum):
    """Why a column was dropped, in the order in which the rules are applied."""

    ALL_MISSING = "ALL_MISSING"
    MISSING_SHARE = "MISSING_SHARE"
    VARIANCE = "VARIANCE"
    TARGET_ETA_SQUARED = "TARGET_ETA_SQUARED"
    TARGET_CRAMERS_V = "TARGET_CRAMERS_V"
    CATEGORICAL_ASSOCIATION = "CATEGORICAL_ASSOCIATION"
    CORRELATION = "CORRELATION"


@dataclass(frozen=True)
class CleaningOptions:
    """The bounds that a column must keep to; None leaves a rule out.

    `max_missing_share` in [0, 1]; `max_abs_correlation` in (0, 1], between any two feature columns, since all are
    numbers; `min_variance` (ddof = 1) >= 0. Guards against leakage of the target, in (0, 1]: `max_target_eta_squared`
    of a numeric column and `max_target_cramers_v` of a categorical variable. `max_categorical_association` in (0, 1] is
    Cramér's V between any two categorical variables. What is at a bound is kept.
    """

    imputation: Imputation
    max_missing_share: float | None = None
    max_abs_correlation: float | None = None
    min_variance: float | None = None
    max_target_eta_squared: float | None = None
    max_target_cramers_v: float | None = None
    max_categorical_association: float | None = None


@dataclass(frozen=True)
class ColumnFate:
    """What became of one column: kept (no rule), or dropped by a rule whose figure broke its bound.

    `partner` is the kept column or categorical variable it goes with. `variable` is the categorical variable that it
    shows a level of, empty for a numeric column; `chi_squared` stands behind a figure that is a Cramér's V. `fallback`
    replaces a missing value of a kept column: the imputation's figure or, without imputation, the train median of a
    column that had no missing value in train, which a tree would silently take for zero. None: a missing value reaches
    the model as such.
    """

    column: str
    missing_share: float
    rule: Rule | None = None
    figure: float | None = None
    bound: float | None = None
    partner: str = ""
    fallback: float | None = None
    variable: str = ""
    chi_squared: float | None = None

    @property
    def kept(self) -> bool:
        """Whether models see the column."""
        return self.rule is None


@dataclass(frozen=True)
class CleaningRecord:
    """The fate of every column in column order, and the options that decided it."""

    options: CleaningOptions
    columns: tuple[ColumnFate, ...]

    @property
    def kept(self) -> tuple[ColumnFate, ...]:
        """The columns that models see, in order."""
        return tuple(fate for fate in self.columns if fate.kept)

    @property
    def variables(self) -> Mapping[str, str]:
        """The categorical variable of each column that belongs to one."""
        return {fate.column: fate.variable for fate in self.columns if fate.variable}

    @property
    def dropped_counts(self) -> Mapping[Rule, int]:
        """How many columns each rule dropped, for those that dropped any, in their order."""
        counts = {rule: sum(fate.rule is rule for fate in self.columns) for rule in Rule}
        return {rule: count for rule, count in counts.items() if count}

    def apply(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return the kept columns as (n_rows, n_kept) in C order, missing values replaced or NaN."""
        kept = self.kept
        values = to_values(frame, [fate.column for fate in kept])
        fallbacks = np.array([np.nan if fate.fallback is None else fate.fallback for fate in kept])
        rows, places = np.nonzero(np.isnan(values))
        values[rows, places] = fallbacks[places]
        return values

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts and lists that `record_from_json` turns back into an equal record."""
        return {"options": asdict(self.options), "columns": [asdict(fate) for fate in self.columns]}


def record_from_json(document: Mapping[str, Any]) -> CleaningRecord:
    """Return the record that `CleaningRecord.to_json` wrote."""
    return CleaningRecord(
        options_from_json(document["options"]),
        tuple(fate_from_json(fate) for fate in document["columns"]),
    )


def fate_from_json(document: Mapping[str, Any]) -> ColumnFate:
    """Return the fate whose dataclass fields were written as JSON."""
    return ColumnFate(**{**document, "rule": document["rule"] and Rule(document["rule"])})


def options_from_json(document: Mapping[str, Any]) -> CleaningOptions:
    """Return the options whose dataclass fields were written as JSON."""
    return CleaningOptions(**{**document, "imputation": Imputation(document["imputation"])})


def to_values(frame: pl.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    """Return the columns as a fresh (n_rows, n_columns) array in C order, missing values as NaN."""
    values = np.empty((frame.height, len(columns)))
    for place, column in enumerate(columns):
        values[:, place] = frame[column].cast(pl.Float64).to_numpy()
    return values
