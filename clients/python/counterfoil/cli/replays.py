"""Logged predictions computed anew: which of them, by whom, and what came out."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import grpc

from counterfoil.cli.output import document
from counterfoil.client.errors import CallError, call_error
from counterfoil.monitor.v1 import prediction_log_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.scorer.v1 import replay_pb2
from counterfoil.scorer.v1.scorer_pb2_grpc import ScorerServiceStub

ERASED: Final = "PERSONAL_PART_ERASED"
_AT_ONCE: Final = 4
_PAGE: Final = 1000
# What is about the one prediction; anything else ends the command.
_OF_ITS_OWN: Final = ("NOT_FOUND", "FAILED_PRECONDITION", "INVALID_ARGUMENT")


@dataclass(frozen=True)
class Replay:
    """A prediction, and what its replay found or why there was none."""

    prediction: str
    found: replay_pb2.ReplayPredictionResponse | None = None
    failure: CallError | None = None

    @property
    def verdict(self) -> str:
        """BIT_EQUAL, EQUAL_ACROSS_KERNELS, DIFFERENT, or the reason why there was no replay."""
        if self.found is not None:
            return replay_pb2.ReplayOutcome.Name(self.found.outcome).removeprefix("REPLAY_OUTCOME_")
        return (self.failure.reason or self.failure.code) if self.failure else ""

    @property
    def sound(self) -> bool:
        """Whether nothing speaks against the record: equal, or erased as it may be."""
        return self.verdict in ("BIT_EQUAL", "EQUAL_ACROSS_KERNELS", ERASED)


def sample(
    monitor: MonitorServiceStub, wanted: prediction_log_pb2.ListPredictionsRequest, *, count: int, seed: int
) -> list[str]:
    """Return the names of so many predictions out of a list, each equally likely; rows of a chunk stand for it.

    The whole list is read, in pages (Vitter 1985, "Random sampling with a reservoir", algorithm R).
    """
    generator, drawn = random.Random(seed), list[str]()  # noqa: S311  # a sample, no secret
    for place, name in enumerate(_names(monitor, wanted)):
        if place < count:
            drawn.append(name)
        elif (slot := generator.randrange(place + 1)) < count:
            drawn[slot] = name
    return list(dict.fromkeys(record_name(name) for name in drawn))


def record_name(prediction: str) -> str:
    """Return the name of the record that holds a prediction: its own, or that of the chunk that it is a row of."""
    parent, slash, identifier = prediction.rpartition("/")
    return parent + slash + identifier.partition(".")[0]


def replay_all(monitor: MonitorServiceStub, scorer: ScorerServiceStub, names: Sequence[str]) -> Iterator[Replay]:
    """Yield the replay of each prediction, in their order, a few at once; raises grpc.RpcError if a service is away."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(lambda name: _replay(monitor, scorer, name), names)


def summary(replays: Sequence[Replay]) -> dict[str, Any]:
    """Return counts by verdict, and everything about the predictions that are not sound."""
    return {
        "predictions": len(replays),
        "rows": sum(each.found.rows for each in replays if each.found is not None),
        "verdicts": dict(sorted(Counter(each.verdict for each in replays).items())),
        "unsound": [_told(each) for each in replays if not each.sound],
    }


def _told(replay: Replay) -> dict[str, Any]:
    told = {"prediction": replay.prediction, "verdict": replay.verdict}
    if replay.found is not None:
        return told | {"replay": document(replay.found)}
    return told | {"message": replay.failure.message if replay.failure else ""}


def _replay(monitor: MonitorServiceStub, scorer: ScorerServiceStub, name: str) -> Replay:
    try:
        logged = monitor.GetPrediction(prediction_log_pb2.GetPredictionRequest(name=name))
        request = replay_pb2.ReplayPredictionRequest(record=logged.record, previous_hash=logged.proof.previous_hash)
        return Replay(name, found=scorer.ReplayPrediction(request))
    except grpc.RpcError as error:
        failure = call_error(error)
        if failure.code not in _OF_ITS_OWN:
            raise
        return Replay(name, failure=failure)


def _names(monitor: MonitorServiceStub, wanted: prediction_log_pb2.ListPredictionsRequest) -> Iterator[str]:
    request = prediction_log_pb2.ListPredictionsRequest()
    request.CopyFrom(wanted)
    request.page_size = _PAGE
    while True:
        page = monitor.ListPredictions(request)
        yield from (each.name for each in page.predictions)
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
