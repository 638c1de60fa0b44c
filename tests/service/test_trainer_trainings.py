"""Trainings over the wire: searched, logged and registered by a real process, refused where they cannot work."""

import json
from importlib.metadata import version as installed_version
from pathlib import Path

import grpc
import numpy as np
import polars as pl
import pytest
from mlflow import MlflowClient

from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from counterfoil.types.v1 import job_pb2
from services.trainer.domain.classifiers.catalogue import CLASSIFIERS
from services.trainer.domain.cleaning import CleaningOptions, Imputation
from services.trainer.domain.dataset import DatasetPlan
from services.trainer.domain.sources import HomeCreditTables
from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.reading import Bundle, load_bundle
from shared.bundle.registry import ModelRegistry
from tests.service.trainer import Trainer, refusal_of, training_request

Choices = training_pb2.HyperparameterChoices
Value = training_pb2.HyperparameterValue


_TPE_OF_NONE = training_pb2.Search(method=training_pb2.SEARCH_METHOD_TPE, max_trials=-1)


def registered_bundle(trainer: Trainer, job: training_pb2.TrainingJob, cache: Path) -> Bundle:
    """Return the bundle that a training job registered."""
    registry = ModelRegistry(trainer.settings.mlflow_uri, cache=cache)
    version = registry.resolve(job.model, job.model_version.rpartition("/")[2])
    return load_bundle(registry.fetch_bundle(version), digest=version.bundle_digest)


def _backwards() -> training_pb2.HyperparameterRange:
    return training_pb2.HyperparameterRange(minimum=2.0, maximum=1.0, steps=2)


