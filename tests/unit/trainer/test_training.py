"""A training is the same every time, honest about rows it has not seen, and sealed as it was learnt."""

import itertools
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from services.trainer.domain.bundling import Provenance, bundle_contents, golden_values
from services.trainer.domain.classifiers.catalogue import find_classifier
from services.trainer.domain.classifiers.threads import threads_for
from services.trainer.domain.cleaning import CleaningOptions, CleaningRecord, Imputation
from services.trainer.domain.cleaning_rules import fit_cleaning
from services.trainer.domain.describing import described
from services.trainer.domain.imbalance import Imbalance
from services.trainer.domain.plan import Resampling, TrainingPlan
from services.trainer.domain.preprocessing import Preprocessing
from services.trainer.domain.recipe import Recipe
from services.trainer.domain.threshold import Costs, cost_at
from services.trainer.domain.training import Listeners, Training, train_model
from services.trainer.domain.trials import Trial
from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.reading import load_bundle
from shared.bundle.writing import DatasetReference, SplitReference, write_bundle
from shared.errors import Precondition
from shared.features.columns import FeatureColumn
from tests.fakes import RememberedStudy
from tests.unit.trainer.applicants import COLUMNS, labelled_rows

_TRAIN, _TEST = labelled_rows(400, seed=1), labelled_rows(150, seed=2)
_PLANS = {
    "lightgbm": TrainingPlan(
        "ds-1", "credit-default", "lightgbm", {"n_estimators": (10, 30), "learning_rate": (0.1,)}, Resampling(3, 2, 7)
    ),
    "logistic_regression": TrainingPlan(
        "ds-1", "credit-default", "logistic_regression", {"C": (0.01, 1.0)}, Resampling(3, 2, 7)
    ),
}
_REFERENCE = DatasetReference(
    "ds-1", "0" * 64, "1", "run", {"train": SplitReference("dataset/train.parquet", "0" * 64, 400)}
)


def _record(classifier: str) -> CleaningRecord:
    imputation = Imputation.NONE if classifier == "lightgbm" else Imputation.MEDIAN
    return fit_cleaning(_TRAIN.frame, COLUMNS, CleaningOptions(imputation), targets=_TRAIN.targets)


