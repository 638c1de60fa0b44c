"""The same applicants scored in every way, and what was said about each, to the bit."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import grpc
import numpy as np

from counterfoil.scorer.v1 import replay_pb2, scorer_pb2, stream_pb2
from counterfoil.scorer.v1.scorer_pb2_grpc import ScorerServiceStub
from counterfoil.types.v1 import prediction_pb2
from tests.bundles import SCHEMA, SPLIT_ROWS
from tests.champions import Champion
from tests.service.scoring import ask, batch
from tests.service.streams import chunk_of, doubles
from tests.worker_processes import OWN_CONNECTION

TEST = prediction_pb2.PURPOSE_TEST
WAYS = 6
BATCH_ROWS = 250
CHUNK_ENDS = (1, 17, 18, 300)


class Said(NamedTuple):
    """What was said about one applicant; `contributions` are float64 bytes in the order of the schema."""

    applicant_id: str
    probability: float
    margin: float
    decision: int
    contributions: bytes


def score_in_every_way(address: str, champion: Champion) -> list[list[Said]]:
    """Return what each way says, in the order of the applicants: by one thread, by two, in batches, streams, splits."""
    everybody = range(len(champion.applicant_ids))
    halves = [range(len(everybody) // 2), range(len(everybody) // 2, len(everybody))]
    return [
        _by_threads(address, [everybody], lambda stub, places: _singles(stub, champion, places)),
        _by_threads(address, halves, lambda stub, places: _singles(stub, champion, places)),
        _by_threads(address, halves, lambda stub, places: _batches(stub, champion, places)),
        _by_threads(address, [everybody], lambda stub, places: _stream(stub, champion, places)),
        _by_threads(address, halves, lambda stub, places: _stream(stub, champion, places)),
        _by_threads(address, [everybody], lambda stub, _places: _splits(stub)),
    ]


def _by_threads(
    address: str, shares: Sequence[range], way: Callable[[ScorerServiceStub, range], Iterator[Said]]
) -> list[Said]:
    """Have each share scored on a thread and a connection of its own, all at once."""

    def score(places: range) -> list[Said]:
        with grpc.insecure_channel(address, options=OWN_CONNECTION) as channel:
            return list(way(ScorerServiceStub(channel), places))

    with ThreadPoolExecutor(len(shares)) as pool:
        return [said for share in pool.map(score, shares) for said in share]


def _singles(stub: ScorerServiceStub, champion: Champion, places: range) -> Iterator[Said]:
    for place in places:
        applicant_id = champion.applicant_ids[place]
        yield _of_one(applicant_id, stub.Score(ask(applicant_id, purpose=TEST), timeout=60))


def _batches(stub: ScorerServiceStub, champion: Champion, places: range) -> Iterator[Said]:
    for start in places[::BATCH_ROWS]:
        applicant_ids = champion.applicant_ids[start : min(start + BATCH_ROWS, places.stop)]
        subjects = [scorer_pb2.Subject(applicant_id=each) for each in applicant_ids]
        reply = stub.BatchScore(batch(subjects), timeout=60)
        for applicant_id, result in zip(applicant_ids, reply.results, strict=True):
            yield _of_one(applicant_id, result.score)


def _of_one(applicant_id: str, answer: scorer_pb2.ScoreResponse) -> Said:
    by_name = dict(zip(answer.reasons.features, answer.reasons.contributions, strict=True))
    # A contribution of zero is not sent.
    contributions = np.array([by_name.get(name, 0.0) for name in SCHEMA.names]).tobytes()
    return Said(applicant_id, answer.probability, answer.margin, answer.decision, contributions)


def _stream(stub: ScorerServiceStub, champion: Champion, places: range) -> Iterator[Said]:
    settings = stream_pb2.StreamSettings(purpose=TEST, schema_digest=SCHEMA.digest)
    parts = np.split(np.array(places), CHUNK_ENDS)
    ids = [champion.applicant_ids[place] for place in places]
    requests = [stream_pb2.StreamScoreRequest(settings=settings), *(chunk_of(champion.values[part]) for part in parts)]
    for reply in stub.StreamScore(iter(requests), timeout=60):
        first = reply.chunk.first_row
        yield from _of_chunk(ids[first : first + reply.chunk.rows], reply.chunk)


def _splits(stub: ScorerServiceStub) -> Iterator[Said]:
    """Score every split; together they are all applicants, in their order."""
    for split in SPLIT_ROWS:
        for reply in stub.ScoreDataset(stream_pb2.ScoreDatasetRequest(purpose=TEST, split=split), timeout=60):
            yield from _of_chunk(reply.chunk.applicant_ids, reply.chunk)


def _of_chunk(applicant_ids: Sequence[str], chunk: stream_pb2.ScoredChunk) -> Iterator[Said]:
    contributions = doubles(chunk.contributions, len(SCHEMA.names))
    columns = (doubles(chunk.probabilities), doubles(chunk.margins), chunk.decisions, contributions)
    for applicant_id, probability, margin, decision, row in zip(applicant_ids, *columns, strict=True):
        yield Said(applicant_id, float(probability), float(margin), decision, row.tobytes())


def replay_all(address: str, segments: Sequence[prediction_pb2.Segment], *, threads: int) -> Counter[str]:
    """Have so many threads replay every record by rpc, and return how many rows had which outcome."""

    def replay(part: Iterable[prediction_pb2.Segment]) -> Counter[str]:
        outcomes = Counter[str]()
        with grpc.insecure_channel(address, options=OWN_CONNECTION) as channel:
            stub = ScorerServiceStub(channel)
            for previous_hash, record in _chained(part):
                request = replay_pb2.ReplayPredictionRequest(record=record, previous_hash=previous_hash)
                found = stub.ReplayPrediction(request, timeout=60)
                outcomes[replay_pb2.ReplayOutcome.Name(found.outcome)] += found.rows
        return outcomes

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(replay, [segments[first::threads] for first in range(threads)]), Counter[str]())


def _chained(segments: Iterable[prediction_pb2.Segment]) -> Iterator[tuple[bytes, prediction_pb2.PredictionRecord]]:
    """Yield each record with the hash of the one before."""
    for segment in segments:
        previous = segment.previous_hash
        for record in segment.records:
            yield previous, record
            previous = record.hash
