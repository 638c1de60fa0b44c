"""Stored features are refreshed over processes: the trainer makes and names a data set, running workers take it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import polars as pl
from numpy.typing import NDArray

from counterfoil.scorer.v1 import scorer_pb2, scorer_pb2_grpc
from counterfoil.trainer.v1 import dataset_pb2, refresh_pb2
from tests.adapters.mlflow_stores import MlflowStore, connected
from tests.bundles import MODEL, SCHEMA
from tests.lending import eventually
from tests.service import trainer as trainers
from tests.service.scoring import dense, failure
from tests.worker_processes import OWN_CONNECTION, Workers, scorer_processes

TABLE = dataset_pb2.PreparedTable(path="today.csv", id_column="SK_ID_CURR", target_column="TARGET")


def write_table(file: Path, ids: tuple[str, ...], values: NDArray[np.float64]) -> None:
    """Write the table of today: the same applicants, every second of whom has defaulted."""
    file.parent.mkdir()
    columns = {name: values[:, place] for place, name in enumerate(SCHEMA.names)}
    defaulted = np.arange(len(ids)) % 2
    pl.DataFrame({"SK_ID_CURR": ids, "TARGET": defaulted, **columns}).fill_nan(None).write_csv(file)


@contextmanager
def one_of(workers: Workers) -> Iterator[scorer_pb2_grpc.ScorerServiceStub]:
    """Call whichever worker the system gives a new connection."""
    with grpc.insecure_channel(workers.address, options=OWN_CONNECTION) as channel:
        yield scorer_pb2_grpc.ScorerServiceStub(channel)


def applicants_of(workers: Workers) -> set[str]:
    """Return the data sets whose applicants the workers have."""
    found = set()
    for _ in range(20):
        with one_of(workers) as scorer:
            model = scorer.GetServingModel(scorer_pb2.GetServingModelRequest(), timeout=30)
        found.add(model.applicants_dataset)
    return found


def test_both_workers_of_a_running_scorer_take_the_applicants_of_today(tmp_path: Path) -> None:
    """Nobody restarts or reloads; an applicant's answer is then the one that the table of today gives."""
    with scorer_processes(tmp_path, 2, COUNTERFOIL_WATCH_SECONDS="0.2") as workers:
        champion, today = workers.champion, workers.champion.values.copy()
        today[:, SCHEMA.names.index("AMT_CREDIT")] *= 3
        settings = replace(
            trainers.settings_in(tmp_path / "trainer"),
            mlflow_uri=champion.variables["COUNTERFOIL_MLFLOW_URI"],
            mlflow_artifacts=Path(champion.variables["COUNTERFOIL_MLFLOW_ARTIFACTS"]),
        )
        settings.state_dir.parent.mkdir()
        write_table(settings.tables_root / TABLE.path, champion.applicant_ids, today)
        before = workers.score()

        with (
            connected(MlflowStore(settings.mlflow_uri, settings.mlflow_artifacts)),
            trainers.running_trainer(settings) as trainer,
        ):
            options = dataset_pb2.CleaningOptions(imputation=dataset_pb2.IMPUTATION_NONE, min_variance=0.0)
            made = trainer.make_dataset(dataset_pb2.CreateDatasetRequest(prepared=TABLE, options=options))
            delete = dataset_pb2.DeleteDatasetRequest(name=made.name)
            trainer.stub.RefreshApplicants(refresh_pb2.RefreshApplicantsRequest(model=MODEL, dataset=made.name))
            eventually(lambda: applicants_of(workers) == {made.name}, timeout_s=60, what="the refresh")
            refused = failure(lambda: trainer.stub.DeleteDataset(delete))

        by_id = {answer.receipt.instance: answer for answer in (workers.score() for _ in range(20))}
        with one_of(workers) as scorer:
            by_values = scorer.Score(dense(today[0].tolist()), timeout=30)

    assert refused.reason == "DATASET_STANDS_IN"
    assert len(by_id) == 2
    assert {answer.margin for answer in by_id.values()} == {by_values.margin}
    assert by_values.margin != before.margin
