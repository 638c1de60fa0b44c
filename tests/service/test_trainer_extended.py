"""The extended set of features from the tables to a decision: built, trained on, registered, served and explained."""

import math
from collections.abc import Iterator

import polars as pl
import pytest
from mlflow import MlflowClient

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from shared.bundle.registry import ModelRegistry
from tests.service.scoring import Scorer, ask, scorer
from tests.service.trainer import TABLES, Trainer, dataset_request, training_request

MODEL = "extended"
GET = scorer_pb2.GetServingModelRequest()


@pytest.fixture(scope="module")
def extended(trainer: Trainer) -> dataset_pb2.Dataset:
    """Return a data set with the extended features of the synthetic tables."""
    tables = dataset_pb2.HomeCreditTables(directory=TABLES, features=dataset_pb2.FEATURE_SET_EXTENDED)
    made = trainer.make_dataset(dataset_request(home_credit=tables))
    assert made.digest, made.job
    return made


@pytest.fixture(scope="module")
def running(
    trainer: Trainer, extended: dataset_pb2.Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scorer]:
    """Give a scorer that serves a few small trees on it."""
    request = training_request(extended.name, model=MODEL)
    request.grid["n_estimators"].CopyFrom(_choice(20))
    job = trainer.train(request)
    assert job.model_version, job.job
    trainer.stub.PromoteModelVersion(
        training_pb2.PromoteModelVersionRequest(name=job.model_version, alias="champion", reason="the only one")
    )
    folder = tmp_path_factory.mktemp("scorer")
    registry = ModelRegistry(trainer.settings.mlflow_uri, cache=folder / "cache")
    with scorer(folder, registry, model=MODEL) as it:
        yield it


def test_its_first_run_names_the_set(trainer: Trainer, extended: dataset_pb2.Dataset) -> None:
    """Whoever compares runs in MLflow sees what their features were."""
    run = MlflowClient(trainer.settings.mlflow_uri).get_run(extended.baseline_run_id)

    assert run.data.params["feature_set"] == "EXTENDED"
    assert run.data.params["features"] == str(extended.feature_count)


def test_it_holds_the_reference_and_hundreds_more(dataset: dataset_pb2.Dataset, extended: dataset_pb2.Dataset) -> None:
    """Both data sets are of the same tables and say which set they hold."""
    assert dataset.home_credit.features == dataset_pb2.FEATURE_SET_REFERENCE
    assert extended.home_credit.features == dataset_pb2.FEATURE_SET_EXTENDED
    assert extended.feature_count > dataset.feature_count + 400
    assert extended.digest != dataset.digest


def test_an_applicant_is_scored_on_it_with_exact_reasons(trainer: Trainer, running: Scorer) -> None:
    """Baseline and contributions add up to the margin, as for any model."""
    score = running.stub.Score(ask(_applicant(trainer)))

    assert math.fsum([score.baseline, *score.reasons.contributions]) == pytest.approx(score.margin, abs=1e-9)
    assert 0.0 < score.probability < 1.0


def test_what_no_table_holds_has_a_code_and_a_text_too(running: Scorer) -> None:
    """A trend or a ratio across tables is named in a letter of refusal like any raw column."""
    served = {feature.name: feature for feature in running.stub.GetServingModel(GET).features}

    trend = served["POS_12M_SK_DPD_TREND"]

    assert trend.reason_code == "POS_12M_SK_DPD_TREND"
    assert trend.reason_text.startswith(
        "Average days past due over monthly records of shop and cash loans of the last "
    )
    assert trend.group == ""
    assert all(feature.reason_text for feature in served.values())


def _applicant(trainer: Trainer) -> str:
    """Return the number of an applicant of today."""
    return str(pl.read_parquet(trainer.settings.tables_root / TABLES / "application_test.parquet")["SK_ID_CURR"][0])


def _choice(trees: int) -> training_pb2.HyperparameterChoices:
    return training_pb2.HyperparameterChoices(values=[training_pb2.HyperparameterValue(integer=trees)])
