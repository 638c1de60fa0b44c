"""Whether what is estimated before outcomes comes true: `python -m benchmarks.performance`.

Applicants are synthesized, their applications alone. LightGBM is trained by the product's own training on some of them,
calibrated, its threshold tuned for costs of 10 to 1. Windows of 100,000 others, drawn as the training data was, are
decided; AUC and business cost are estimated by the monitor from the probabilities alone and held against what happened.
Two more windows must be doubted: one of applicants drawn with drift, and one in which more default than before at every
score, which no estimate can see and outcomes must show. Prints last `performance auc_error …` and, above it,
`performance cost_error …`, the largest over the windows; exits 1 above a bar, where a window without drift is doubted,
or where one with drift is not.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibration import drawn_applications, labelled_rows
from services.monitor.domain.assumptions import Evidence, check_assumptions
from services.monitor.domain.decided import Decided, Stakes
from services.monitor.domain.measuring import measure
from services.monitor.domain.performance import Assumption, Estimate, Held, Measured
from services.trainer.adapters.optuna_study import open_study
from services.trainer.domain.cleaning import CleaningOptions, CleaningRecord, Imputation
from services.trainer.domain.cleaning_rules import fit_cleaning
from services.trainer.domain.dataset import LabelledRows
from services.trainer.domain.hyperparameters import Grid
from services.trainer.domain.plan import Resampling, TrainingPlan
from services.trainer.domain.training import Listeners, Training, train_model
from shared.bundle.profile import FeatureProfile, profile_column
from shared.features.building import build_features
from shared.features.levels import Levels, fit_levels

LARGEST_AUC_ERROR = 0.02
LARGEST_COST_ERROR = 0.05
WINDOW = 100_000
GRID: Grid = {"n_estimators": (300,), "learning_rate": (0.05,)}
DRIFT = 1.0
# Of those who would have repaid, this share defaults all the same in the window of another world.
WORSE = 0.04
_MINIMUM_ROWS = 100


@dataclass(frozen=True)
class Lender:
    """A trained model and what it decides by; levels are fixed by the applicants it was trained on."""

    levels: Levels
    record: CleaningRecord
    training: Training
    stakes: Stakes
    profile: FeatureProfile

    def decide(self, applicants: LabelledRows) -> tuple[Decided, NDArray[np.float64]]:
        """Return the decisions on applicants, their outcomes known, and the margins."""
        margins = self.training.model.margins(self.record.apply(applicants.frame))
        probabilities = self.training.calibrator.probabilities(margins)
        refused = probabilities >= self.training.threshold.value
        decided = Decided(
            probabilities=probabilities,
            approved=~refused,
            refused=refused,
            labels=applicants.targets.astype(np.float64),
            missed=np.full(len(refused), self.stakes.missed),
            lost=np.full(len(refused), self.stakes.lost),
        )
        return decided, margins


@dataclass(frozen=True)
class Found:
    """A window's figures and premises, and how far the estimates are from what happened."""

    measured: Measured
    assumptions: tuple[Assumption, ...]

    @property
    def doubts(self) -> list[str]:
        """Return the premises that do not hold."""
        return [each.premise.value for each in self.assumptions if each.held is Held.DOUBTFUL]

    @property
    def auc_error(self) -> float:
        """Return the distance of the estimated from the realised area."""
        estimate, realised = self._both("auc")
        return abs(estimate.value - realised)

    @property
    def cost_error(self) -> float:
        """Return the distance of the estimated from the realised cost, as a share of that."""
        estimate, realised = self._both("cost")
        return abs(estimate.value - realised) / realised

    def told(self, name: str) -> str:
        """Return a figure as it was estimated, with its interval, and as it came."""
        estimate, realised = self._both(name)
        return f"{name} {estimate.value:.4f} ({estimate.low:.4f} to {estimate.high:.4f}) came {realised:.4f}"

    def _both(self, name: str) -> tuple[Estimate, float]:
        return getattr(self.measured.estimated, name), getattr(self.measured.realised, name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0 if all bars are reached, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance")
    parser.add_argument("--train", type=int, default=20_000, help="applicants to train on (default: 20,000)")
    parser.add_argument("--windows", type=int, default=3, help="windows of 100,000 without drift (default: 3)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the applicants and of the training (default: 0)")
    options = parser.parse_args(arguments)
    lender = train(options.train, seed=options.seed)
    alike = [window(lender, WINDOW, seed=options.seed + 1 + place) for place in range(options.windows)]
    drifted = window(lender, WINDOW, seed=options.seed, drift=DRIFT)
    worse = window(lender, WINDOW, seed=options.seed + 1, worse=WORSE)
    for name, found in (*(("no drift", each) for each in alike), ("drifted", drifted), ("another world", worse)):
        print(f"{name:13} {found.told('auc')}; {found.told('cost')}; doubtful: {', '.join(found.doubts) or 'nothing'}")
    auc_error, cost_error = max(each.auc_error for each in alike), max(each.cost_error for each in alike)
    print(f"performance cost_error {cost_error:.4f} share (bar ≤ {LARGEST_COST_ERROR})")
    print(f"performance auc_error {auc_error:.4f} area (bar ≤ {LARGEST_AUC_ERROR})")
    said = not any(each.doubts for each in alike) and drifted.doubts and worse.doubts
    return 0 if auc_error <= LARGEST_AUC_ERROR and cost_error <= LARGEST_COST_ERROR and said else 1


def train(applicants: int, *, seed: int, grid: Grid = GRID) -> Lender:
    """Return a lender whose model was trained on so many synthesized applicants."""
    frames = drawn_applications(applicants, seed=seed)
    levels = fit_levels(frames)
    train_rows = labelled_rows(build_features(frames, levels).frame)
    plan = TrainingPlan("", "performance", "lightgbm", grid, Resampling(5, 1, seed))
    record = fit_cleaning(
        train_rows.frame, train_rows.frame.columns, CleaningOptions(Imputation.NONE), targets=train_rows.targets
    )
    quiet = Listeners(lambda *_: None, lambda _: None)
    study = open_study("", name="performance", plan=plan)
    none = LabelledRows(train_rows.frame.clear(), train_rows.targets[:0])
    training = train_model(plan, train=train_rows, test=none, record=record, study=study, threads=0, listeners=quiet)
    profile = profile_column(training.model.margins(training.train_values))
    return Lender(levels, record, training, Stakes.from_costs(plan.costs.to_json()), profile)


def window(lender: Lender, rows: int, *, seed: int, drift: float = 0.0, worse: float = 0.0) -> Found:
    """Return what is found of a window of applicants whom the model has not seen.

    `drift` moves the applicants away from those of training; of those who would have repaid a share `worse` defaults.
    """
    began = time.perf_counter()
    # A few applicants of a rare level are dropped, as the reference features have it.
    frames = drawn_applications(rows * 101 // 100, seed=1_000 + seed, drift=drift)
    decided, margins = lender.decide(labelled_rows(build_features(frames, lender.levels).frame.head(rows)))
    spoilt = np.random.default_rng(seed).uniform(size=decided.rows) < worse
    decided = replace(decided, labels=np.where(spoilt, 1.0, decided.labels))
    drawn = time.perf_counter()
    measured = measure(decided, _MINIMUM_ROWS)
    assumptions = check_assumptions(Evidence(measured, margins, lender.profile, inputs_drifted=None))
    print(f"{rows:,} drawn and decided in {drawn - began:.1f} s, measured in {time.perf_counter() - drawn:.2f} s")
    return Found(measured, assumptions)


if __name__ == "__main__":
    sys.exit(main())
