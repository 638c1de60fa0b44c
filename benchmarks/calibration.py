"""Whether probabilities mean what they say, whatever was done about imbalance: `python -m benchmarks.calibration`.

Applicants are synthesized, their applications alone. LightGBM is trained by the product's own training on some of them
without anything done about imbalance, with class weights and with SMOTE, under the product's default calibration. On
20,000 others the expected calibration error over ten bins of equally many applicants is printed beside that of the
uncalibrated margins. Prints last `calibration expected_calibration_error …`, the largest of the three; exits 1 above
the bar.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.special import expit

from services.trainer.adapters.optuna_study import open_study
from services.trainer.domain.cleaning import CleaningOptions, Imputation
from services.trainer.domain.cleaning_rules import fit_cleaning
from services.trainer.domain.dataset import LabelledRows
from services.trainer.domain.evaluation import evaluate
from services.trainer.domain.hyperparameters import Grid
from services.trainer.domain.imbalance import Imbalance
from services.trainer.domain.plan import Resampling, TrainingPlan
from services.trainer.domain.training import Listeners, train_model
from shared.calibration import expected_calibration_error
from shared.features.building import build_features
from shared.features.levels import fit_levels
from shared.features.specification import CLIENT_KEY, TARGET
from shared.tables.schema import TABLES
from shared.tables.synthesizing import BLOCK_APPLICANTS
from shared.tables.synthetic.applications import draw_applications
from shared.tables.synthetic.clients import table
from shared.tables.synthetic.parameters import load_parameters

LARGEST_ERROR = 0.01
HELD_OUT = 20_000
IMBALANCES = (Imbalance.NONE, Imbalance.CLASS_WEIGHTS, Imbalance.SMOTE)
GRID: Grid = {"n_estimators": (300,), "learning_rate": (0.05,)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0 if every error reaches the bar, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration")
    parser.add_argument("--train", type=int, default=20_000, help="applicants to train on (default: 20,000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the applicants and of the training (default: 0)")
    options = parser.parse_args(arguments)
    train, test = synthesized(options.train, HELD_OUT, seed=options.seed)
    print(f"{len(train.targets)} train applicants, {len(test.targets)} held out, {test.targets.mean():.4f} default")
    errors = [measure(train, test, imbalance, seed=options.seed) for imbalance in IMBALANCES]
    print(f"calibration expected_calibration_error {max(errors):.4f} probability (bar ≤ {LARGEST_ERROR})")
    return 0 if max(errors) <= LARGEST_ERROR else 1


def synthesized(train: int, held_out: int, *, seed: int) -> tuple[LabelledRows, LabelledRows]:
    """Return uncleaned application features of so many synthesized applicants, to train on and others."""
    # A few applicants of a rare level are dropped, as the reference features have it.
    frames = drawn_applications((train + held_out) * 101 // 100, seed=seed)
    labelled = build_features(frames, fit_levels(frames)).frame
    return labelled_rows(labelled[:train]), labelled_rows(labelled[-held_out:])


def drawn_applications(applicants: int, *, seed: int, drift: float = 0.0) -> dict[str, pl.LazyFrame]:
    """Return so many synthesized applications as the one table of a lender, all moved by a drift from 0 to 1."""
    parameters = load_parameters()["application"]
    blocks = []
    for first in range(0, applicants, BLOCK_APPLICANTS):
        random = np.random.default_rng([seed, first])
        place = np.arange(first, min(first + BLOCK_APPLICANTS, applicants))
        moved = np.full(len(place), drift > 0.0)
        _, columns = draw_applications(parameters, random, 100_001 + place, moved, drift)
        blocks.append(table(TABLES["application_train"], columns, random))
    return {"application_train": pl.concat(blocks).lazy()}


def measure(train: LabelledRows, test: LabelledRows, imbalance: Imbalance, *, seed: int, grid: Grid = GRID) -> float:
    """Return the expected calibration error on the test rows of a model that is trained on the train rows."""
    plan = TrainingPlan("", "calibration", "lightgbm", grid, Resampling(5, 1, seed), imbalance=imbalance)
    # SMOTE takes no missing value, and the three shall differ in nothing else.
    record = fit_cleaning(
        train.frame, train.frame.columns, CleaningOptions(Imputation.MEDIAN, min_variance=0.0), targets=train.targets
    )
    quiet = Listeners(lambda *_: None, lambda _: None)
    study = open_study("", name="calibration", plan=plan)
    training = train_model(plan, train=train, test=test, record=record, study=study, threads=0, listeners=quiet)
    scored = training.scored["test"]
    plain = expit(training.model.margins(record.apply(test.frame)))
    uncalibrated = expected_calibration_error(scored.targets, plain)
    figures = evaluate(scored.targets, scored.probabilities, threshold=training.threshold.value, costs=plan.costs)
    print(
        f"{imbalance.value:13} {training.calibrator.kind:8} error {figures['expected_calibration_error']:.4f}, "
        f"uncalibrated {uncalibrated:.4f}; auc {figures['auc']:.4f}, brier {figures['brier']:.4f}, "
        f"threshold {training.threshold.value:.4f}"
    )
    return figures["expected_calibration_error"]


def labelled_rows(labelled: pl.DataFrame) -> LabelledRows:
    """Return features and targets apart."""
    return LabelledRows(labelled.drop(CLIENT_KEY, TARGET), labelled[TARGET].to_numpy().astype(np.int8))


if __name__ == "__main__":
    sys.exit(main())
