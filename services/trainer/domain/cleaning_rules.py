"""Cleaning fitted on the train split: which rule drops which column, and what stands in for missing values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.trainer.domain.association import category_codes, chi_squared, contingency, cramers_v, eta_squared
from services.trainer.domain.cleaning import (
    CleaningOptions,
    CleaningRecord,
    ColumnFate,
    Imputation,
    Rule,
    to_values,
)
from services.trainer.domain.correlation import correlated_partners
from shared.errors import Precondition

# No column belongs to a categorical variable.
ALL_NUMERIC: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class _Train:
    """What the rules look at: values (n_rows, n_columns), targets, and the column places of each variable."""

    values: NDArray[np.float64]
    shares: NDArray[np.float64]
    targets: NDArray[np.int8]
    variables: Mapping[str, Sequence[int]]

    def codes(self, variable: str) -> NDArray[np.intp]:
        """Return the category of each row, also where an earlier rule dropped columns of the variable."""
        return category_codes(self.values[:, self.variables[variable]])


def fit_cleaning(
    train: pl.DataFrame,
    columns: Sequence[str],
    options: CleaningOptions,
    *,
    targets: NDArray[np.int8],
    variables: Mapping[str, str] = ALL_NUMERIC,
) -> CleaningRecord:
    """Return the record that `try_cleaning` returns.

    Raises Precondition NO_COLUMN_LEFT, naming the rules and how many columns each dropped, if none is kept.
    """
    record = try_cleaning(train, columns, options, targets=targets, variables=variables)
    if not record.kept:
        raise _nothing_left(record)
    return record


def try_cleaning(
    train: pl.DataFrame,
    columns: Sequence[str],
    options: CleaningOptions,
    *,
    targets: NDArray[np.int8],
    variables: Mapping[str, str] = ALL_NUMERIC,
) -> CleaningRecord:
    """Return the record fitted on the feature columns of the train split and its targets, which may keep no column.

    `variables` names the categorical variable of each column that shows a level of one. Rules apply in the order of
    `Rule`; of a correlated or associated pair the later one goes, a variable with all its columns. A column with one
    value or none has variance 0.
    """
    values = to_values(train, columns)
    shares = np.isnan(values).mean(axis=0) if len(values) else np.ones(len(columns))
    fates = [
        ColumnFate(column, float(share), variable=variables.get(column, ""))
        for column, share in zip(columns, shares, strict=True)
    ]
    seen = _Train(values, shares, targets, _places(fates))
    fates = _drop_by_figure(fates, shares, None, Rule.ALL_MISSING, breaks=shares >= 1.0)
    for option, drop in _RULES.items():
        bound = getattr(options, option)
        if bound is not None:
            fates = drop(fates, seen, bound)
    return CleaningRecord(options, tuple(_with_fallbacks(fates, values, options.imputation)))


def _places(fates: Sequence[ColumnFate]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, fate in enumerate(fates):
        if fate.variable:
            places.setdefault(fate.variable, []).append(place)
    return places


def _drop_by_figure(
    fates: Sequence[ColumnFate],
    figures: NDArray[np.float64],
    bound: float | None,
    rule: Rule,
    *,
    breaks: NDArray[np.bool_],
) -> list[ColumnFate]:
    return [
        replace(fate, rule=rule, figure=float(figure), bound=bound) if fate.kept and broken else fate
        for fate, figure, broken in zip(fates, figures, breaks, strict=True)
    ]


def _drop_incomplete(fates: Sequence[ColumnFate], seen: _Train, bound: float) -> list[ColumnFate]:
    return _drop_by_figure(fates, seen.shares, bound, Rule.MISSING_SHARE, breaks=seen.shares > bound)


def _drop_constant(fates: Sequence[ColumnFate], seen: _Train, bound: float) -> list[ColumnFate]:
    variances = _variances(seen.values)
    return _drop_by_figure(fates, variances, bound, Rule.VARIANCE, breaks=variances < bound)


def _drop_leaking_numbers(fates: Sequence[ColumnFate], seen: _Train, bound: float) -> list[ColumnFate]:
    numeric = np.array([not fate.variable for fate in fates])
    figures = eta_squared(seen.values, seen.targets)
    return _drop_by_figure(fates, figures, bound, Rule.TARGET_ETA_SQUARED, breaks=numeric & (figures > bound))


def _drop_leaking_variables(fates: Sequence[ColumnFate], seen: _Train, bound: float) -> list[ColumnFate]:
    dropped = list(fates)
    for variable in _kept_variables(fates):
        counts = contingency(seen.codes(variable), seen.targets.astype(np.intp))
        if cramers_v(counts) > bound:
            dropped = _drop_variable(dropped, variable, Rule.TARGET_CRAMERS_V, counts, bound)
    return dropped


def _drop_associated_variables(fates: Sequence[ColumnFate], seen: _Train, bound: float) -> list[ColumnFate]:
    dropped, kept = list(fates), dict[str, NDArray[np.intp]]()
    for variable in _kept_variables(fates):
        codes = seen.codes(variable)
        pairs = {earlier: contingency(codes, others) for earlier, others in kept.items()}
        strongest = max(pairs, key=lambda earlier: cramers_v(pairs[earlier]), default="")
        if strongest and cramers_v(pairs[strongest]) > bound:
            rule, counts = Rule.CATEGORICAL_ASSOCIATION, pairs[strongest]
            dropped = _drop_variable(dropped, variable, rule, counts, bound, partner=strongest)
        else:
            kept[variable] = codes
    return dropped


def _kept_variables(fates: Sequence[ColumnFate]) -> list[str]:
    """Return the variables that have a kept column, in column order."""
    return list(dict.fromkeys(fate.variable for fate in fates if fate.variable and fate.kept))


def _drop_variable(
    fates: Sequence[ColumnFate],
    variable: str,
    rule: Rule,
    counts: NDArray[np.int64],
    bound: float,
    *,
    partner: str = "",
) -> list[ColumnFate]:
    figure, behind = cramers_v(counts), chi_squared(counts)
    return [
        replace(fate, rule=rule, figure=figure, bound=bound, partner=partner, chi_squared=behind)
        if fate.variable == variable and fate.kept
        else fate
        for fate in fates
    ]


def _drop_correlated(fates: Sequence[ColumnFate], seen: _Train, bound: float) -> list[ColumnFate]:
    places = [place for place, fate in enumerate(fates) if fate.kept]
    dropped = list(fates)
    for later, (earlier, figure) in correlated_partners(seen.values[:, places], bound).items():
        partner = fates[places[earlier]].column
        dropped[places[later]] = replace(
            fates[places[later]], rule=Rule.CORRELATION, figure=figure, bound=bound, partner=partner
        )
    return dropped


# The rules that an option turns on, in the order of `Rule`.
_RULES: Final[Mapping[str, Callable[[Sequence[ColumnFate], _Train, float], list[ColumnFate]]]] = {
    "max_missing_share": _drop_incomplete,
    "min_variance": _drop_constant,
    "max_target_eta_squared": _drop_leaking_numbers,
    "max_target_cramers_v": _drop_leaking_variables,
    "max_categorical_association": _drop_associated_variables,
    "max_abs_correlation": _drop_correlated,
}

_OPTIONS: Final[Mapping[Rule, str]] = {
    Rule.MISSING_SHARE: "max_missing_share",
    Rule.VARIANCE: "min_variance",
    Rule.TARGET_ETA_SQUARED: "max_target_eta_squared",
    Rule.TARGET_CRAMERS_V: "max_target_cramers_v",
    Rule.CATEGORICAL_ASSOCIATION: "max_categorical_association",
    Rule.CORRELATION: "max_abs_correlation",
}
# At these bounds, or without one, a rule drops nothing; those about pairs always leave a column.
_HARMLESS: Final[Mapping[str, float]] = {
    "max_missing_share": 1.0,
    "min_variance": 0.0,
    "max_target_eta_squared": 1.0,
    "max_target_cramers_v": 1.0,
}


def may_drop_all(options: CleaningOptions) -> bool:
    """Return whether there are columns of which the options, in their ranges, would keep none that holds a value."""
    return any(getattr(options, name) not in (None, bound) for name, bound in _HARMLESS.items())


def _variances(values: NDArray[np.float64]) -> NDArray[np.float64]:
    present = ~np.isnan(values)
    counts = present.sum(axis=0)
    means = np.where(present, values, 0.0).sum(axis=0) / np.maximum(counts, 1)
    squares = np.where(present, (values - means) ** 2, 0.0).sum(axis=0)
    return np.asarray(squares / np.maximum(counts - 1, 1), dtype=np.float64)


def _nothing_left(record: CleaningRecord) -> Precondition:
    counts = record.dropped_counts
    told = ", ".join(f"{rule} dropped {count}{_bound_of(rule, record.options)}" for rule, count in counts.items())
    options = ", ".join(_OPTIONS[rule] for rule in counts if rule in _OPTIONS)
    remedy = f"loosen {options}: PreviewCleaning tells what would be kept" if options else "supply columns with values"
    return Precondition(
        f"the cleaning options leave no feature column ({told}); {remedy}",
        reason="NO_COLUMN_LEFT",
        metadata={rule.value: str(count) for rule, count in counts.items()},
    )


def _bound_of(rule: Rule, options: CleaningOptions) -> str:
    return f" at {_OPTIONS[rule]} {getattr(options, _OPTIONS[rule]):g}" if rule in _OPTIONS else ""


def _with_fallbacks(
    fates: Sequence[ColumnFate], values: NDArray[np.float64], imputation: Imputation
) -> list[ColumnFate]:
    filled = []
    for place, fate in enumerate(fates):
        fallback = _fallback(values[:, place], imputation) if fate.kept else None
        filled.append(replace(fate, fallback=fallback))
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
