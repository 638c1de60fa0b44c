"""Metrics side by side: one line a metric, one column a split or a model."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import RenderableType

from counterfoil.cli.views.layout import ABSENT, listing

DUMMY: Final = "dummy"
# What a lender asks first; any other metric follows by name.
_FIRST: Final = (
    "business_cost",
    "unseen_business_cost",
    "auc",
    "brier",
    "log_loss",
    "expected_calibration_error",
    "approval_rate",
    "bad_rate",
    "precision",
    "recall",
)
_BEST_HIGH: Final = frozenset({"auc", "gini", "ks", "average_precision", "balanced_accuracy", "f1"})
_BEST_LOW: Final = frozenset({"business_cost", "brier", "log_loss", "expected_calibration_error"})


def metrics_table(columns: Sequence[tuple[str, Mapping[str, float]]], *, title: str) -> RenderableType:
    """Return every metric that any of the columns has; one that a column lacks is shown as absent."""
    names = sorted({name for _, metrics in columns for name in metrics}, key=_rank)
    rows = [
        (name, *(f"{metrics[name]:.4f}" if name in metrics else ABSENT for _, metrics in columns)) for name in names
    ]
    headings = [heading for heading, _ in columns]
    return listing(("metric", *headings), rows, title=title, right=headings)


def compared(
    columns: Sequence[tuple[str, Mapping[str, float]]], splits: Sequence[str] = ("cv", "test"), *, title: str
) -> RenderableType:
    """Return costs and rankings of several models by split, the best of a line marked with *."""
    names = [f"{split}_{metric}" for split in splits for metric in _FIRST]
    rows = [(name, *_marked(name, columns)) for name in names if any(name in metrics for _, metrics in columns)]
    headings = [heading for heading, _ in columns]
    return listing(("metric", *headings), rows, title=title, right=headings)


def by_split(metrics: Mapping[str, float], splits: Sequence[str]) -> list[tuple[str, Mapping[str, float]]]:
    """Return the metrics of each split that has any, under their names without it."""
    found = [
        (split, {n.removeprefix(f"{split}_"): v for n, v in metrics.items() if n.startswith(f"{split}_")})
        for split in splits
    ]
    return [(split, values) for split, values in found if values]


def _rank(name: str) -> tuple[int, str]:
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _marked(name: str, columns: Sequence[tuple[str, Mapping[str, float]]]) -> list[str]:
    values = [metrics.get(name) for _, metrics in columns]
    present = [value for value in values if value is not None]
    metric = name.partition("_")[2]
    best = max(present) if metric in _BEST_HIGH else min(present) if metric in _BEST_LOW else None
    if len(present) < 2:  # noqa: PLR2004  alone nothing is best
        best = None
    return [ABSENT if value is None else f"{value:.4f}{' *' if value == best else '  '}" for value in values]
