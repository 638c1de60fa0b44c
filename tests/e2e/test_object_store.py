"""The prediction log in S3: scorer and monitor keep it there, and readers that know nothing of us read it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from counterfoil.client.channels import open_channel
from counterfoil.monitor.v1 import verification_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from services.monitor.adapters.ledger import Ledger
from services.monitor.adapters.locations import location_of
from services.monitor.adapters.log_store import store_at
from tests.bundles import SCHEMA
from tests.killing import Lending, wait_for_last
from tests.lending import Promise, assert_log_keeps, eventually
from tests.object_stores import BUCKET, object_store
from tests.unit.monitor.segments import NOW, Spool, seeded_values

LOG = f"s3://{BUCKET}/counterfoil"


@pytest.fixture(scope="module")
def lending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lending]:
    """Run scorer and monitor whose log lies in S3; this process finds it by the same variables."""
    folder = tmp_path_factory.mktemp("object-store")
    with object_store(folder) as variables, pytest.MonkeyPatch.context() as environment:
        for name, value in variables.items():
            environment.setenv(name, value)
        running = Lending(folder, seed=5, log=LOG)
        try:
            yield running
        finally:
            running.abandon()


@pytest.fixture(scope="module")
def promises(lending: Lending) -> list[Promise]:
    """Return what a lender was promised, once all of it is in the log."""
    lender = lending.lender()
    lender.wait_for_promises(60)
    lender.stop()
    wait_for_last(lending, lender.promises)
    return lender.promises


def test_every_promise_is_kept_once_and_proven(lending: Lending, promises: list[Promise]) -> None:
    """The monitor checks what lies there as it checks a folder; nothing of the log lies on this disk."""
    request = verification_pb2.VerifyLogRequest(receipts=[promise.answer.receipt for promise in promises])

    with open_channel(lending.addresses["monitor"]) as channel:
        *_, last = MonitorServiceStub(channel).VerifyLog(request)

    assert last.verdict.intact, last.verdict.fault
    assert last.verdict.receipts == len(promises)
    assert_log_keeps(promises, f"{LOG}/ledger")
    assert not list(lending.folder.rglob("_delta_log"))


def test_duckdb_reads_the_ledger(promises: list[Promise]) -> None:
    """As an Arrow data set, since DuckDB's own Delta extension is a download: SQL over S3 with no code of ours."""
    ledger = DeltaTable(f"{LOG}/ledger").to_pyarrow_dataset()

    query = "SELECT count(*), count(DISTINCT (instance, sequence)), min(continuity), max(continuity) FROM ledger"
    found = duckdb.connect().register("ledger", ledger).execute(query).fetchone()

    assert found == (len(promises), len(promises), "CONTINUED", "CONTINUED")


def test_polars_reads_the_projection(promises: list[Promise]) -> None:
    """Named features of every decision, by Polars' own reader of Delta."""
    told = {promise.answer.prediction.rpartition("/")[2] for promise in promises}

    eventually(lambda: set(_projected()["prediction_id"]) == told, timeout_s=60.0, what="projecting")
    assert _projected()["AMT_CREDIT"].null_count() == 0


@pytest.mark.usefixtures("lending")
def test_two_writers_that_race_store_each_segment_once() -> None:
    """Delta's transaction identifiers and conditional puts do there what they do in a folder."""
    segments, spool = [], Spool()
    for _ in range(6):
        segment, spool = spool.seal(seeded_values(2))
        segments.append(segment)
    writers = [Ledger(store_at(location_of(f"s3://{BUCKET}/race")), lambda: NOW) for _ in range(2)]

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(lambda ledger: [ledger.append(each).already_stored for each in segments], writers))

    assert [sum(found) for found in zip(*outcomes, strict=True)] == [1] * len(segments)
    table = DeltaTable(f"s3://{BUCKET}/race/ledger")
    assert sorted(table.to_pyarrow_table(columns=["sequence"])["sequence"].to_pylist()) == list(range(1, 13))
    assert len(table.file_uris()) == len(segments)


def _projected() -> pl.DataFrame:
    """Return the projection of the served version; nothing before there is one."""
    projection = f"{LOG}/predictions/credit-default/1"
    if not DeltaTable.is_deltatable(projection):
        return pl.DataFrame(schema={"prediction_id": pl.String})
    return pl.scan_delta(projection).select("prediction_id", *SCHEMA.names).collect()
