"""Lenders that ask in every way at once while processes are killed: single, batch, stream and data set."""

import itertools
import struct
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import grpc
import numpy as np

from counterfoil.client.errors import call_error
from counterfoil.scorer.v1 import scorer_pb2, stream_pb2
from counterfoil.scorer.v1.scorer_pb2_grpc import ScorerServiceStub
from counterfoil.types.v1 import prediction_pb2
from shared.prediction_record.chain import genesis_hash
from tests.bundles import SCHEMA
from tests.champions import Champion
from tests.lending import PASSING, eventually, insist
from tests.service.scoring import ask, batch
from tests.service.streams import chunk_of
from tests.worker_processes import OWN_CONNECTION

BATCH_ROWS = 20
CHUNK_ROWS = (50, 3_000, 50, 3_000, 50)
"""Small chunks lie in the spool's database, large ones in its annex."""
SHARE_ROWS = 150


class Promise(NamedTuple):
    """One record that a lender was told of: how it was asked for, and what the record must say."""

    method: str
    request_id: str
    prediction: str
    receipt: tuple[str, int, bytes]
    margins: bytes


class MixedLender:
    """Asks in every way, on a connection a thread, until told to stop; `promises` are what it was told.

    A single call or a batch that broke off is asked again under its request_id. A stream or a data set is begun anew:
    what was told of the broken one stays a promise.
    """

    def __init__(self, address: str, champion: Champion) -> None:
        self.promises: list[Promise] = []
        self._address = address
        self._champion = champion
        self._applicants = itertools.cycle(champion.applicant_ids)
        self._stopping = threading.Event()
        ways = (self._single, self._single, self._batch, self._stream, self._dataset)
        self._failures: list[Exception] = []
        # Daemons: a test that fails meanwhile leaves them asking.
        self._threads = [threading.Thread(target=self._ask_until_stopped, args=(way,), daemon=True) for way in ways]
        for thread in self._threads:
            thread.start()

    def wait_for_promises(self, more: int) -> None:
        """Return once so many further promises were made; raises what ended a thread."""
        wanted = len(self.promises) + more
        eventually(lambda: len(self.promises) >= wanted or self._failures, timeout_s=180, what="answering")
        self._raise_failure()

    def stop(self) -> None:
        """Ask nothing more; every question under way gets its answer first."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(180)
        assert not any(thread.is_alive() for thread in self._threads), "a question under way got no answer"
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failures:
            raise self._failures[0]

    def _ask_until_stopped(self, way: Callable[[ScorerServiceStub], None]) -> None:
        try:
            self._ask(way)
        except Exception as error:  # noqa: BLE001  # the boundary of the thread: who waits for it gets the error
            self._failures.append(error)

    def _ask(self, way: Callable[[ScorerServiceStub], None]) -> None:
        while not self._stopping.is_set():
            # A new connection now and then, so that each worker behind the port gets all kinds of calls.
            with grpc.insecure_channel(self._address, options=OWN_CONNECTION) as channel:
                for _ in range(10):
                    if not self._stopping.is_set():
                        way(ScorerServiceStub(channel))

    def _single(self, stub: ScorerServiceStub) -> None:
        request = ask(next(self._applicants), request_id=str(uuid.uuid4()))
        answer = insist(lambda: stub.Score(request, timeout=30, wait_for_ready=True))
        self.promises.append(_promise("Score", request.request_id, answer))

    def _batch(self, stub: ScorerServiceStub) -> None:
        subjects = [scorer_pb2.Subject(applicant_id=next(self._applicants)) for _ in range(BATCH_ROWS)]
        request = batch(subjects, request_id=str(uuid.uuid4()))

        def whole() -> scorer_pb2.BatchScoreResponse | None:
            """Return the reply if every row has an answer; each that has one is a promise."""
            reply = insist(lambda: stub.BatchScore(request, timeout=30, wait_for_ready=True))
            rows = [result.score for result in reply.results if result.HasField("score")]
            self.promises.extend(_promise("BatchScore", request.request_id, each) for each in rows)
            return reply if len(rows) == BATCH_ROWS else None

        while whole() is None:
            pass

    def _stream(self, stub: ScorerServiceStub) -> None:
        settings = stream_pb2.StreamSettings(purpose=prediction_pb2.PURPOSE_DECISION, schema_digest=SCHEMA.digest)
        chunks = (chunk_of(np.resize(self._champion.values, (rows, len(SCHEMA.features)))) for rows in CHUNK_ROWS)
        requests = itertools.chain([stream_pb2.StreamScoreRequest(settings=settings)], chunks)
        self._take("StreamScore", stub.StreamScore(requests, timeout=60, wait_for_ready=True))

    def _dataset(self, stub: ScorerServiceStub) -> None:
        request = stream_pb2.ScoreDatasetRequest(
            purpose=prediction_pb2.PURPOSE_TEST, split="production", sample_rows=SHARE_ROWS
        )
        self._take("ScoreDataset", stub.ScoreDataset(request, timeout=60, wait_for_ready=True))

    def _take(
        self, method: str, replies: "Iterable[stream_pb2.StreamScoreResponse | stream_pb2.ScoreDatasetResponse]"
    ) -> None:
        """Take a stream's chunks as promises, as far as it goes."""
        try:
            for reply in replies:
                receipt = _receipt(reply.chunk.receipt)
                self.promises.append(Promise(method, "", reply.chunk.prediction, receipt, reply.chunk.margins))
        except grpc.RpcError as error:
            if call_error(error).code not in PASSING:
                raise


