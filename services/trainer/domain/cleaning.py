"""Which columns models see and what stands in for missing values, fitted on the train split and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.trainer.domain.correlation import correlated_partners
from shared.errors import Precondition


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
    CORRELATION = "CORRELATION"


@dataclass(frozen=True)
class CleaningOptions:
    """The bounds that a column must keep to; None leaves a rule out.

    `max_missing_share` in [0, 1]; `max_abs_correlation` in (0, 1], between any two feature columns, since all are
    numbers; `min_variance` (ddof = 1) >= 0. A column at a bound is kept.
    """

    imputation: Imputation
    max_missing_share: float | None = None
    max_abs_correlation: float | None = None
    min_variance: float | None = None


@dataclass(frozen=True)
class ColumnFate:
    """What became of one column: kept (no rule), or dropped by a rule whose figure broke its bound.

    `partner` is the kept column it correlates with. `fallback` replaces a missing value of a kept column: the
    imputation's figure or, without imputation, the train median of a column that had no missing value in train, which
    a tree would silently take for zero. None: a missing value reaches the model as such.
    """

    column: str
    missing_share: float
    rule: Rule | None = None
    figure: float | None = None
    bound: float | None = None
    partner: str = ""
    fallback: float | None = None

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


def fit_cleaning(train: pl.DataFrame, columns: Sequence[str], options: CleaningOptions) -> CleaningRecord:
    """Return the record fitted on the feature columns of the train split.

    Rules apply in the order of `Rule`; of a correlated pair the later column goes. A column with one value or none has
    variance 0. Raises Precondition NO_COLUMN_LEFT, naming the rules and how many columns each dropped, if none is kept.
    """
    values = to_values(train, columns)
    shares = np.isnan(values).mean(axis=0) if len(values) else np.ones(len(columns))
    fates = [ColumnFate(column, float(share)) for column, share in zip(columns, shares, strict=True)]
    fates = _drop_by_figure(fates, shares, 1.0, Rule.ALL_MISSING, breaks=shares >= 1.0)
    if options.max_missing_share is not None:
        broken = shares > options.max_missing_share
        fates = _drop_by_figure(fates, shares, options.max_missing_share, Rule.MISSING_SHARE, breaks=broken)
    if options.min_variance is not None:
        variances = _variances(values)
        broken = variances < options.min_variance
        fates = _drop_by_figure(fates, variances, options.min_variance, Rule.VARIANCE, breaks=broken)
    if options.max_abs_correlation is not None:
        fates = _drop_correlated(fates, values, options.max_abs_correlation)
    _refuse_nothing_left(fates)
    return CleaningRecord(options, tuple(_with_fallbacks(fates, values, options.imputation)))


def _drop_by_figure(
    fates: list[ColumnFate], figures: NDArray[np.float64], bound: float, rule: Rule, *, breaks: NDArray[np.bool_]
) -> list[ColumnFate]:
    # The bound of ALL_MISSING is no option of the user's, so none is recorded.
    recorded = None if rule is Rule.ALL_MISSING else bound
    return [
        ColumnFate(fate.column, fate.missing_share, rule, float(figure), recorded) if fate.kept and broken else fate
        for fate, figure, broken in zip(fates, figures, breaks, strict=True)
    ]


def _variances(values: NDArray[np.float64]) -> NDArray[np.float64]:
    present = ~np.isnan(values)
    counts = present.sum(axis=0)
    means = np.where(present, values, 0.0).sum(axis=0) / np.maximum(counts, 1)
    squares = np.where(present, (values - means) ** 2, 0.0).sum(axis=0)
    return np.asarray(squares / np.maximum(counts - 1, 1), dtype=np.float64)


def _drop_correlated(fates: list[ColumnFate], values: NDArray[np.float64], bound: float) -> list[ColumnFate]:
    places = [place for place, fate in enumerate(fates) if fate.kept]
    partners = correlated_partners(values[:, places], bound)
    dropped = list(fates)
    for later, (earlier, figure) in partners.items():
        fate, partner = fates[places[later]], fates[places[earlier]]
        dropped[places[later]] = ColumnFate(
            fate.column, fate.missing_share, Rule.CORRELATION, figure, bound, partner=partner.column
        )
    return dropped


def _refuse_nothing_left(fates: Sequence[ColumnFate]) -> None:
    if any(fate.kept for fate in fates):
        return
    counts = {rule: sum(fate.rule is rule for fate in fates) for rule in Rule}
    told = ", ".join(f"{rule.value} dropped {count}" for rule, count in counts.items() if count)
    raise Precondition(
        f"the cleaning options leave no feature column ({told}); loosen the options that these rules stand for",
        reason="NO_COLUMN_LEFT",
        metadata={rule.value: str(count) for rule, count in counts.items() if count},
    )


def _with_fallbacks(
    fates: Sequence[ColumnFate], values: NDArray[np.float64], imputation: Imputation
) -> list[ColumnFate]:
    filled = []
    for place, fate in enumerate(fates):
        fallback = _fallback(values[:, place], imputation) if fate.kept else None
        filled.append(ColumnFate(**{**asdict(fate), "rule": fate.rule, "fallback": fallback}))
    return filled


def _fallback(column: NDArray[np.float64], imputation: Imputation) -> float | None:
    present = column[~np.isnan(column)]
    if imputation is Imputation.NONE and len(present) < len(column):
        return None
    return _FIGURES[imputation](present)


_FIGURES: Mapping[Imputation, Callable[[NDArray[np.float64]], float]] = {
    Imputation.NONE: lambda present: float(np.median(present)),
    Imputation.MEAN: lambda present: float(present.mean()),
    Imputation.MEDIAN: lambda present: float(np.median(present)),
    Imputation.MIN: lambda present: float(present.min()),
    Imputation.MAX: lambda present: float(present.max()),
}
