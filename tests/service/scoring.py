"""A real scorer on a real port, fed by a fake registry, for the length of a `with` block."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import grpc

from counterfoil.client.channels import open_channel
from counterfoil.client.errors import CallError, call_error
from counterfoil.scorer.v1 import scorer_pb2, scorer_pb2_grpc
from counterfoil.types.v1 import feature_pb2, prediction_pb2
from services.scorer.adapters.loading import Registry
from services.scorer.app import SERVICE_NAME, App, build
from services.scorer.settings import Settings
from tests.bundles import SCHEMA
from tests.processes import free_port, wait_until_serving

APPLICATION: dict[str, float | str | None] = {
    "CODE_GENDER": "F",
    "AMT_CREDIT": 250_000.0,
    "EXT_SOURCE_2": None,
    "NAME_CONTRACT_TYPE": "Cash loans",
    "BURO_DAYS_CREDIT_MEAN": -500.0,
}


@dataclass
class Scorer:
    """A running scorer: its app, its address and a stub."""

    app: App
    address: str
    stub: scorer_pb2_grpc.ScorerServiceStub
    settings: Settings = field(repr=False)


@contextmanager
def scorer(
    folder: Path,
    registry: Registry,
    *,
    monitor_address: str = "",
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    spool_max_bytes: int = 1 << 28,
    serving: bool = True,
    model: str = "credit-default",
    challenger_alias: str = "",
    watch_seconds: float = 0.0,
    computing_threads: int = 0,
    failure_seconds: float = 1.0,
    metrics_address: str = "",
) -> Iterator[Scorer]:
    """Run a scorer with its state in `folder`; return once it serves, unless that is not to be waited for."""
    settings = Settings(
        scorer_address="127.0.0.1:0",
        monitor_address=monitor_address or f"127.0.0.1:{free_port()}",
        state_dir=folder,
        spool_max_bytes=spool_max_bytes,
        model=model,
        challenger_alias=challenger_alias,
        watch_seconds=watch_seconds,
        scorer_metrics_address=metrics_address,
    )
    app = build(
        settings,
        registry=registry,
        clock=clock,
        retry_seconds=0.05,
        seal_seconds=0.05,
        computing_threads=computing_threads,
        failure_seconds=failure_seconds,
    )
    app.server.start()
    address = f"127.0.0.1:{app.server.port}"
    try:
        if serving:
            wait_until_serving(address, SERVICE_NAME)
        with open_channel(address) as channel:
            yield Scorer(app, address, scorer_pb2_grpc.ScorerServiceStub(channel), settings)
    finally:
        app.server.stop()
        app.stop()


def ask(applicant_id: str = "", **fields: object) -> scorer_pb2.ScoreRequest:
    """Return a request for a decision about an applicant; `features` in its place are named features."""
    features = fields.pop("features", None)
    purpose = {"purpose": prediction_pb2.PURPOSE_DECISION}
    request = scorer_pb2.ScoreRequest(**(purpose | fields))  # type: ignore[arg-type]
    if isinstance(features, Mapping):
        request.subject.features.CopyFrom(feature_map(features))
    else:
        request.subject.applicant_id = applicant_id
    return request


def dense(values: Sequence[float], *, schema_digest: str = SCHEMA.digest) -> scorer_pb2.ScoreRequest:
    """Return a request for a decision about an applicant whose features are given by position."""
    vector = feature_pb2.DenseVector(schema_digest=schema_digest, values=values)
    return scorer_pb2.ScoreRequest(purpose=prediction_pb2.PURPOSE_DECISION, subject=scorer_pb2.Subject(vector=vector))


def batch(subjects: list[scorer_pb2.Subject], **fields: object) -> scorer_pb2.BatchScoreRequest:
    """Return a request for decisions about the subjects."""
    purpose = prediction_pb2.PURPOSE_DECISION
    return scorer_pb2.BatchScoreRequest(purpose=purpose, subjects=subjects, **fields)  # type: ignore[arg-type]


def answer_of(response: scorer_pb2.ScoreResponse) -> scorer_pb2.ScoreResponse:
    """Return the answer without what tells one prediction from another."""
    answer = scorer_pb2.ScoreResponse()
    answer.CopyFrom(response)
    for each in ("prediction", "create_time", "receipt"):
        answer.ClearField(each)
    return answer


def feature_map(features: Mapping[str, float | str | None]) -> feature_pb2.FeatureMap:
    """Return named features: numbers, categories, and None for what is missing."""
    message = feature_pb2.FeatureMap()
    for name, value in features.items():
        if value is None:
            message.features[name].missing.SetInParent()
        elif isinstance(value, str):
            message.features[name].category = value
        else:
            message.features[name].number = value
    return message


def failure(call: Callable[[], object]) -> CallError:
    """Return the error that the call ends with."""
    try:
        call()
    except grpc.RpcError as error:
        return call_error(error)
    raise AssertionError("the call succeeded")


def at_once(count: int, call: Callable[[int], object]) -> list[object]:
    """Run the call so many times on as many threads, all released at the same moment, and return what they return."""
    results: list[object] = [None] * count
    gate = threading.Barrier(count)

    def run(place: int) -> None:
        gate.wait()
        results[place] = call(place)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