def _promise(method: str, request_id: str, answer: scorer_pb2.ScoreResponse) -> Promise:
    margin = struct.pack("<d", answer.margin)
    return Promise(method, request_id, answer.prediction, _receipt(answer.receipt), margin)


def _receipt(receipt: prediction_pb2.Receipt) -> tuple[str, int, bytes]:
    return receipt.instance, receipt.sequence, receipt.hash


def assert_kept_once(promises: Iterable[Promise], segments: Iterable[prediction_pb2.Segment]) -> Counter[str]:
    """Assert that verified segments hold each promise, no question twice, and no gap; return records by method."""
    kept, methods, asked = {}, Counter[str](), defaultdict(set)
    for instance, record in _unbroken(segments):
        decision = prediction_pb2.DecisionPart.FromString(record.decision_part)
        if decision.HasField("failures"):
            continue
        request_id = prediction_pb2.PersonalPart.FromString(record.personal_part).request_id
        margins = decision.chunk.margins or struct.pack("<d", decision.margin)
        name = f"{decision.model_version}/predictions/{decision.prediction_id}"
        receipt = (instance, record.sequence, record.hash)
        kept[receipt] = Promise(decision.method, request_id, name, receipt, margins)
        methods[decision.method] += 1
        asked[request_id].add(receipt)
    told = defaultdict(set)
    for promise in promises:
        assert kept[promise.receipt] == promise
        told[promise.request_id].add(promise.receipt)
    for request_id in filter(None, told):
        assert asked[request_id] == told[request_id], "a question was answered twice"
    return methods


def _unbroken(segments: Iterable[prediction_pb2.Segment]) -> Iterator[tuple[str, prediction_pb2.PredictionRecord]]:
    """Yield the records of segments, each of which builds on the one before of its instance."""
    ends: dict[str, tuple[int, bytes]] = {}
    for segment in segments:
        sequence, previous = ends.get(segment.instance, (0, genesis_hash(segment.instance)))
        assert segment.previous_hash == previous
        assert segment.records[0].sequence == sequence + 1
        ends[segment.instance] = (segment.records[-1].sequence, segment.records[-1].hash)
        for record in segment.records:
            yield segment.instance, record
