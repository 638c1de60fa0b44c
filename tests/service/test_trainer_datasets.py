"""Data sets over the wire: made by a real process, kept in a real MLflow, refused where they cannot be."""

import hashlib
import json
import shutil
from pathlib import Path

import grpc
import polars as pl
import pytest
from mlflow import MlflowClient

from counterfoil.trainer.v1 import dataset_pb2
from counterfoil.types.v1 import job_pb2
from tests.service.trainer import TABLES, Trainer, dataset_request, refusal_of


@pytest.fixture(scope="session")
def artifacts(trainer: Trainer, dataset: dataset_pb2.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the data set's files in MLflow."""
    client = MlflowClient(trainer.settings.mlflow_uri)
    return Path(client.download_artifacts(dataset.baseline_run_id, "dataset", str(tmp_path_factory.mktemp("files"))))


def test_a_data_set_reports_its_splits_tables_and_columns(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """Everything a form shows is in one Get; the columns come with view FULL alone."""
    full = trainer.stub.GetDataset(dataset_pb2.GetDatasetRequest(name=dataset.name, view=dataset_pb2.DATASET_VIEW_FULL))

    rows = {dataset_pb2.Split.Name(split.split): split.rows for split in full.splits}
    assert rows == {"SPLIT_TRAIN": 414, "SPLIT_TEST": 104, "SPLIT_PRODUCTION": 82}
    assert [split.HasField("defaults") for split in full.splits] == [True, True, False]
    assert len(full.tables) == 8
    assert all(table.present for table in full.tables)
    assert (len(full.columns), len(dataset.columns)) == (full.feature_count, 0)
    assert sum(column.kept for column in full.columns) == full.kept_feature_count
    assert full.job.state == job_pb2.JOB_STATE_SUCCEEDED


def test_one_hots_and_binaries_name_the_variable_that_they_show(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """Cleaning takes them as one; a number is nobody's level."""
    full = trainer.stub.GetDataset(dataset_pb2.GetDatasetRequest(name=dataset.name, view=dataset_pb2.DATASET_VIEW_FULL))

    variables = {column.column: column.variable for column in full.columns}
    assert variables["NAME_CONTRACT_TYPE_Cash loans"] == "NAME_CONTRACT_TYPE"
    assert variables["CODE_GENDER"] == "CODE_GENDER"
    assert variables["AMT_CREDIT"] == ""


def test_its_splits_are_in_mlflow_under_the_digests_it_names(artifacts: Path, dataset: dataset_pb2.Dataset) -> None:
    """Scorer and monitor trust a file only by its digest."""
    for split, name in zip(dataset.splits, ("train", "test", "production"), strict=True):
        assert hashlib.sha256((artifacts / f"{name}.parquet").read_bytes()).hexdigest() == split.digest

    assert json.loads((artifacts / "dataset.json").read_text())["digest"] == dataset.digest


def test_its_splits_hold_every_feature_uncleaned(artifacts: Path, dataset: dataset_pb2.Dataset) -> None:
    """Columns that cleaning dropped are there as well, and missing values are still missing."""
    train, production = (pl.read_parquet(artifacts / f"{name}.parquet") for name in ("train", "production"))

    assert train.columns[:2] == ["applicant_id", "target"]
    assert train.width == dataset.feature_count + 2
    assert train.schema["applicant_id"] == pl.String
    assert set(train.dtypes[2:]) == {pl.Float64}
    assert train["EXT_SOURCE_1"].null_count() > 0
    assert production["target"].null_count() == production.height


def test_the_first_run_of_its_experiment_is_the_most_frequent_answer(
    trainer: Trainer, dataset: dataset_pb2.Dataset
) -> None:
    """Whoever compares runs finds the cost to beat: everyone approved, ten for each default."""
    client = MlflowClient(trainer.settings.mlflow_uri)

    runs = client.search_runs([dataset.experiment_id], order_by=["attributes.start_time ASC"])

    assert runs[0].info.run_id == dataset.baseline_run_id
    assert runs[0].info.status == "FINISHED"
    assert client.get_experiment(dataset.experiment_id).name == dataset.name.removeprefix("datasets/")
    test = next(split for split in dataset.splits if split.split == dataset_pb2.SPLIT_TEST)
    assert dataset.baseline_metrics["test_business_cost"] == pytest.approx(10 * test.defaults / test.rows)
    assert runs[0].data.metrics["test_auc"] == 0.5


def test_the_same_request_returns_the_first_data_set(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """A client that lost the answer may ask again."""
    again = trainer.stub.CreateDataset(dataset_request(request_id="the-data-set", display_name="Synthetic"))

    assert again.name == dataset.name


def test_the_same_request_returns_the_first_data_set_when_its_tables_have_gone(trainer: Trainer) -> None:
    """They were read when it was asked for first."""
    first, moved = (trainer.settings.tables_root / name for name in ("short-lived", "moved"))
    shutil.copytree(trainer.settings.tables_root / TABLES, first)
    request = dataset_request(request_id="short-lived", home_credit=dataset_pb2.HomeCreditTables(directory=first.name))
    made = trainer.stub.CreateDataset(request)
    trainer.stub.CancelDataset(dataset_pb2.CancelDatasetRequest(name=made.name))
    first.rename(moved)

    again = trainer.stub.CreateDataset(request)

    assert again.name == made.name


def test_a_request_id_with_other_content_is_refused(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """Nobody gets a data set that they did not describe."""
    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.CreateDataset(dataset_request(request_id="the-data-set", display_name=dataset.name))

    said = refusal_of(refusal.value)
    assert (said.code, said.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


def test_data_sets_are_listed_newest_first_page_by_page(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """The pages together hold each data set once."""
    waiting = trainer.stub.CreateDataset(dataset_request())
    trainer.stub.CancelDataset(dataset_pb2.CancelDatasetRequest(name=waiting.name))

    names, token = [], ""
    while True:
        page = trainer.stub.ListDatasets(dataset_pb2.ListDatasetsRequest(page_size=1, page_token=token))
        names += [listed.name for listed in page.datasets]
        token = page.next_page_token
        if not token:
            break

    assert names[0] == waiting.name
    assert names.count(dataset.name) == 1
    assert len(names) == len(set(names))


def test_barred_columns_are_recorded_and_in_no_split(
    trainer: Trainer, dataset: dataset_pb2.Dataset, tmp_path: Path
) -> None:
    """In the resource, in the first run, and by absence from report and files; a misspelt name is refused."""
    made = trainer.make_dataset(dataset_request(barred_columns=["CODE_GENDER", "DAYS_BIRTH"]))
    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.CreateDataset(dataset_request(barred_columns=["CODE_GENDER", "GENDER"]))

    client = MlflowClient(trainer.settings.mlflow_uri)
    full = trainer.stub.GetDataset(dataset_pb2.GetDatasetRequest(name=made.name, view=dataset_pb2.DATASET_VIEW_FULL))
    stored = client.download_artifacts(made.baseline_run_id, "dataset/production.parquet", str(tmp_path))
    gone = {"CODE_GENDER", "DAYS_BIRTH", "DAYS_EMPLOYED_PERC"}
    assert list(full.barred_columns) == ["CODE_GENDER", "DAYS_BIRTH"]
    assert made.feature_count == dataset.feature_count - len(gone)
    assert not gone & ({column.column for column in full.columns} | set(pl.read_parquet(stored).columns))
    assert client.get_run(made.baseline_run_id).data.params["barred_columns"] == "CODE_GENDER, DAYS_BIRTH"
    said = refusal_of(refusal.value)
    assert (said.code, said.reason) == ("INVALID_ARGUMENT", "COLUMN_MISSING")
    assert [problem.field for problem in said.fields] == ["barred_columns[1]"]


def test_a_cancelled_data_set_ends_as_cancelled(trainer: Trainer) -> None:
    """Whether it was still waiting or at work, nothing of it is left to use."""
    name = trainer.stub.CreateDataset(dataset_request(display_name="never mind")).name

    trainer.stub.CancelDataset(dataset_pb2.CancelDatasetRequest(name=name))

    *_, last = trainer.stub.WatchDataset(dataset_pb2.WatchDatasetRequest(name=name))
    assert last.dataset.job.state == job_pb2.JOB_STATE_CANCELLED
    assert not last.dataset.digest


@pytest.mark.parametrize("directory", ["..", "/etc", "synthetic/../../tables-beside", "door"])
def test_a_path_out_of_the_tables_root_is_refused(trainer: Trainer, directory: str) -> None:
    """Also through a symbolic link, and whether or not anything is there."""
    door = trainer.settings.tables_root / "door"
    door.unlink(missing_ok=True)
    door.symlink_to("/", target_is_directory=True)

    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.CreateDataset(dataset_request(home_credit=dataset_pb2.HomeCreditTables(directory=directory)))

    said = refusal_of(refusal.value)
    assert (said.code, said.reason) == ("INVALID_ARGUMENT", "PATH_OUTSIDE_ROOT")
    assert [problem.field for problem in said.fields] == ["home_credit.directory"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (dataset_pb2.CreateDatasetRequest(), "source"),
        (dataset_pb2.CreateDatasetRequest(home_credit=dataset_pb2.HomeCreditTables()), "options.imputation"),
        (dataset_request(test_share=1.0), "test_share"),
        (dataset_request(home_credit=dataset_pb2.HomeCreditTables(directory="nowhere")), "home_credit.directory"),
        (dataset_request(home_credit=dataset_pb2.HomeCreditTables(directory="a\0b")), "home_credit.directory"),
        (dataset_request(home_credit=dataset_pb2.HomeCreditTables(features=7)), "home_credit.features"),  # type: ignore[arg-type]  # one of the future
        (dataset_request(request_id="x" * 129), "request_id"),
        (dataset_request(options=dataset_pb2.CleaningOptions(max_missing_share=-0.1)), "options.max_missing_share"),
        (dataset_request(options=dataset_pb2.CleaningOptions(max_target_cramers_v=0)), "options.max_target_cramers_v"),
    ],
)
def test_a_wrong_field_is_named(trainer: Trainer, request_: dataset_pb2.CreateDatasetRequest, field: str) -> None:
    """A form can point at what to mend."""
    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.CreateDataset(request_)

    said = refusal_of(refusal.value)
    assert said.code == "INVALID_ARGUMENT"
    assert [problem.field for problem in said.fields] == [field]


@pytest.mark.parametrize(
    ("name", "code"),
    [("datasets/ds-absent", "NOT_FOUND"), ("ds-absent", "INVALID_ARGUMENT"), ("datasets/a/b", "INVALID_ARGUMENT")],
)
def test_a_data_set_that_is_not_there_is_not_found(trainer: Trainer, name: str, code: str) -> None:
    """A name that cannot be one is an error of another kind."""
    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.GetDataset(dataset_pb2.GetDatasetRequest(name=name))

    assert refusal_of(refusal.value).code == code
