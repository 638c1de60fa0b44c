"""How well LightGBM ranks and decides on real applicants: `python -m benchmarks.quality --tables DIR`.

All labelled applicants, all features, missing values left to the trees, 5-fold cross-validation with 3 seeds, through
the trainer's own domain code: the reference features and the extended ones of the tables, and with `--applications
FILE` the extended ones of a file of application_train alone. Prints a `quality_… figure unit (bar …)` line for each
figure and exits 1 when one misses its bar.

Hyper-parameters are the product's defaults; for the extended features, or those that `--tune` names, the product's own
search (TPE, a fixed number of trials and a fixed seed) is made as well, and what it finds is held to the bars in the
defaults' place. `--tune` alone makes no search. What a search says of its winner is hopeful, since it was chosen on the
very folds that it is told for; so the winner is measured on the same folds as the defaults, which the search has not
seen.

The cost is a trial's: at the best threshold of each seed's out-of-fold margins, chosen on the rows it is told for. What
it is when each fold's threshold is chosen on the other folds is printed beside it.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit

from services.trainer.adapters.optuna_study import open_study
from services.trainer.domain.classifiers.kinds.lightgbm import CLASSIFIER as LIGHTGBM
from services.trainer.domain.cleaning import CleaningOptions, Imputation
from services.trainer.domain.folds import draw_folds, unseen_cost
from services.trainer.domain.hyperparameters import Hyperparameters, Range, Scale
from services.trainer.domain.judging import Judge
from services.trainer.domain.plan import Resampling, TrainingPlan
from services.trainer.domain.recipe import recipe_of
from services.trainer.domain.search import Objective, Search, SearchMethod
from services.trainer.domain.study import search, space_of
from services.trainer.domain.threshold import Costs
from services.trainer.domain.trials import Trial
from services.trainer.domain.tuning import Fold, TriedModel, prepare_folds, try_hyperparameters
from shared.features.building import build_features
from shared.features.levels import fit_levels
from shared.features.sets import SPECIFICATIONS, FeatureSet
from shared.features.specification import CLIENT_KEY, TARGET
from shared.tables.reading import open_tables
from shared.tables.schema import TABLES
from shared.tables.sources import Source, scan_stored, typed

TABLES_VARIABLE = "COUNTERFOIL_TEST_TABLES"
APPLICATIONS_VARIABLE = "COUNTERFOIL_TEST_APPLICATIONS"
CASES = ("reference", "extended", "applications")
MEASURING = Resampling(folds=5, repeats=3, seed=0)
# Other folds than those of the measurement, however many repeats that has.
SEARCHING = Resampling(folds=5, repeats=1, seed=1_000)
SEARCH = Search(SearchMethod.TPE, Objective.AUC, max_trials=30)
SPACE = {
    "n_estimators": Range(300, 1_500, Scale.LOGARITHMIC),
    "learning_rate": Range(0.01, 0.04, Scale.LOGARITHMIC),
    "num_leaves": Range(4, 16, Scale.LOGARITHMIC),
    "max_depth": Range(3, 6),
    "min_child_samples": Range(10, 100, Scale.LOGARITHMIC),
    "colsample_bytree": Range(0.02, 0.3, Scale.LOGARITHMIC),
    "subsample": Range(0.5, 1.0),
    "reg_lambda": Range(5.0, 200.0, Scale.LOGARITHMIC),
}


@dataclass(frozen=True)
class Case:
    """Labelled applicants with one set of features, and the bars of the figures on them; None: the cost has no bar."""

    name: str
    labelled: pl.DataFrame
    least_auc: float
    largest_cost: float | None

    @property
    def features(self) -> list[str]:
        """The names of the feature columns."""
        return [column for column in self.labelled.columns if column not in {CLIENT_KEY, TARGET}]

    @property
    def targets(self) -> NDArray[np.int8]:
        """Who defaulted."""
        return self.labelled[TARGET].to_numpy().astype(np.int8)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0 if every figure reaches its bar, else 1."""
    given = parsed(arguments)
    reached = []
    for case in cases(Path(given.tables), Path(given.applications) if given.applications else None):
        folds = folds_of(case, MEASURING)
        reached.append(report(case, case.name, measure(case, folds, defaults())))
        if case.name in given.tune:
            # What is tuned is held to the bars in place of the defaults.
            reached[-1] = report(case, f"{case.name}_tuned", measure(case, folds, tune(case)))
    return 0 if all(reached) else 1


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality")
    parser.add_argument("--tables", default=os.environ.get(TABLES_VARIABLE), help=f"default: {TABLES_VARIABLE}")
    parser.add_argument(
        "--applications",
        default=os.environ.get(APPLICATIONS_VARIABLE),
        help=f"application_train as Parquet, without its history; default: {APPLICATIONS_VARIABLE}",
    )
    parser.add_argument(
        "--tune", nargs="*", default=["extended"], choices=CASES, help="for which to search; default: extended"
    )
    given = parser.parse_args(arguments)
    if given.tables is None:
        parser.error(f"name the folder of the tables with --tables or {TABLES_VARIABLE}")
    return given


