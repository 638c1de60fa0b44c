"""How well the default LightGBM ranks and decides on real applicants: `python -m benchmarks.quality --tables DIR`.

All labelled applicants, all features, missing values left to the trees, 5-fold cross-validation with 3 seeds, through
the trainer's own domain code and its defaults. Prints last `quality auc …` and `quality business_cost …`; exits 1 when
one misses its bar.

The cost is a trial's: at the best threshold of each seed's out-of-fold margins, chosen on the rows it is told for. What
it is when each fold's threshold is chosen on the other folds is printed beside it.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit

from services.trainer.domain.classifiers.catalogue import LIGHTGBM
from services.trainer.domain.classifiers.registry import PREPARATIONS
from services.trainer.domain.cleaning import CleaningOptions, Imputation
from services.trainer.domain.hyperparameters import combinations_of
from services.trainer.domain.imbalance import Imbalance
from services.trainer.domain.judging import Judge
from services.trainer.domain.plan import Resampling
from services.trainer.domain.recipe import Recipe
from services.trainer.domain.search import Objective
from services.trainer.domain.threshold import Costs, best_threshold, cost_at
from services.trainer.domain.trials import Trial
from services.trainer.domain.tuning import Fold, prepare_folds, try_hyperparameters
from shared.features.building import build_features
from shared.features.levels import fit_levels
from shared.features.specification import CLIENT_KEY, TARGET
from shared.tables.reading import open_tables

TABLES_VARIABLE = "COUNTERFOIL_TEST_TABLES"
LEAST_AUC = 0.735
LARGEST_COST = 0.53
RESAMPLING = Resampling(folds=5, repeats=3, seed=0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0 if both figures reach their bars, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality")
    parser.add_argument(
        "--tables", type=Path, default=os.environ.get(TABLES_VARIABLE), help=f"default: {TABLES_VARIABLE}"
    )
    tables = parser.parse_args(arguments).tables
    if tables is None:
        parser.error(f"name the folder of the tables with --tables or {TABLES_VARIABLE}")
    trial = measure(labelled_features(Path(tables)))
    print(f"quality auc {trial.auc:.4f} area (bar ≥ {LEAST_AUC})")
    print(f"quality business_cost {trial.objective:.4f} per applicant (bar ≤ {LARGEST_COST})")
    return 0 if trial.auc >= LEAST_AUC and trial.objective <= LARGEST_COST else 1


def labelled_features(directory: Path) -> pl.DataFrame:
    """Return key, target and uncleaned features of every labelled application; levels are those of all rows."""
    frames = open_tables(directory).frames
    return build_features(frames, fit_levels(frames)).frame.filter(pl.col(TARGET).is_not_null())


def measure(labelled: pl.DataFrame) -> Trial:
    """Return how the default LightGBM does over all folds and seeds."""
    features = [column for column in labelled.columns if column not in {CLIENT_KEY, TARGET}]
    targets = labelled[TARGET].to_numpy().astype(np.int8)
    print(f"{labelled.height} labelled applicants, {len(features)} features, {targets.mean():.4f} default")
    folds = prepare_folds(
        labelled,
        targets,
        columns=features,
        cleaning=CleaningOptions(Imputation.NONE),
        prepare=Recipe(PREPARATIONS[LIGHTGBM.id], Imbalance.CLASS_WEIGHTS),
        resampling=RESAMPLING,
        threads=0,
        on_fold=lambda *_: None,
    )
    (defaults,) = combinations_of({}, LIGHTGBM.hyperparameters)
    judge = Judge(Objective.BUSINESS_COST, targets, Costs())
    tried = try_hyperparameters(0, defaults, folds, judge, seed=RESAMPLING.seed)
    print(f"{tried.trial.seconds:.1f} s of training, AUC deviation {tried.trial.auc_deviation:.4f} over folds")
    print(f"business cost with each fold's threshold from the others: {unseen_cost(targets, folds, tried.margins):.4f}")
    return tried.trial


def unseen_cost(targets: NDArray[np.int8], folds: Sequence[Fold], margins: NDArray[np.float64]) -> float:
    """Return the cost per applicant where each fold is decided by the best threshold of its repeat's other folds.

    `margins` are (repeats, n_rows), every row's from a model that had not seen it.
    """
    total = 0.0
    for fold in folds:
        probabilities = expit(margins[fold.repeat])
        others = np.setdiff1d(np.arange(len(targets)), fold.rows)
        threshold = best_threshold(targets[others], probabilities[others], Costs()).value
        total += len(fold.rows) * cost_at(targets[fold.rows], probabilities[fold.rows], threshold, Costs())
    return total / margins.size


if __name__ == "__main__":
    sys.exit(main())
