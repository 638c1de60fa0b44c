"""A table of the lender's own over the wire: made a data set by a real process, or refused by what is wrong with it."""

from collections.abc import Mapping

import grpc
import numpy as np
import polars as pl
import pytest

from counterfoil.trainer.v1 import dataset_pb2
from counterfoil.types.v1 import job_pb2
from tests.service.trainer import Trainer, refusal_of

pytestmark = pytest.mark.xdist_group("trainer")

_ROWS = 240
_SOUND = dataset_pb2.PreparedTable(path="own.csv", id_column="client", target_column="outcome", positive="bad")


def _table(rows: int = _ROWS) -> pl.DataFrame:
    """Return clients with an age, a job with gaps and an outcome that is not known of every sixth."""
    draw = np.random.default_rng(5)
    outcome = np.where(draw.random(rows) < 0.4, "bad", "good")
    return pl.DataFrame(
        {
            "client": [f"K-{row:04}" for row in range(rows)],
            "age": draw.integers(18, 80, rows),
            "job": draw.choice(["clerk, retired", "none", ""], rows),
            "member": draw.random(rows) < 0.5,
            "outcome": [None if row % 6 == 0 else outcome[row] for row in range(rows)],
        }
    )


def _request(
    prepared: dataset_pb2.PreparedTable = _SOUND, changes: Mapping[str, object] | None = None, **fields: object
) -> dataset_pb2.CreateDatasetRequest:
    request = dataset_pb2.CreateDatasetRequest(
        prepared=prepared,
        options=dataset_pb2.CleaningOptions(imputation=dataset_pb2.IMPUTATION_MEDIAN),
        **fields,  # type: ignore[arg-type]  # any field may be set
    )
    request.prepared.MergeFrom(dataset_pb2.PreparedTable(**(changes or {})))  # type: ignore[arg-type]  # as above
    return request


@pytest.fixture(scope="module")
def own(trainer: Trainer) -> Trainer:
    """Return the trainer with tables of the lender's own in its root."""
    _table().write_csv(trainer.settings.tables_root / "own.csv")
    return trainer


def test_a_table_of_ones_own_becomes_a_data_set(own: Trainer) -> None:
    """Rows without an outcome are the production split; every feature column is told with its fate."""
    made = own.make_dataset(_request(display_name="Own"))

    assert made.job.state == job_pb2.JOB_STATE_SUCCEEDED, made.job.error
    assert made.prepared == _SOUND
    assert [(split.rows, split.HasField("defaults")) for split in made.splits] == [(160, True), (40, True), (40, False)]
    assert [(table.table, table.format, table.rows) for table in made.tables] == [("own", "csv", _ROWS)]
    full = own.stub.GetDataset(dataset_pb2.GetDatasetRequest(name=made.name, view=dataset_pb2.DATASET_VIEW_FULL))
    assert [column.column for column in full.columns] == ["age", "job_clerk, retired", "job_none", "member"]
    assert made.baseline_metrics["test_business_cost"] > 0.0


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"path": "../own.csv"}, "PATH_OUTSIDE_ROOT", "prepared.path"),
        ({"path": "/etc/passwd.csv"}, "PATH_OUTSIDE_ROOT", "prepared.path"),
        ({"path": "gone.csv"}, "FILE_MISSING", "prepared.path"),
        ({"path": "own.xlsx"}, "INVALID_FIELD", "prepared.path"),
        ({"id_column": "Client"}, "COLUMN_MISSING", "prepared.id_column"),
        ({"target_column": "default"}, "COLUMN_MISSING", "prepared.target_column"),
        ({"target_column": "client"}, "INVALID_FIELD", "prepared.target_column"),
        ({"reason_texts": {"shoe": "Shoe size"}}, "COLUMN_MISSING", 'prepared.reason_texts["shoe"]'),
        ({"bounds": {"shoe": dataset_pb2.ValueBounds(minimum=1)}}, "COLUMN_MISSING", 'prepared.bounds["shoe"]'),
        ({"bounds": {"age": dataset_pb2.ValueBounds(minimum=9, maximum=1)}}, "INVALID_FIELD", 'prepared.bounds["age"]'),
    ],
)
def test_what_a_look_at_the_header_rules_out_makes_no_job(
    own: Trainer, changes: dict[str, object], reason: str, field: str
) -> None:
    """The call itself is refused, with the field that is wrong."""
    with pytest.raises(grpc.RpcError) as refusal:
        own.stub.CreateDataset(_request(changes=changes))

    said = refusal_of(refusal.value)
    assert (said.code, said.reason) == ("INVALID_ARGUMENT", reason)
    assert [problem.field for problem in said.fields] == [field]


def test_dates_in_a_parquet_file_are_refused_at_once(own: Trainer) -> None:
    """It tells its types without being read."""
    dated = _table().with_columns(born=pl.date(1980, 1, 1))
    dated.write_parquet(own.settings.tables_root / "dated.parquet")

    with pytest.raises(grpc.RpcError) as refusal:
        own.stub.CreateDataset(_request(changes={"path": "dated.parquet"}))

    said = refusal_of(refusal.value)
    assert (said.reason, [problem.field for problem in said.fields]) == ("COLUMN_TYPE", ['prepared.columns["born"]'])


def test_what_only_the_rows_show_fails_the_job_before_anything_is_built(own: Trainer) -> None:
    """With the same reasons and field paths, and nothing of it in MLflow."""
    table = _table()
    doubled = pl.concat([table, table.head(3)])
    doubled.write_csv(own.settings.tables_root / "doubled.csv")

    made = own.make_dataset(_request(changes={"path": "doubled.csv"}))

    assert made.job.state == job_pb2.JOB_STATE_FAILED
    assert made.job.error.reason == "DUPLICATE_KEY"
    assert made.job.error.message.startswith("prepared.id_column: 3 row(s)")
    assert not made.experiment_id
