"""Disks that lose what was not synced, are full, or fail: whatever was answered is in the log, once."""

import itertools
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import grpc
import pytest

from counterfoil.client.channels import open_channel
from counterfoil.client.errors import call_error
from counterfoil.scorer.v1 import scorer_pb2, stream_pb2
from counterfoil.scorer.v1.scorer_pb2_grpc import ScorerServiceStub
from counterfoil.types.v1 import prediction_pb2
from tests.lending import Lender, Promise, assert_log_keeps, eventually, read_ledger
from tests.reliability.failing_disk import Machine, machine

pytestmark = pytest.mark.reliability
CUTS = 20
CHUNK_ROWS = 5_000


def test_power_cuts_under_load_break_no_promise(tmp_path: Path) -> None:
    """Twenty times the spool is what had been synced when the lights went out."""
    chance = random.Random(5)  # noqa: S311  # it chooses when to cut and guards nothing
    with machine(tmp_path) as running:
        lender = Lender(running.scorer_address, running.champion.applicant_ids)
        for _ in range(CUTS):
            lender.wait_for_promises(chance.randint(1, 150))
            running.cut_power()
        lender.wait_for_promises(50)
        lender.stop()

        assert_kept(running, lender.promises)
    assert len(lender.promises) > 500


def test_power_cuts_in_mid_stream_keep_every_answered_chunk(tmp_path: Path) -> None:
    """Their inputs lie beside the spool's database; the monitor takes in only what their digests fit."""
    receipts: list[prediction_pb2.Receipt] = []
    with machine(tmp_path) as running:
        for cut in range(CUTS // 4):
            receipts += (chunk.receipt for chunk in itertools.islice(endless_answers(running), 1 + cut))
            running.cut_power()

        wait_until_shipped(running, receipts)
    assert len({receipt.sequence for receipt in receipts}) == len(receipts) > CUTS // 2


@pytest.mark.parametrize(
    ("how", "codes"),
    [
        ("ENOSPC", {"RESOURCE_EXHAUSTED", "UNAVAILABLE"}),
        ("EIO", {"UNAVAILABLE"}),
        ("EIO_SYNC", {"UNAVAILABLE"}),
        ("EROFS", {"UNAVAILABLE"}),
    ],
)
def test_a_disk_that_fails_gives_errors_and_no_answers(tmp_path: Path, how: str, codes: set[str]) -> None:
    """Nothing is told that was not written, but what was is told again; once the disk works, everything is answered."""
    with machine(tmp_path) as running, open_channel(running.scorer_address) as channel:
        stub = ScorerServiceStub(channel)
        promises = [ask(stub, running, number) for number in range(50)]

        running.fail(how)
        failed = {failure(stub, running, 50 + number) for number in range(20)}
        again = ask(stub, running, 7)
        running.mend()
        eventually(lambda: answers(stub, running), timeout_s=60, what="answering again")
        promises += [ask(stub, running, 50 + number) for number in range(50)]
        running.cut_power()

        assert failed <= codes
        assert again == promises[7]
        assert_kept(running, promises)


def ask(stub: ScorerServiceStub, running: Machine, number: int) -> Promise:
    """Return the answer to a question with an identifier of its own."""
    request = scorer_pb2.ScoreRequest(request_id=f"loan-{number}", purpose=prediction_pb2.PURPOSE_DECISION)
    request.subject.applicant_id = running.champion.applicant_ids[number]
    return Promise(request.request_id, stub.Score(request))


def failure(stub: ScorerServiceStub, running: Machine, number: int) -> str:
    """Return the code that the question fails with."""
    with pytest.raises(grpc.RpcError) as error:
        ask(stub, running, number)
    return call_error(error.value).code


def answers(stub: ScorerServiceStub, running: Machine) -> bool:
    """Tell whether the scorer answers."""
    try:
        ask(stub, running, 0)
    except grpc.RpcError:
        return False
    return True


def endless_answers(running: Machine) -> Iterator[stream_pb2.ScoredChunk]:
    """Yield the answers about one large chunk that is sent over and over."""
    with open_channel(running.scorer_address) as channel:
        stub = ScorerServiceStub(channel)
        served = stub.GetServingModel(scorer_pb2.GetServingModelRequest())
        values = bytes(8 * len(served.features) * CHUNK_ROWS)
        purpose, digest = prediction_pb2.PURPOSE_TEST, served.schema_digest
        settings = stream_pb2.StreamSettings(purpose=purpose, schema_digest=digest)
        first = stream_pb2.StreamScoreRequest(settings=settings)
        chunk = stream_pb2.StreamScoreRequest(chunk=stream_pb2.RowChunk(values=values))
        for reply in stub.StreamScore(itertools.chain([first], itertools.repeat(chunk))):
            yield reply.chunk


def wait_until_shipped(running: Machine, receipts: Iterable[prediction_pb2.Receipt]) -> None:
    """Return once the log has the record of every receipt."""
    ledger = ledger_of(running)
    wanted = {(each.instance, each.sequence, each.hash) for each in receipts}

    def shipped() -> bool:
        """Tell whether every promised record has arrived."""
        rows = read_ledger(ledger).select(["instance", "sequence", "hash"]).to_pylist()
        return wanted <= {(row["instance"], row["sequence"], row["hash"]) for row in rows}

    eventually(shipped, timeout_s=90, what="shipping the spool")


def assert_kept(running: Machine, promises: list[Promise]) -> None:
    """Assert that the log keeps every promise, once all is shipped."""
    wait_until_shipped(running, (each.answer.receipt for each in promises))
    assert_log_keeps(promises, ledger_of(running))


def ledger_of(running: Machine) -> str:
    """Return where the monitor's log lies."""
    return str(running.folder / "state" / "monitor" / "log" / "ledger")
