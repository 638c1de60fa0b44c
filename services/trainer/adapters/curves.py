"""Figures of how a training came to its threshold, its calibration and its hyper-parameters, as PNG files."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_recall_curve

from services.trainer.adapters.figures import canvas, save
from services.trainer.domain.decisions import operating_points
from services.trainer.domain.hyperparameters import HyperparameterValue
from services.trainer.domain.results import TrialState
from services.trainer.domain.scored import Scored
from services.trainer.domain.threshold import Costs
from services.trainer.domain.trials import Trial
from shared.calibration import calibration_bins, expected_calibration_error

_POINTS = 400
# Beyond it hardly anybody is left, and the axis would be all theirs.
_LARGEST_QUANTILE = 0.995
_LOGARITHMIC_FROM = 100.0
_PANELS_A_ROW, _MOST_PANELS = 3, 12


def draw_curves(
    folder: Path, scored: Mapping[str, Scored], threshold: float, costs: Costs, trials: Sequence[Trial]
) -> None:
    """Write precision_recall, cost_curve and calibration into a folder, and hyperparameters if the trials differ."""
    save(_precision_recall(scored), folder / "precision_recall.png")
    save(_cost_curve(scored, threshold, costs), folder / "cost_curve.png")
    save(_calibration(scored), folder / "calibration.png")
    varied = varied_hyperparameters(trials)
    if varied:
        save(_hyperparameters(varied), folder / "hyperparameters.png")


def varied_hyperparameters(trials: Sequence[Trial]) -> dict[str, list[tuple[HyperparameterValue, float]]]:
    """Return, of each hyper-parameter that takes more than one value, the value and the cost of every whole trial."""
    whole = [
        (trial.hyperparameters, trial.cost)
        for trial in trials
        if trial.state is TrialState.COMPLETE and trial.cost is not None
    ]
    names = sorted({name for values, _ in whole for name in values})
    pairs = {name: [(values[name], cost) for values, cost in whole if name in values] for name in names}
    return {name: found for name, found in pairs.items() if len({value for value, _ in found}) > 1}


def _precision_recall(scored: Mapping[str, Scored]) -> Figure:
    figure, axes = canvas()
    for split, part in scored.items():
        precision, recall, _ = precision_recall_curve(part.targets, part.probabilities)
        average, share = average_precision_score(part.targets, part.probabilities), part.targets.mean()
        axes.plot(recall, precision, label=f"{split} (average precision {average:.3f}, {share:.3f} default)")
    axes.set(xlabel="share of defaults refused", ylabel="share of defaults among the refused", ylim=(0.0, 1.02))
    axes.set_title("Precision and recall")
    axes.legend(loc="upper right")
    return figure


def _cost_curve(scored: Mapping[str, Scored], threshold: float, costs: Costs) -> Figure:
    figure, axes = canvas()
    highest = max(float(np.quantile(part.probabilities, _LARGEST_QUANTILE)) for part in scored.values())
    grid = np.linspace(0.0, max(highest, threshold * 1.1), _POINTS + 1)[1:].tolist()
    for split, part in scored.items():
        points = operating_points(part, grid, costs)
        axes.plot([point.threshold for point in points], [point.cost for point in points], label=split)
    axes.axvline(threshold, color="0.4", linestyle=":", label=f"threshold {threshold:.4f}")
    axes.set(xlabel="threshold", ylabel="cost per applicant", title="What each threshold costs")
    axes.legend()
    return figure


def _calibration(scored: Mapping[str, Scored]) -> Figure:
    figure, axes = canvas()
    largest = 0.0
    for split, part in scored.items():
        bins = calibration_bins(part.targets, part.probabilities)
        error = expected_calibration_error(part.targets, part.probabilities)
        axes.plot(bins.probabilities, bins.shares, marker="o", label=f"{split} (expected error {error:.4f})")
        largest = max(largest, float(bins.probabilities.max()), float(bins.shares.max()))
    axes.plot([0.0, largest], [0.0, largest], color="0.6", linestyle=":")
    axes.set(xlabel="mean probability", ylabel="share of defaults", title="Calibration: ten bins of equally many")
    axes.legend(loc="upper left")
    return figure


def _hyperparameters(varied: Mapping[str, Sequence[tuple[HyperparameterValue, float]]]) -> Figure:
    shown = list(varied.items())[:_MOST_PANELS]
    rows = math.ceil(len(shown) / _PANELS_A_ROW)
    columns = min(len(shown), _PANELS_A_ROW)
    figure = Figure(figsize=(4.0 * columns, 3.2 * rows + 0.5), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, pairs) in zip(panels, shown, strict=False):
        _panel(axes, name, pairs)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    figure.suptitle("Cost out of fold of each trial; the other hyper-parameters vary as well")
    return figure


def _panel(axes: Axes, name: str, pairs: Sequence[tuple[HyperparameterValue, float]]) -> None:
    values, costs = zip(*pairs, strict=True)
    if any(isinstance(value, str) for value in values):
        words = sorted({str(value) for value in values})
        axes.plot([words.index(str(value)) for value in values], costs, "o")
        axes.set_xticks(range(len(words)), words)
    else:
        axes.plot(values, costs, "o")
        if min(values) > 0 and max(values) / min(values) >= _LOGARITHMIC_FROM:
            axes.set_xscale("log")
    axes.set(xlabel=name, ylabel="cost per applicant")