def _train(
    classifier: str,
    *,
    threads: int = 1,
    listeners: Listeners | None = None,
    study: RememberedStudy | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Training:
    return train_model(
        _PLANS[classifier],
        train=_TRAIN,
        test=_TEST,
        record=_record(classifier),
        study=study or RememberedStudy(),
        threads=threads,
        listeners=listeners or Listeners(lambda *_: None, lambda _: None),
        clock=clock,
    )


@pytest.mark.parametrize("classifier", _PLANS)
def test_the_same_seed_gives_the_same_model_whatever_the_threads(classifier: str) -> None:
    """Its files are equal byte for byte, and so is everything decided from it."""
    first, again = _train(classifier, threads=1), _train(classifier, threads=2)

    assert first.model.files() == again.model.files()
    assert (first.calibrator, first.threshold, first.metrics) == (again.calibrator, again.threshold, again.metrics)


@pytest.mark.parametrize("classifier", _PLANS)
def test_the_same_request_gives_the_same_bundle_to_the_last_bit(classifier: str, tmp_path: Path) -> None:
    """Model, calibrator, threshold, profile, golden rows and metrics: the digest is over all of it."""
    columns = [FeatureColumn(name, "numeric", "application", (name,), source=name) for name in COLUMNS]
    features = [described(column) for column in columns]
    provenance = Provenance("trainingJobs/tj-1", _REFERENCE, {"numpy": np.__version__})

    digests = []
    for run in ("first", "again"):
        contents = bundle_contents(
            _PLANS[classifier],
            _train(classifier),
            train=_TRAIN,
            record=_record(classifier),
            features=features,
            provenance=provenance,
        )
        digests.append(write_bundle(tmp_path / run, contents))

    assert digests[0] == digests[1]


def test_timings_are_told_apart_from_what_is_the_same_every_time() -> None:
    """Wall clock by the clock that is given; a metric of the bundle must not depend on a busy machine."""
    ticks = itertools.count(0.0, 0.5)
    training = _train("lightgbm", clock=lambda: next(ticks))

    assert training.timings["training_seconds"] == 0.5
    assert training.timings["scoring_microseconds"] == pytest.approx(0.5e6 / len(_TRAIN.targets))
    assert training.timings["search_seconds"] == pytest.approx(sum(trial.seconds for trial in training.trials))
    assert not set(training.timings) & set(training.metrics)


def test_another_seed_gives_another_model() -> None:
    """The seed reaches the classifier."""
    plan = replace(_PLANS["lightgbm"], resampling=Resampling(3, 2, 8))
    other = train_model(
        plan,
        train=_TRAIN,
        test=_TEST,
        record=_record("lightgbm"),
        study=RememberedStudy(),
        threads=1,
        listeners=Listeners(lambda *_: None, lambda _: None),
    )

    assert other.model.files() != _train("lightgbm").model.files()


@pytest.mark.parametrize("classifier", _PLANS)
def test_the_threshold_costs_on_unseen_rows_what_was_reported(classifier: str) -> None:
    """`cv` are probabilities of applicants that the model had not seen, one for each repeat."""
    training = _train(classifier)

    cv = training.scored["cv"]
    assert len(cv.targets) == 2 * len(_TRAIN.targets)
    assert cost_at(cv.targets, cv.probabilities, training.threshold.value, Costs()) == training.threshold.cost
    assert training.metrics["cv_business_cost"] == training.threshold.cost
    assert training.metrics["cv_auc"] > 0.65
    assert training.metrics["test_auc"] > 0.65


def test_a_threshold_for_costs_of_a_column_is_another_one() -> None:
    """Where a default loses a share of the first column, the metrics and the threshold are in its currency."""
    column = pl.col(COLUMNS[0])
    train, test = (
        replace(rows, frame=rows.frame.with_columns((1000.0 * column.exp()).alias("AMT_CREDIT")))
        for rows in (_TRAIN, _TEST)
    )
    costs = Costs(0.6, 0.3, "AMT_CREDIT", "AMT_CREDIT")

    training = train_model(
        replace(_PLANS["lightgbm"], costs=costs),
        train=train,
        test=test,
        record=_record("lightgbm"),
        study=RememberedStudy(),
        threads=1,
        listeners=Listeners(lambda *_: None, lambda _: None),
    )

    cv, plain = training.scored["cv"], _train("lightgbm")
    assert cv.amounts.tolist() == np.tile(train.frame["AMT_CREDIT"].to_numpy(), 2).tolist()
    assert training.threshold.value != plain.threshold.value
    assert training.threshold.cost == pytest.approx(
        cost_at(cv.targets, cv.probabilities, training.threshold.value, costs, cv.amounts)
    )
    assert training.metrics["test_business_cost"] > 100 * plain.metrics["test_business_cost"]


def test_probabilities_are_calibrated_on_unseen_rows() -> None:
    """Balanced weights alone would give half of the applicants a probability above one half."""
    cv = _train("lightgbm").scored["cv"]

    assert cv.probabilities.mean() == pytest.approx(cv.targets.mean(), abs=0.005)


@pytest.mark.parametrize("value", [0.0, 0.1, 123456.789])
def test_a_column_that_was_constant_in_training_cannot_decide_later(value: float) -> None:
    """Rounding leaves some a deviation just above zero, by which another value would be billions of them away."""
    values = np.column_stack([np.linspace(-1.0, 1.0, 400), np.full(400, value)])
    targets = (np.arange(400) % 7 == 0).astype(np.int8)
    recipe = Recipe(find_classifier("logistic_regression").prepare, Imbalance.NONE, Preprocessing.STANDARDISATION)
    model = recipe(values, targets, threads=1)({"C": 1.0, "max_iter": 100}, 0)

    known, other = model.margins(np.array([[0.5, value], [0.5, value + 1.0]]))

    assert other == known


def test_a_split_without_rows_has_no_metrics() -> None:
    """A data set may leave the test split empty."""
    training = train_model(
        _PLANS["lightgbm"],
        train=_TRAIN,
        test=replace(_TEST, frame=_TEST.frame.head(0), targets=_TEST.targets[:0]),
        record=_record("lightgbm"),
        study=RememberedStudy(),
        threads=1,
        listeners=Listeners(lambda *_: None, lambda _: None),
    )

    assert set(training.scored) == {"cv", "train"}
    assert not any(name.startswith("test_") for name in training.metrics)


def test_progress_only_ever_grows_and_every_trial_is_told() -> None:
    """A bar that runs backwards tells nobody anything."""
    fractions: list[float] = []
    trials: list[Trial] = []

    training = _train("lightgbm", listeners=Listeners(lambda share, _: fractions.append(share), trials.append))

    assert fractions == sorted(fractions)
    assert 0.0 < fractions[0] < fractions[-1] < 1.0
    assert tuple(trials) == training.trials
    assert training.best.objective == min(trial.objective for trial in trials)


def test_a_model_that_learnt_nothing_is_refused() -> None:
    """Where riskier applicants default less often out of fold, every reason would point the wrong way."""
    contrary = replace(_TRAIN, targets=_flipped_by_fold(_TRAIN.targets))

    with pytest.raises(Precondition) as refusal:
        train_model(
            replace(_PLANS["logistic_regression"], resampling=Resampling(2, 1, 0)),
            train=contrary,
            test=_TEST,
            record=_record("logistic_regression"),
            study=RememberedStudy(),
            threads=1,
            listeners=Listeners(lambda *_: None, lambda _: None),
        )

    assert refusal.value.reason == "NO_SIGNAL"


def test_a_bundle_says_of_its_features_what_train_showed(tmp_path: Path) -> None:
    """Bounds, missing shares and fallbacks of the kept columns, and the names of the dropped ones."""
    record = fit_cleaning(
        _TRAIN.frame, COLUMNS, CleaningOptions(Imputation.NONE, max_missing_share=0.1), targets=_TRAIN.targets
    )
    training = train_model(
        _PLANS["lightgbm"],
        train=_TRAIN,
        test=_TEST,
        record=record,
        study=RememberedStudy(),
        threads=1,
        listeners=Listeners(lambda *_: None, lambda _: None),
    )
    columns = [FeatureColumn(name, "numeric", "application", (name,), source=name) for name in COLUMNS]
    features = [described(column) for column in columns]
    provenance = Provenance("trainingJobs/tj-1", _REFERENCE, {"numpy": np.__version__})

    contents = bundle_contents(
        _PLANS["lightgbm"], training, train=_TRAIN, record=record, features=features, provenance=provenance
    )
    bundle = load_bundle(tmp_path / "bundle", digest=write_bundle(tmp_path / "bundle", contents))

    first = bundle.schema.features[0]
    assert (first.name, first.unit, first.sources) == (COLUMNS[0], "currency", (f"application.{COLUMNS[0]}",))
    assert (first.minimum, first.maximum) == (_TRAIN.frame[COLUMNS[0]].min(), _TRAIN.frame[COLUMNS[0]].max())
    assert first.fallback == _TRAIN.frame[COLUMNS[0]].median()
    assert set(bundle.schema.names) | set(bundle.schema.dropped) == set(COLUMNS)
    assert bundle.schema.dropped
    margins = training.model.margins(training.train_values)
    assert sum(bundle.profile.margins.counts) == len(_TEST.targets)
    assert bundle.score(_uncleaned(bundle.schema.names)).margins.tolist() == margins.tolist()


def test_golden_rows_are_spread_and_hold_one_with_nothing_known() -> None:
    """Few rows are all taken, none twice."""
    few = golden_values(np.arange(6.0).reshape(3, 2))
    many = golden_values(np.arange(200.0).reshape(100, 2))

    assert few[:-1].tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert (many[0, 0], many[-2, 0], len(many)) == (0.0, 198.0, 17)
    assert np.isnan(many[-1]).all()


def _uncleaned(names: tuple[str, ...]) -> NDArray[np.float64]:
    return _TRAIN.frame.select(names).fill_null(np.nan).to_numpy()


def _flipped_by_fold(
    targets: NDArray[np.int8],
) -> NDArray[np.int8]:
    """Return targets whose relation to the first column is the opposite in each of the two folds."""
    inside, _ = next(iter(StratifiedKFold(2, shuffle=True, random_state=0).split(np.zeros(len(targets)), targets)))
    flipped: NDArray[np.int8] = 1 - targets
    flipped[inside] = targets[inside]
    return flipped


def test_few_rows_get_one_thread_and_many_no_more_than_there_are_cores() -> None:
    """Threads that wait for each other slow everything down that runs beside them."""
    assert threads_for(4_000) == 1
    assert threads_for(10**9) == (os.cpu_count() or 1)


def test_early_stopping_chooses_the_trees_on_rows_that_estimate_nothing() -> None:
    """Each fold finds its own number within its training rows; the final model has their average."""
    grid = {"n_estimators": (400,), "learning_rate": (0.2,), "reg_lambda": (1.0,), "early_stopping_rounds": (10,)}
    training = train_model(
        replace(_PLANS["lightgbm"], grid=grid),
        train=_TRAIN,
        test=_TEST,
        record=_record("lightgbm"),
        study=RememberedStudy(),
        threads=1,
        listeners=Listeners(lambda *_: None, lambda _: None),
    )

    found = [fold.rounds for fold in training.best.folds]
    assert all(rounds is not None and 1 <= rounds < 400 for rounds in found)
    assert isinstance(training.model, LightGbmModel)
    assert training.model.rounds == training.best.rounds == round(np.mean([rounds or 0 for rounds in found]))


def test_a_search_goes_on_where_it_was_broken_off() -> None:
    """Model, threshold and metrics are those of the search that was not."""
    whole, broken_off = RememberedStudy(), RememberedStudy()
    first = _train("lightgbm", study=whole)
    broken_off.trials = whole.trials[:1]

    again = _train("lightgbm", study=broken_off)

    assert (again.model.files(), again.threshold) == (first.model.files(), first.threshold)
    assert again.metrics == first.metrics
    assert again.trials[0] == first.trials[0]
