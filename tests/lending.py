"""A lender under load while processes are killed: what it was promised, and whether the prediction log keeps it."""

import itertools
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import grpc
import pyarrow as pa
from deltalake import DeltaTable

from counterfoil.client.channels import open_channel
from counterfoil.client.errors import call_error
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.scorer.v1.scorer_pb2_grpc import ScorerServiceStub
from counterfoil.types.v1 import prediction_pb2
from shared.prediction_record.chain import genesis_hash, record_hash

Reply = TypeVar("Reply")
LEDGER_COLUMNS = ["instance", "number", "sequence", "hash", "prediction_id", "decision_part", "personal_part"]


def eventually(condition: Callable[[], object], *, timeout_s: float, what: str) -> None:
    """Return as soon as the condition holds; AssertionError that says `what` did not happen in time."""
    pause = threading.Event()
    for _ in range(int(timeout_s / 0.05)):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError(f"{what} did not happen within {timeout_s:.0f} s")


@dataclass(frozen=True)
class Promise:
    """One answer that a lender was given: its request_id and the reply."""

    request_id: str
    answer: scorer_pb2.ScoreResponse


class Lender:
    """Asks for decisions from several threads, each repeating a question until it is answered.

    A question whose call broke off is asked again with its request_id, as a bank's back end would, so that one
    question has one answer however often processes die.
    """

    def __init__(self, address: str, applicant_ids: Sequence[str], *, threads: int = 4) -> None:
        self.promises: list[Promise] = []
        self._address = address
        self._applicant_ids = itertools.cycle(applicant_ids)
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="lender")
        self._threads = [self._pool.submit(self._ask_until_stopped) for _ in range(threads)]

    def wait_for_promises(self, more: int, timeout_s: float = 180.0) -> None:
        """Return once so many further answers have come; raises what ended a thread."""
        wanted = len(self.promises) + more
        eventually(lambda: len(self.promises) >= wanted or self._failed(), timeout_s=timeout_s, what="answering")
        if self._failed():
            self.stop()

    def stop(self) -> None:
        """Ask nothing more; every question under way gets its answer first."""
        self._stopping.set()
        for thread in self._threads:
            thread.result(timeout=120)
        self._pool.shutdown()

    def _failed(self) -> bool:
        return any(thread.done() for thread in self._threads)

    def _ask_until_stopped(self) -> None:
        with open_channel(self._address) as channel:
            stub = ScorerServiceStub(channel)
            while not self._stopping.is_set():
                request = scorer_pb2.ScoreRequest(
                    request_id=str(uuid.uuid4()),
                    purpose=prediction_pb2.PURPOSE_DECISION,
                    subject=scorer_pb2.Subject(applicant_id=next(self._applicant_ids)),
                )
                self.promises.append(Promise(request.request_id, self._answer(stub, request)))

    def _answer(self, stub: ScorerServiceStub, request: scorer_pb2.ScoreRequest) -> scorer_pb2.ScoreResponse:
        return insist(lambda: stub.Score(request, timeout=30, wait_for_ready=True))


# On a busy machine a scorer may take longer to start than a call waits for it. A call that reaches a server just
# as that begins to stop is cancelled by gRPC itself.
PASSING = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"}


def insist(call: Callable[[], Reply]) -> Reply:
    """Return the call's reply, calling again while the scorer is down or starting."""
    pause = threading.Event()
    for _ in range(600):
        try:
            return call()
        except grpc.RpcError as error:
            if call_error(error).code not in PASSING:
                raise
            pause.wait(0.1)
    raise AssertionError("the scorer stayed unavailable")


def read_ledger(ledger: str) -> pa.Table:
    """Return every record of the prediction log in that folder or at that URL."""
    if not DeltaTable.is_deltatable(ledger):
        return pa.table({column: [] for column in LEDGER_COLUMNS})
    return DeltaTable(ledger).to_pyarrow_table(columns=LEDGER_COLUMNS)


def assert_log_keeps(promises: Sequence[Promise], ledger: str) -> None:
    """Assert that each promise is in the log as promised, nothing is there twice, and no number is left out."""
    records = read_ledger(ledger).to_pylist()
    rows = {(row["instance"], row["sequence"]): row for row in records}
    assert len(rows) == len(records), "a record is stored twice"
    for promise in promises:
        receipt = promise.answer.receipt
        row = rows[receipt.instance, receipt.sequence]
        assert row["hash"] == receipt.hash
        assert promise.answer.prediction.endswith(f"/predictions/{row['prediction_id']}")
        assert prediction_pb2.PersonalPart.FromString(row["personal_part"]).request_id == promise.request_id
    asked = [prediction_pb2.PersonalPart.FromString(row["personal_part"]) for row in records]
    request_ids = [each.request_id for each in asked if not each.failed_requests]
    assert len(set(request_ids)) == len(request_ids), "a question was answered twice"
    for instance in {row["instance"] for row in records}:
        _assert_unbroken(instance, [row for row in records if row["instance"] == instance])


def _assert_unbroken(instance: str, records: Sequence[dict[str, object]]) -> None:
    """Assert that an instance's records are numbered without gaps and each builds on the one before."""
    previous = genesis_hash(instance)
    ordered = sorted(records, key=lambda row: int(str(row["sequence"])))
    for sequence, row in enumerate(ordered, start=1):
        decision_part = row["decision_part"]
        assert row["sequence"] == sequence
        assert isinstance(decision_part, bytes)
        previous = record_hash(previous, sequence, decision_part)
        assert row["hash"] == previous
    numbers = sorted({int(str(row["number"])) for row in records})
    assert numbers == list(range(1, len(numbers) + 1))
