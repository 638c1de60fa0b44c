"""Figures are drawn from any scored splits, without a display and without pyplot."""

import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from services.trainer.adapters.figures import draw_figures
from services.trainer.domain.scored import Scored

_RANDOM = np.random.default_rng(4)
_SCORED = Scored((_RANDOM.random(80) < 0.2).astype(np.int8), _RANDOM.random(80), np.ones(80))
_NAMES = ("roc_curve", "confusion_matrix", "feature_importance")


@pytest.mark.parametrize("splits", [("cv", "train", "test"), ("cv", "train")])
def test_three_figures_are_written(tmp_path: Path, splits: tuple[str, ...]) -> None:
    """Also where a data set has no test split, and where one feature has a very long name."""
    importance = [("F" * 90, 1.5), *((f"FEATURE_{number}", 1.0 / number) for number in range(1, 30))]

    draw_figures(tmp_path, dict.fromkeys(splits, _SCORED), 0.4, importance)

    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(_NAMES)
    # More than one colour: something was drawn.
    assert all(len(np.unique(imread(tmp_path / f"{name}.png"))) > 2 for name in _NAMES)
    assert "matplotlib.pyplot" not in sys.modules


def test_equal_trainings_give_equal_figures(tmp_path: Path) -> None:
    """No date is in them."""
    for folder in (tmp_path / "first", tmp_path / "again"):
        folder.mkdir()
        draw_figures(folder, {"cv": _SCORED}, 0.4, [("AMT_CREDIT", 0.3)])

    for name in _NAMES:
        first, again = ((tmp_path / folder / f"{name}.png").read_bytes() for folder in ("first", "again"))
        assert first == again
