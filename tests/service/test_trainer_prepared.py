"""A table of the lender's own over the wire: refused by what its path and header show, before there is a job."""

from collections.abc import Mapping

import grpc
import polars as pl
import pytest

from counterfoil.trainer.v1 import dataset_pb2
from tests.service.trainer import Trainer, refusal_of

_SOUND = dataset_pb2.PreparedTable(path="own.csv", id_column="client", target_column="outcome", positive="bad")
_TABLE = pl.DataFrame({"client": ["K-1", "K-2"], "age": [30, 40], "job": ["clerk", ""], "outcome": ["bad", "good"]})


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
    _TABLE.write_csv(trainer.settings.tables_root / "own.csv")
    return trainer


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


@pytest.mark.parametrize(
    ("outcomes", "code", "reason"),
    [
        (["good"] * 40, "INVALID_ARGUMENT", "ONE_CLASS_TARGET"),
        (["bad", "good", "fair"] * 20, "INVALID_ARGUMENT", "TARGET_INVALID"),
        (["bad", *["good"] * 39], "FAILED_PRECONDITION", "SPLIT_TOO_SMALL"),
    ],
)
def test_targets_that_nothing_can_be_learnt_from_make_no_job(
    own: Trainer, outcomes: list[str], code: str, reason: str
) -> None:
    """They are looked at before anything else of the table is."""
    table = pl.DataFrame({"client": range(len(outcomes)), "age": range(len(outcomes)), "outcome": outcomes})
    table.write_csv(own.settings.tables_root / "targets.csv")
    before = own.stub.ListDatasets(dataset_pb2.ListDatasetsRequest())

    with pytest.raises(grpc.RpcError) as refusal:
        own.stub.CreateDataset(_request(changes={"path": "targets.csv"}))

    said = refusal_of(refusal.value)
    assert (said.code, said.reason) == (code, reason)
    assert own.stub.ListDatasets(dataset_pb2.ListDatasetsRequest()) == before


def test_dates_in_a_parquet_file_are_refused_at_once(own: Trainer) -> None:
    """It tells its types without being read."""
    dated = _TABLE.with_columns(born=pl.date(1980, 1, 1))
    dated.write_parquet(own.settings.tables_root / "dated.parquet")

    with pytest.raises(grpc.RpcError) as refusal:
        own.stub.CreateDataset(_request(changes={"path": "dated.parquet"}))

    said = refusal_of(refusal.value)
    assert (said.reason, [problem.field for problem in said.fields]) == ("COLUMN_TYPE", ['prepared.columns["born"]'])
