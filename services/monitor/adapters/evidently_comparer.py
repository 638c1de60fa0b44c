"""Drift through Evidently; to be imported in the job's process only, since that alone takes seconds."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from services.monitor.domain.drift import Comparison, Documents, DriftBounds, choose_drawn

_LARGEST = 1e100
_DIGITS = 14
_COLUMN_METRIC = "evidently:metric_v2:ValueDrift"


class EvidentlyComparer:
    """Compares with Evidently's data-drift preset, which chooses a method by column type and number of rows."""

    def compare(
        self,
        current: pl.DataFrame,
        reference: pl.DataFrame,
        categorical: frozenset[str],
        bounds: DriftBounds,
        most_drawn: int | None,
    ) -> tuple[Mapping[str, Comparison], Documents]:
        """Return each column's comparison and Evidently's own documents; every column has values on both sides.

        Where not all columns are drawn, the page is that of a second report, on the drawn ones alone.
        """
        with warnings.catch_warnings():
            # A constant column has no correlation; Evidently asks numpy for it all the same, for its plots.
            warnings.simplefilter("ignore", RuntimeWarning)
            snapshot = _report(current, reference, categorical, bounds)
            comparisons = _comparisons(snapshot, current.columns)
            drawn, page = choose_drawn(comparisons, most_drawn), snapshot
            if len(drawn) < len(comparisons):
                page = _report(current.select(drawn), reference.select(drawn), categorical, bounds)
            html = page.get_html_str(as_iframe=False)
        return comparisons, Documents(html=html, json=snapshot.json(), drawn=tuple(drawn))


def _report(current: pl.DataFrame, reference: pl.DataFrame, categorical: frozenset[str], bounds: DriftBounds) -> Any:
    definition = DataDefinition(
        numerical_columns=[column for column in current.columns if column not in categorical],
        categorical_columns=[column for column in current.columns if column in categorical],
    )
    sides = [
        Dataset.from_pandas(_binnable(side).to_pandas(), data_definition=definition) for side in (current, reference)
    ]
    return Report([DataDriftPreset(drift_share=bounds.drifted_share)]).run(*sides)


def _comparisons(snapshot: Any, columns: Sequence[str]) -> dict[str, Comparison]:
    """Return each column's comparison, in the order of the columns."""
    metrics = [metric for metric in snapshot.dict()["metrics"] if metric["config"]["type"] == _COLUMN_METRIC]
    found = {metric["config"]["column"]: _comparison(metric) for metric in metrics}
    return {column: found[column] for column in columns}


def _binnable(side: pl.DataFrame) -> pl.DataFrame:
    """Return the values as Evidently's histograms can take them; one value they cannot would abort the whole report.

    They need a finite range that ten bins can divide: no difference in the last bits, no number near the largest one.
    """
    return side.select(pl.all().clip(-_LARGEST, _LARGEST).round_sig_figs(_DIGITS))


def _comparison(metric: Mapping[str, Any]) -> Comparison:
    """Return the comparison: a small p-value means drift, or a large distance."""
    method, bound, score = metric["config"]["method"], float(metric["config"]["threshold"]), float(metric["value"])
    drifted = score < bound if method.endswith("p_value") else score >= bound
    return Comparison(method=method, score=score, bound=bound, drifted=drifted)
