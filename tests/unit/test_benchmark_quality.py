"""The quality benchmark is honest: a search never sees the folds that its winner is measured on, and a bar is a bar."""

import numpy as np
import polars as pl
import pytest

from benchmarks.quality import MEASURING, SEARCHING, SPACE, Case, defaults, parsed, report
from services.trainer.domain.classifiers.kinds.lightgbm import CLASSIFIER as LIGHTGBM
from services.trainer.domain.folds import draw_folds
from services.trainer.domain.hyperparameters import Range, check_grid
from services.trainer.domain.results import TrialState
from services.trainer.domain.trials import FoldScore, Trial
from services.trainer.domain.tuning import TriedModel

TARGETS = np.array([0, 1] * 50, dtype=np.int8)


def case(*, least_auc: float, largest_cost: float | None) -> Case:
    """Return a hundred applicants without features, half of whom defaulted."""
    return Case("made-up", pl.DataFrame({"SK_ID_CURR": range(100), "TARGET": TARGETS}), least_auc, largest_cost)


def tried(*, auc: float, cost: float) -> TriedModel:
    """Return a trial that did so in all folds."""
    fold = FoldScore(auc, cost, 0.5, 0.1, 0.1)
    folds = (fold,) * (MEASURING.folds * MEASURING.repeats)
    trial = Trial(0, {}, TrialState.COMPLETE, folds, (cost,), cost, 0.5)
    return TriedModel(trial, np.tile(np.where(TARGETS == 1, 1.0, -1.0), (MEASURING.repeats, 1)))


def test_no_fold_of_the_search_is_one_of_the_measurement() -> None:
    """Hyper-parameters chosen on the folds that they are measured on look better than they are."""
    measured, searched = (
        {tuple(split.outside) for split in draw_folds(TARGETS, resampling)} for resampling in (MEASURING, SEARCHING)
    )

    assert len(measured) == 15
    assert not measured & searched


def test_the_searched_ranges_are_ones_that_the_product_takes_and_hold_its_defaults() -> None:
    """What is found may be asked of CreateTrainingJob as it is, and the defaults could have been found."""
    check_grid(SPACE, LIGHTGBM.hyperparameters, exhaustive=False)

    for name, choice in SPACE.items():
        assert isinstance(choice, Range)
        assert choice.minimum <= float(defaults()[name]) <= choice.maximum


@pytest.mark.parametrize(
    ("words", "tuned"),
    [([], ["extended"]), (["--tune", "reference", "applications"], ["reference", "applications"]), (["--tune"], [])],
)
def test_the_extended_features_are_searched_for_unless_told_otherwise(words: list[str], tuned: list[str]) -> None:
    """Their bars are for what the product's own search finds."""
    assert parsed(["--tables", "anywhere", *words]).tune == tuned


@pytest.mark.parametrize(
    ("auc", "cost", "largest_cost", "reached"),
    [
        (0.76, 0.49, 0.50, True),
        (0.74, 0.49, 0.50, False),
        (0.76, 0.51, 0.50, False),
        (0.76, 0.51, None, True),
    ],
)
def test_a_figure_beyond_its_bar_fails(
    capsys: pytest.CaptureFixture[str], auc: float, cost: float, largest_cost: float | None, reached: bool
) -> None:
    """Both figures count where both have a bar; each is printed with it."""
    result = report(case(least_auc=0.75, largest_cost=largest_cost), "name", tried(auc=auc, cost=cost))

    assert result is reached
    printed = capsys.readouterr().out
    assert f"quality_name auc {auc:.4f} area (bar ≥ 0.75)" in printed
    assert "threshold from the others 0.0000" in printed