def cases(tables: Path, applications: Path | None) -> Iterator[Case]:
    """Yield what is measured, one at a time: together they would fill the memory."""
    frames = open_tables(tables).frames
    yield Case("reference", labelled_features(frames, FeatureSet.REFERENCE), 0.735, 0.53)
    yield Case("extended", labelled_features(frames, FeatureSet.EXTENDED), 0.763, 0.495)
    if applications is not None:
        schema = TABLES["application_train"]
        alone = {schema.name: typed(scan_stored(Source(applications, "parquet"), schema), schema)}
        yield Case("applications", labelled_features(alone, FeatureSet.EXTENDED), 0.748, None)


def labelled_features(frames: Mapping[str, pl.LazyFrame], features: FeatureSet) -> pl.DataFrame:
    """Return key, target and uncleaned features of every labelled application; levels are those of all rows."""
    specification = SPECIFICATIONS[features]
    built = build_features(frames, fit_levels(frames, specification), specification)
    return built.frame.filter(pl.col(TARGET).is_not_null())


def defaults() -> Hyperparameters:
    """Return what the product grows trees with unless told otherwise."""
    return {hyperparameter.name: hyperparameter.default for hyperparameter in LIGHTGBM.hyperparameters}


def folds_of(case: Case, resampling: Resampling) -> list[Fold]:
    """Return the folds of a case, missing values left to the trees."""
    return prepare_folds(
        case.labelled,
        case.targets,
        columns=case.features,
        cleaning=CleaningOptions(Imputation.NONE),
        prepare=recipe_of(_plan(resampling)),
        resampling=resampling,
        threads=0,
        on_fold=lambda *_: None,
    )


def tune(case: Case) -> Hyperparameters:
    """Return what the product's search finds on folds of its own, and print what it says of it."""
    plan = _plan(SEARCHING)
    trials, best = search(
        space_of(plan.search, plan.grid, plan.hyperparameters),
        open_study("", name=case.name, plan=plan),
        folds_of(case, SEARCHING),
        Judge(plan.search.objective, case.targets, plan.costs),
        seed=plan.resampling.seed,
        on_trial=lambda _: None,
    )
    found = {name: best.trial.hyperparameters[name] for name in SPACE}
    seconds = sum(trial.seconds for trial in trials)
    print(f"{case.name}: {len(trials)} trials in {seconds:.0f} s of training found {_shown(found)}")
    print(f"{case.name}: on the folds it was chosen on, AUC {best.trial.auc:.4f} and cost {best.trial.cost:.4f}")
    return best.trial.hyperparameters


def measure(case: Case, folds: Sequence[Fold], hyperparameters: Hyperparameters) -> TriedModel:
    """Return how one combination does over all folds and seeds."""
    judge = Judge(Objective.BUSINESS_COST, case.targets, Costs())
    return try_hyperparameters(0, hyperparameters, folds, judge, seed=MEASURING.seed)


def report(case: Case, name: str, tried: TriedModel) -> bool:
    """Print the figures of a measurement and return whether they reach the case's bars."""
    trial, bar = tried.trial, case.largest_cost
    rows = f"{case.labelled.height} labelled applicants, {len(case.features)} features"
    print(f"{name}: {rows}, {case.targets.mean():.4f} default, {trial.seconds:.1f} s of training")
    print(f"{name}: AUC deviation {trial.auc_deviation:.4f} over folds, {_over_seeds(trial)} over seeds")
    splits = list(draw_folds(case.targets, MEASURING))
    unseen = unseen_cost(case.targets, expit(tried.margins), splits, costs=Costs(), amounts=np.ones(case.targets.shape))
    print(f"{name}: business cost with each fold's threshold from the others {unseen:.4f}")
    print(f"quality_{name} auc {trial.auc:.4f} area (bar ≥ {case.least_auc})")
    print(f"quality_{name} business_cost {trial.objective:.4f} per applicant{f' (bar ≤ {bar})' if bar else ''}")
    return trial.auc >= case.least_auc and (bar is None or trial.objective <= bar)


def _over_seeds(trial: Trial) -> str:
    aucs = np.array([fold.auc for fold in trial.folds]).reshape(MEASURING.repeats, MEASURING.folds).mean(axis=1)
    return f"{aucs.min():.4f} to {aucs.max():.4f}"


def _plan(resampling: Resampling) -> TrainingPlan:
    return TrainingPlan("benchmark", "quality", LIGHTGBM.id, grid=SPACE, resampling=resampling, search=SEARCH)


def _shown(hyperparameters: Hyperparameters) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in hyperparameters.items())


if __name__ == "__main__":
    sys.exit(main())
