"""Figures of a training as PNG files; made without pyplot, whose figures live in a global list."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, roc_curve

from services.trainer.domain.evaluation import area_under_curve
from services.trainer.domain.scored import Scored

_BARS = 20
_LONGEST_LABEL = 60


def draw_figures(
    folder: Path, scored: Mapping[str, Scored], threshold: float, importance: Sequence[tuple[str, float]]
) -> None:
    """Write roc_curve, confusion_matrix and feature_importance into an existing folder.

    `importance` is (feature, mean absolute contribution in log-odds), heaviest first; without any it is not drawn. The
    matrix counts decisions on the test split, out of fold where there is none.
    """
    split = "test" if "test" in scored else "cv"
    refused = scored[split].probabilities >= threshold
    counts = confusion_matrix(scored[split].targets, refused.astype(np.int8), labels=[0, 1])
    save(_roc(scored), folder / "roc_curve.png")
    save(_confusion(counts, split, threshold), folder / "confusion_matrix.png")
    if importance:
        save(_importance(importance[:_BARS]), folder / "feature_importance.png")


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; equal figures are equal files."""
    # Without the date and version that matplotlib writes by default.
    figure.savefig(path, dpi=120, metadata={"Software": None})


def canvas(width: float = 6.0, height: float = 5.0) -> tuple[Figure, Axes]:
    """Return an empty figure of so many inches and the axes in it."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _roc(scored: Mapping[str, Scored]) -> Figure:
    figure, axes = canvas()
    for split, part in scored.items():
        false_positive, true_positive, _ = roc_curve(part.targets, part.probabilities)
        area = area_under_curve(part.targets, part.probabilities)
        # Out of fold, rows that different models ranked are in one curve; the metric cv_auc is the mean over folds.
        pooled = "pooled " if split == "cv" else ""
        axes.plot(false_positive, true_positive, label=f"{split} ({pooled}AUC {area:.3f})")
    axes.plot([0.0, 1.0], [0.0, 1.0], color="0.6", linestyle=":")
    axes.set(xlabel="share of repaid loans refused", ylabel="share of defaults refused", title="ROC curve")
    axes.legend(loc="lower right")
    return figure


def _confusion(counts: NDArray[np.int64], split: str, threshold: float) -> Figure:
    figure, axes = canvas()
    axes.imshow(counts, cmap="Blues")
    half = counts.max() / 2
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if count > half else "black"
        axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
    axes.set_xticks([0, 1], ["approve", "refuse"])
    axes.set_yticks([0, 1], ["repaid", "default"])
    axes.set(xlabel="decision", ylabel="outcome", title=f"{split}: refuse from {threshold:.4f} on")
    return figure


def _importance(importance: Sequence[tuple[str, float]]) -> Figure:
    figure, axes = canvas(8.0, 6.0)
    names = [name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…" for name, _ in importance]
    places = np.arange(len(importance))
    axes.barh(places, [weight for _, weight in importance])
    axes.set_yticks(places, names, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel="mean absolute contribution (log-odds)", title="What weighs most")
    return figure
