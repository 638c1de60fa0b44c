"""The whole loop on a lender's own table, over real services: data set, model, scores with reasons, drift."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from mlflow import MlflowClient

from counterfoil.client.channels import open_channel
from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.scorer.v1.scorer_pb2_grpc import ScorerServiceStub
from counterfoil.trainer.v1 import dataset_pb2, inspection_pb2, training_pb2
from services.scorer import app as scorer_app
from services.scorer.settings import Settings as ScorerSettings
from tests.german_credit import ID, PREPARED, TARGET, UNLABELLED, german_credit
from tests.lending import eventually
from tests.processes import free_port, wait_until_serving
from tests.service.monitors import finished, monitor
from tests.service.monitors import settings_in as monitor_settings
from tests.service.scoring import answer_of, ask, batch, failure
from tests.service.trainer import Trainer, training_request

MODEL = "german-credit"
TABLE = german_credit()
TODAY = TABLE[ID].tail(UNLABELLED).to_list()


@dataclass(frozen=True)
class Loop:
    """What the loop has made, and the services that serve it."""

    dataset: dataset_pb2.Dataset
    champion: training_pb2.ModelVersion
    scorer: ScorerServiceStub
    monitor: MonitorServiceStub


@pytest.fixture(scope="module")
def loop(trainer: Trainer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Make the data set, train a model on it, promote it, and serve it with a monitor behind."""
    TABLE.write_csv(trainer.settings.tables_root / PREPARED.path)
    options = dataset_pb2.CleaningOptions(imputation=dataset_pb2.IMPUTATION_NONE, min_variance=0.0)
    dataset = trainer.make_dataset(dataset_pb2.CreateDatasetRequest(prepared=PREPARED, options=options))
    assert dataset.digest, dataset.job
    job = trainer.train(training_request(dataset.name, model=MODEL))
    assert job.model_version, job.job
    promotion = training_pb2.PromoteModelVersionRequest(name=job.model_version, reason="the first one")
    champion = trainer.stub.PromoteModelVersion(promotion)
    folder = tmp_path_factory.mktemp("german")
    with _serving(trainer, folder) as (scorer, watcher):
        yield Loop(dataset, champion, scorer, watcher)


@contextmanager
def _serving(trainer: Trainer, folder: Path) -> Iterator[tuple[ScorerServiceStub, MonitorServiceStub]]:
    uri, artifacts = trainer.settings.mlflow_uri, trainer.settings.mlflow_artifacts
    address = f"127.0.0.1:{free_port()}"
    watching = replace(monitor_settings(folder), monitor_address=address, mlflow_uri=uri, mlflow_artifacts=artifacts)
    scoring = ScorerSettings("127.0.0.1:0", address, None, uri, artifacts, state_dir=folder, model=MODEL)
    with monitor(watching) as watcher:
        app = scorer_app.build(scoring, seal_seconds=0.05)
        app.server.start()
        try:
            wait_until_serving(f"127.0.0.1:{app.server.port}", scorer_app.SERVICE_NAME)
            with open_channel(f"127.0.0.1:{app.server.port}") as channel:
                yield ScorerServiceStub(channel), watcher
        finally:
            app.server.stop()
            app.stop()


def _named(applicant: str, **changes: float | str | None) -> dict[str, float | str | None]:
    """Return the row of the table as a lender's back end would send it: texts as categories, numbers as numbers."""
    (row,) = TABLE.filter(pl.col(ID) == applicant).drop(ID, TARGET).to_dicts()
    return {name: _number_or_text(value) for name, value in row.items()} | changes


def _number_or_text(cell: str | None) -> float | str | None:
    return float(cell) if cell is not None and cell.isdecimal() else cell


def test_the_data_set_tells_its_source_and_splits(loop: Loop) -> None:
    """Applications without an outcome are the production split; all others are divided."""
    rows = {split.split: split.rows for split in loop.dataset.splits}

    assert loop.dataset.prepared == PREPARED
    (table,) = loop.dataset.tables
    assert (table.table, table.format, table.rows, table.present) == ("german credit", "csv", 1000, True)
    assert rows[dataset_pb2.SPLIT_PRODUCTION] == UNLABELLED
    assert rows[dataset_pb2.SPLIT_TRAIN] + rows[dataset_pb2.SPLIT_TEST] == 1000 - UNLABELLED
    assert loop.champion.metrics["test_auc"] > 0.65


def test_the_run_records_where_the_rows_come_from(trainer: Trainer, loop: Loop) -> None:
    """An auditor reads in MLflow which file and which columns a model goes back to."""
    client = MlflowClient(trainer.settings.mlflow_uri)

    recorded = client.get_run(loop.dataset.baseline_run_id).data.params

    assert (recorded["source"], recorded["source_path"]) == ("prepared", PREPARED.path)
    assert (recorded["id_column"], recorded["target_column"], recorded["positive"]) == (ID, TARGET, "bad")