@pytest.fixture(scope="session")
def bundle(
    trainer: Trainer, training_job: training_pb2.TrainingJob, tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    """Return what the training registered, read as the scorer reads it."""
    return registered_bundle(trainer, training_job, tmp_path_factory.mktemp("cache"))


def test_classifiers_are_listed_with_all_that_may_be_set(trainer: Trainer) -> None:
    """A form can be drawn from the answer alone."""
    found = trainer.stub.ListClassifiers(training_pb2.ListClassifiersRequest()).classifiers

    assert [c.id for c in found] == sorted(CLASSIFIERS)
    assert {c.id for c in found if not c.takes_missing_values} == {"gradient_boosting", "logistic_regression"}
    trees = next(h for c in found for h in c.hyperparameters if h.name == "n_estimators")
    assert trees.type == training_pb2.HYPERPARAMETER_TYPE_INTEGER
    assert trees.default_value.integer >= trees.minimum
    solver = next(h for c in found for h in c.hyperparameters if h.name == "solver")
    assert solver.default_value.text in solver.choices


def test_a_training_tells_every_trial_and_what_it_chose(training_job: training_pb2.TrainingJob) -> None:
    """The winner costs least; threshold and metrics are those of the registered model."""
    assert training_job.job.state == job_pb2.JOB_STATE_SUCCEEDED
    assert [trial.hyperparameters["n_estimators"].integer for trial in training_job.trials] == [10, 20]
    assert min(training_job.trials, key=lambda trial: trial.cost).number == training_job.best_trial
    assert 0.0 < training_job.threshold < 1.0
    assert {"cv_auc", "train_auc", "test_auc", "cv_business_cost", "test_business_cost"} <= set(training_job.metrics)


def test_its_bundle_is_the_model_it_reported(training_job: training_pb2.TrainingJob, bundle: Bundle) -> None:
    """What will serve carries the threshold, the metrics and the data set of the job."""
    assert bundle.threshold == training_job.threshold
    assert bundle.metrics == dict(training_job.metrics)
    assert bundle.training_job == training_job.name
    assert f"datasets/{bundle.dataset.id}" == training_job.dataset
    assert bundle.costs == {"false_negative": 10.0, "false_positive": 1.0}


def test_its_bundle_scores_the_rows_it_was_trained_on(
    trainer: Trainer, bundle: Bundle, dataset: dataset_pb2.Dataset, tmp_path: Path
) -> None:
    """The splits that the bundle names are those of the data set, column by column of its schema."""
    registry = ModelRegistry(trainer.settings.mlflow_uri, cache=tmp_path)
    split = registry.fetch_split(bundle.dataset, "test")

    values = pl.read_parquet(split).select(bundle.schema.names).fill_null(np.nan).to_numpy()
    scores = bundle.score(values)

    assert len(values) == next(s.rows for s in dataset.splits if s.split == dataset_pb2.SPLIT_TEST)
    assert abs(scores.contributions.sum(axis=1) + scores.baseline - scores.margins).max() < 1e-9


def test_its_run_holds_parameters_metrics_figures_trials_and_inputs(
    trainer: Trainer, training_job: training_pb2.TrainingJob, dataset: dataset_pb2.Dataset
) -> None:
    """All that an analyst compares runs by is in MLflow, in the data set's experiment."""
    client = MlflowClient(trainer.settings.mlflow_uri)

    run = client.get_run(training_job.run_id)
    artifacts = {f.path for folder in ("", "figures") for f in client.list_artifacts(run.info.run_id, folder)}

    assert (run.info.status, run.info.experiment_id) == ("FINISHED", dataset.experiment_id)
    assert run.data.params["dataset_digest"] == dataset.digest
    assert run.data.params["best_n_estimators"] in {"10", "20"}
    assert run.data.metrics["cv_auc"] == training_job.metrics["cv_auc"]
    assert {"trials.json", "cv_results.csv", "feature_importance.csv"} <= artifacts
    curves = ("precision_recall", "cost_curve", "calibration", "hyperparameters")
    figures = ("roc_curve", "confusion_matrix", "feature_importance", *curves)
    assert {f"figures/{name}.png" for name in figures} <= artifacts
    assert run.inputs is not None
    digests = {tag.value for given in run.inputs.dataset_inputs for tag in given.tags if tag.key == "sha256"}
    assert digests == {s.digest for s in dataset.splits if s.split != dataset_pb2.SPLIT_PRODUCTION}


def test_a_search_by_tpe_shows_its_trials_and_keeps_the_trees_that_early_stopping_found(
    trainer: Trainer, dataset: dataset_pb2.Dataset, tmp_path: Path
) -> None:
    """Ranges are drawn from, every trial is told, and the run has the table that scikit-learn's users know."""
    request = training_request(dataset.name, model="searched")
    request.ClearField("grid")
    request.grid["num_leaves"].range.MergeFrom(training_pb2.HyperparameterRange(minimum=2, maximum=16))
    request.grid["n_estimators"].values.add(integer=60)
    request.grid["early_stopping_rounds"].values.add(integer=5)
    request.search.MergeFrom(training_pb2.Search(method=training_pb2.SEARCH_METHOD_TPE, max_trials=3))

    job = trainer.train(request)

    client = MlflowClient(trainer.settings.mlflow_uri)
    table = pl.read_csv(client.download_artifacts(job.run_id, "cv_results.csv", str(tmp_path)))
    best = job.trials[job.best_trial]
    trees = registered_bundle(trainer, job, tmp_path).model
    assert (job.search.max_trials, job.search.pruning) == (3, True)
    assert [trial.state for trial in job.trials] == [training_pb2.TRIAL_STATE_COMPLETE] * 3
    assert all(2 <= trial.hyperparameters["num_leaves"].integer <= 16 for trial in job.trials)
    assert isinstance(trees, LightGbmModel)
    assert trees.rounds == best.rounds < 60
    assert table["mean_test_auc"].to_list() == pytest.approx([trial.auc for trial in job.trials])
    assert table["rank_test_business_cost"][job.best_trial] == 1


def test_its_run_says_how_long_it_took_and_what_it_was_made_by(
    trainer: Trainer, training_job: training_pb2.TrainingJob, dataset: dataset_pb2.Dataset
) -> None:
    """Timings stay out of the bundle; code, libraries and seed are enough to make the model again."""
    client = MlflowClient(trainer.settings.mlflow_uri)
    run, made_by = client.get_run(training_job.run_id), client.get_run(dataset.baseline_run_id).data.tags

    timings = {"training_seconds", "search_seconds", "scoring_microseconds"}
    assert timings <= set(run.data.metrics)
    assert all(run.data.metrics[name] > 0.0 for name in timings)
    assert not timings & set(training_job.metrics)
    assert run.data.tags["counterfoil.library.lightgbm"] == installed_version("lightgbm")
    assert run.data.tags["counterfoil.code_version"]
    assert made_by["counterfoil.code_version"] == run.data.tags["counterfoil.code_version"]
    assert run.data.params["seed"] == "0"
    assert {f"{split}_expected_calibration_error" for split in ("cv", "train", "test")} <= set(run.data.metrics)


def test_trainings_are_listed_by_data_set(trainer: Trainer, training_job: training_pb2.TrainingJob) -> None:
    """Without their trials, which can be a thousand."""
    request = training_pb2.ListTrainingJobsRequest(dataset=training_job.dataset)
    of_this = trainer.stub.ListTrainingJobs(request).training_jobs
    of_another = trainer.stub.ListTrainingJobs(training_pb2.ListTrainingJobsRequest(dataset="datasets/ds-other"))

    assert training_job.name in [job.name for job in of_this]
    assert not any(job.trials for job in of_this)
    assert not of_another.training_jobs


def test_the_same_request_returns_the_first_training(trainer: Trainer, training_job: training_pb2.TrainingJob) -> None:
    """And another one under its request_id is refused."""
    again = trainer.stub.CreateTrainingJob(training_request(training_job.dataset, request_id="the-training"))
    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.CreateTrainingJob(training_request(training_job.dataset, request_id="the-training", folds=4))

    assert again.name == training_job.name
    assert refusal_of(refusal.value).reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"classifier": "oracle"}, "classifier"),
        ({"grid": {"n_trees": Choices(values=[Value(integer=5)])}}, 'grid["n_trees"]'),
        ({"grid": {"max_depth": Choices(values=[Value()])}}, 'grid["max_depth"].values[0]'),
        ({"grid": {"max_depth": Choices(values=[Value(text="deep")])}}, 'grid["max_depth"].values[0]'),
        ({"grid": {"max_depth": Choices(values=[Value(real=2.5)])}}, 'grid["max_depth"].values[0]'),
        ({"grid": {"learning_rate": Choices(values=[Value(real=-0.1)])}}, 'grid["learning_rate"].values[0]'),
        ({"grid": {"max_depth": Choices()}}, 'grid["max_depth"].values'),
        ({"folds": 21}, "folds"),
        ({"repeats": 11}, "repeats"),
        ({"model": "Credit Default"}, "model"),
        ({"costs": training_pb2.Costs(false_negative=0.0)}, "costs.false_negative"),
        ({"costs": training_pb2.Costs(false_positive_column="AMT_DREAMS")}, "costs.false_positive_column"),
        ({"seed": -1}, "seed"),
        ({"calibration": 9}, "calibration"),
        ({"search": _TPE_OF_NONE}, "search.max_trials"),
        ({"search": training_pb2.Search(max_seconds=0.0)}, "search.max_seconds"),
        ({"grid": {"reg_alpha": Choices(range=_backwards())}}, 'grid["reg_alpha"].range.minimum'),
    ],
)
def test_a_wrong_field_is_named(
    trainer: Trainer, dataset: dataset_pb2.Dataset, changes: dict[str, object], field: str
) -> None:
    """Before any work starts."""
    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.CreateTrainingJob(training_request(dataset.name, **changes))

    said = refusal_of(refusal.value)
    assert said.code == "INVALID_ARGUMENT"
    assert [problem.field for problem in said.fields] == [field]


def test_a_cost_column_that_is_not_above_zero_fails_the_job_before_the_search(
    trainer: Trainer, dataset: dataset_pb2.Dataset
) -> None:
    """Many have no child; what those would cost is not made up."""
    costs = training_pb2.Costs(false_negative_column="CNT_CHILDREN")

    job = trainer.train(training_request(dataset.name, costs=costs))

    assert (job.job.state, job.job.error.reason) == (job_pb2.JOB_STATE_FAILED, "COST_COLUMN_UNUSABLE")
    assert "CNT_CHILDREN has no finite value above 0" in job.job.error.message
    assert not job.trials


def test_a_cost_column_with_gaps_makes_no_job(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """OWN_CAR_AGE is missing for everyone without a car, as the data set's report tells."""
    costs = training_pb2.Costs(false_negative_column="OWN_CAR_AGE")

    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.CreateTrainingJob(training_request(dataset.name, costs=costs))

    said = refusal_of(refusal.value)
    assert (said.code, said.reason) == ("FAILED_PRECONDITION", "COST_COLUMN_UNUSABLE")


def test_logistic_regression_needs_missing_values_replaced(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """The refusal names what to do instead."""
    request = training_pb2.CreateTrainingJobRequest(dataset=dataset.name, classifier="logistic_regression")

    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.CreateTrainingJob(request)

    said = refusal_of(refusal.value)
    assert (said.code, said.reason) == ("FAILED_PRECONDITION", "IMPUTATION_NEEDED")
    assert "imputation other than NONE" in said.message


def test_synthetic_applicants_need_missing_values_replaced(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """Also for trees, which take them as they are."""
    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.CreateTrainingJob(training_request(dataset.name, imbalance=training_pb2.IMBALANCE_SMOTE))

    assert refusal_of(refusal.value).reason == "IMPUTATION_NEEDED"
    assert "SMOTE" in refusal_of(refusal.value).message


def test_an_unknown_data_set_and_one_that_is_not_ready_are_refused(trainer: Trainer, unready: str) -> None:
    """Not found and not yet are different answers."""
    refusals = []
    for name in ("datasets/ds-absent", unready):
        with pytest.raises(grpc.RpcError) as refusal:
            trainer.stub.CreateTrainingJob(training_request(name))
        refusals.append(refusal_of(refusal.value))

    assert [(said.code, said.reason) for said in refusals] == [
        ("NOT_FOUND", "JOB_NOT_FOUND"),
        ("FAILED_PRECONDITION", "DATASET_NOT_READY"),
    ]


@pytest.fixture
def unready(trainer: Trainer) -> str:
    """Return the name of a data set that was cancelled before it was made."""
    job = trainer.store.create(id="ds-unready", kind="dataset", payload=_payload(), caller="test")
    return f"datasets/{trainer.store.request_cancel(job.id).id}"


def _payload() -> str:
    plan = DatasetPlan(HomeCreditTables("nowhere"), 0.2, 0, CleaningOptions(Imputation.NONE))
    return json.dumps(plan.to_json())