def test_table_and_splits_can_be_looked_at(trainer: Trainer, loop: Loop) -> None:
    """The table by its path, the splits by their features, as those of any other source."""
    production = inspection_pb2.DatasetSplit(dataset=loop.dataset.name, split=dataset_pb2.SPLIT_PRODUCTION)
    describe = inspection_pb2.DescribeColumnRequest

    purpose = trainer.stub.DescribeColumn(describe(table=PREPARED.path, column="purpose"))
    age = trainer.stub.DescribeColumn(describe(dataset_split=production, column="age_in_years"))
    sample = trainer.stub.SampleDataset(
        inspection_pb2.SampleDatasetRequest(name=loop.dataset.name, split=production.split, row_count=3)
    )

    assert purpose.texts.levels[0].level == "radio/television"
    assert (age.rows_used.used, age.missing_count) == (UNLABELLED, 0)
    assert {applicant.applicant_id for applicant in sample.applicants} <= set(TODAY)


def test_the_served_model_describes_its_features(loop: Loop) -> None:
    """A back end learns from it which columns and levels to send, and what they are to people."""
    features = {
        feature.name: feature
        for feature in loop.scorer.GetServingModel(scorer_pb2.GetServingModelRequest(model=MODEL)).features
    }

    checking = features["status_of_existing_checking_account_... < 0 DM"]
    assert (checking.group, checking.level) == ("status_of_existing_checking_account", "... < 0 DM")
    assert checking.reason_text == "Balance of the checking account: ... < 0 DM"
    assert features["telephone_yes, registered under the customers name"].group == "telephone"
    age = features["age_in_years"]
    assert (age.reason_text, age.reason_code) == ("Age in years", "AGE_IN_YEARS")
    assert (age.lower_bound, age.upper_bound, age.minimum) == (18.0, 100.0, 19.0)


@pytest.mark.parametrize("applicant", ["G-1", "G-4", TODAY[0]])
def test_an_applicant_is_scored_alike_by_number_and_by_named_features(loop: Loop, applicant: str) -> None:
    """From any split; a category stands for its one-hot features, a missing one for none of them."""
    by_id = loop.scorer.Score(ask(applicant))
    by_columns = loop.scorer.Score(ask(features=_named(applicant)))
    stored = loop.scorer.GetApplicant(scorer_pb2.GetApplicantRequest(name=f"applicants/{applicant}"))
    by_features = loop.scorer.Score(_about(stored))

    assert answer_of(by_id) == answer_of(by_columns) == answer_of(by_features)
    total = by_id.baseline + sum(by_id.reasons.contributions)
    assert abs(total - by_id.margin) <= 1e-9


def test_reasons_read_as_the_lender_words_them(loop: Loop) -> None:
    """With the words given or the column's name in words; what is said of the applicant is true of the applicant."""
    reasons = {applicant: loop.scorer.Score(ask(applicant)).reasons for applicant in TODAY[:20]}

    texts = {text for each in reasons.values() for text in each.principal_texts}
    assert "Duration of the credit in months" in texts
    assert not [text for text in texts if "_" in text or not text[0].isupper()]
    for applicant, each in reasons.items():
        level = _named(applicant)["status_of_existing_checking_account"]
        about = [text for text in each.principal_texts if text.startswith("Balance of the checking account: ")]
        assert len(about) <= 1, "the levels of one column are one reason"
        assert all((text == f"Balance of the checking account: {level}") != (": not " in text) for text in about)
        assert not [text for text in about if text.endswith(f'not "{level}"')]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"age_in_years": 17.0}, 'subject.features["age_in_years"]'),
        ({"housing": "tent"}, 'subject.features["housing"]'),
        ({"housing": 1.0}, 'subject.features["housing"]'),
        ({"shoe_size": 43.0}, 'subject.features["shoe_size"]'),
    ],
)
def test_what_the_table_never_held_is_refused(loop: Loop, changes: dict[str, float | str], field: str) -> None:
    """A value outside its bounds, a level that is unknown, a column of another table."""
    said = failure(lambda: loop.scorer.Score(ask(features=_named("G-1", **changes))))

    assert (said.code, [problem.field for problem in said.fields]) == ("INVALID_ARGUMENT", [field])


def test_todays_applicants_are_scored_and_compared_with_training(loop: Loop) -> None:
    """Each of the batch is answered and logged; the production split has not drifted from the rows beside it."""
    subjects = [scorer_pb2.Subject(applicant_id=applicant) for applicant in TODAY]

    answers = loop.scorer.BatchScore(batch(subjects))
    wanted = monitor_pb2.CreateDriftReportRequest(
        model_version=loop.champion.name, production=monitor_pb2.ProductionSplit()
    )
    report = finished(loop.monitor, loop.monitor.CreateDriftReport(wanted))

    probabilities = np.array([result.score.probability for result in answers.results])
    assert len(probabilities) == UNLABELLED
    assert ((probabilities > 0.0) & (probabilities < 1.0)).all()
    assert (report.outcome, report.current_rows) == (monitor_pb2.DRIFT_OUTCOME_COMPARED, UNLABELLED), report.job
    assert not report.drifted
    status = monitor_pb2.GetDriftStatusRequest(model_version=loop.champion.name)
    eventually(lambda: loop.monitor.GetDriftStatus(status).prediction_count >= UNLABELLED, timeout_s=30, what="logging")


def _about(stored: scorer_pb2.Applicant) -> scorer_pb2.ScoreRequest:
    request = ask("nobody")
    request.subject.features.CopyFrom(stored.features)
    return request
