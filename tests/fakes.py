"""Real fakes: they keep the promises of what they stand for, without its disk, database or network."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import grpc

from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.types.v1 import prediction_pb2
from services.trainer.domain.hyperparameters import HyperparameterValue
from services.trainer.domain.scored import Scored
from services.trainer.domain.trials import Trial
from services.trainer.domain.versions import (
    AliasMove,
    ModelVersion,
    Requested,
    RunFiles,
    ThresholdWish,
    VersionRun,
    etag_of,
)
from shared.bundle.dataset import DatasetReference, StandIn
from shared.bundle.manifest import BundleRejected
from shared.bundle.registry import RegisteredVersion
from shared.errors import CounterfoilError, NotFound, Precondition
from shared.prediction_record.chain import verify_segment
from tests.bundles import TinyBundle


@dataclass
class RememberedStudy:
    """A study of trials in memory, which draws what it was given, in order and then from the first again."""

    draws: Sequence[Mapping[str, HyperparameterValue]] = ()
    trials: list[Trial] = field(default_factory=list)

    def finished(self) -> Sequence[Trial]:
        """Return the trials that were added."""
        return tuple(self.trials)

    def add(self, trial: Trial) -> None:
        """Remember the trial."""
        self.trials.append(trial)

    def draw(self, finished: Sequence[Trial]) -> Mapping[str, HyperparameterValue]:
        """Return the draw whose turn it is."""
        return self.draws[len(finished) % len(self.draws)]


@dataclass
class FakeRegistry:
    """A registry of tiny bundles in memory. While `failure` is set, every call raises it but for what was fetched."""

    versions: dict[tuple[str, int], TinyBundle] = field(default_factory=dict)
    aliases: dict[tuple[str, str], int] = field(default_factory=dict)
    failure: CounterfoilError | None = None
    fetched: set[str] = field(default_factory=set)
    folders: dict[str, Path] = field(default_factory=dict)
    applicants: StandIn | None = None
    refreshed: TinyBundle | None = None

    def register(self, bundle: TinyBundle, *, alias: str = "") -> int:
        """Add a version of the bundle's model, give it the alias if there is one, and return its number."""
        model = bundle.contents.model_name
        version = 1 + sum(name == model for name, _ in self.versions)
        self.versions[model, version] = bundle
        if alias:
            self.aliases[model, alias] = version
        return version

    def resolve(self, model: str, version_or_alias: str) -> RegisteredVersion:
        """Return the version of that number or alias."""
        self._fail()
        if not any(name == model for name, _ in self.versions):
            raise NotFound(f"promote one: `counterfoil model promote {model}/VERSION`", reason="MODEL_NOT_FOUND")
        if version_or_alias.isdigit():
            number = int(version_or_alias)
        elif (model, version_or_alias) in self.aliases:
            number = self.aliases[model, version_or_alias]
        else:
            raise Precondition(f"run `counterfoil model promote {model}/VERSION`", reason="NO_CHAMPION")
        if (model, number) not in self.versions:
            raise NotFound(f"{model} has no version {number}", reason="MODEL_VERSION_NOT_FOUND")
        return RegisteredVersion(model, number, "0" * 32, self.versions[model, number].digest)

    def refresh(self, bundle: TinyBundle, *, instead_of: TinyBundle) -> None:
        """Let the data set of a bundle stand in for that of another."""
        self.refreshed = bundle
        self.applicants = StandIn(instead_of.contents.dataset.id, bundle.contents.dataset)

    def stand_in(self, model: str) -> StandIn | None:  # noqa: ARG002  # the Protocol gives the parameter
        """Return what stands in."""
        self._fail()
        return self.applicants

    def fetch_bundle(self, version: RegisteredVersion) -> Path:
        """Return the folder of the version's bundle."""
        self._fetch(version.bundle_digest)
        if version.bundle_digest not in self.folders:
            registered = self.versions.get((version.model, version.version))
            if registered is None:
                raise BundleRejected("its files are gone from MLflow")
            self.folders[version.bundle_digest] = registered.folder
        return self.folders[version.bundle_digest]

    def fetch_split(self, dataset: DatasetReference, split: str) -> Path:
        """Return the Parquet file of the split."""
        self._fetch(dataset.splits[split].digest)
        for bundle in (*self.versions.values(), *([self.refreshed] if self.refreshed else [])):
            if bundle.contents.dataset == dataset:
                return bundle.splits[split]
        raise Precondition(f"the {split} split is gone", reason="SPLIT_REJECTED")

    def _fetch(self, digest: str) -> None:
        """Keep what is fetched, as the real one's cache does."""
        if digest not in self.fetched:
            self._fail()
        self.fetched.add(digest)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


class FakeVersions:
    """A VersionRegistry of one model in memory; what was deleted is in `deleted`, data sets by id.

    `outcomes` are what every version was judged on, by split. What is registered anew is made at `now`.
    """

    def __init__(
        self,
        versions: Iterable[ModelVersion],
        aliases: Mapping[str, int] | None = None,
        outcomes: Mapping[str, Scored] | None = None,
    ) -> None:
        self.outcomes = outcomes or {}
        self.now = datetime(2026, 1, 2, tzinfo=UTC)
        self.standing_in: dict[str, StandIn] = {}
        self._requests: dict[str, tuple[int, str]] = {}
        self._versions = {version.version: version for version in versions}
        self._aliases = dict(aliases or {})
        self._moves = 0
        self.deleted: list[int | str] = []

    @property
    def files(self) -> RunFiles:
        """No files: nothing here was trained."""
        raise NotFound("no run has left a file", reason="ARTIFACT_NOT_FOUND")

    def add(self, version: ModelVersion) -> None:
        """Register a version."""
        self._versions[version.version] = version

    def get(self, model: str, version_or_alias: str) -> ModelVersion:
        """Return the version of that number or alias."""
        number = int(version_or_alias) if version_or_alias.isdigit() else self._aliases.get(version_or_alias, 0)
        if number not in self._versions:
            raise NotFound(f"{model} has no version {version_or_alias}", reason="MODEL_VERSION_NOT_FOUND")
        return self._told(self._versions[number])

    def of_model(self, model: str) -> list[ModelVersion]:
        """Return every version, newest first, whatever the model."""
        return [self.get(model, str(number)) for number in sorted(self._versions, reverse=True)]

    def next_of_model(self, model: str, wanted: VersionRun) -> list[ModelVersion]:
        """Return the next versions by number."""
        sign = 1 if wanted.ascending else -1
        matching = [
            each
            for each in sorted(self.of_model(model), key=lambda each: sign * each.version)
            if wanted.classifier in {"", each.classifier}
            and wanted.dataset in {"", each.dataset}
            and (not wanted.alias or wanted.alias in each.aliases)
            and (wanted.after is None or sign * each.version > sign * wanted.after)
        ]
        return matching[: wanted.most]

    def of_dataset(self, dataset: str) -> list[ModelVersion]:
        """Return the versions of a data set."""
        return [each for each in self.of_model("") if each.dataset == dataset]

    def of_request(self, request: str) -> Requested | None:
        """Return the newest version that the request made."""
        if request not in self._requests:
            return None
        number, content = self._requests[request]
        return Requested(self.get("", str(number)), content)

    def scored(self, version: ModelVersion, split: str) -> Scored:
        """Return the outcomes of a split."""
        if split not in version.scored or split not in self.outcomes:
            raise Precondition(f"no outcomes of {split} are kept", reason="OUTCOMES_NOT_STORED")
        return self.outcomes[split]

    def register_rethresholded(self, base: ModelVersion, wish: ThresholdWish, metrics: Mapping[str, float]) -> int:
        """Add a version with the base version's model."""
        number = max(self._versions) + 1
        self._versions[number] = replace(
            base,
            version=number,
            create_time=self.now,
            threshold=wish.threshold,
            metrics=metrics,
            creator=wish.creator,
            base_version=base.version,
            reason=wish.reason,
            alias_moves=(),
        )
        if wish.request:
            self._requests[wish.request] = (number, wish.content)
        return number

    def write_stand_in(self, model: str, stand_in: StandIn) -> None:
        """Remember which data set stands in."""
        self.standing_in[model] = stand_in

    def stand_ins(self) -> dict[str, StandIn]:
        """Return which data sets stand in."""
        return self.standing_in

    def write_move(self, version: ModelVersion, move: AliasMove) -> None:
        """Point the alias, or take it away, and remember the move."""
        self._moves += 1
        known = self._versions[version.version]
        self._versions[version.version] = replace(known, alias_moves=(*known.alias_moves, move))
        if move.removed:
            del self._aliases[move.alias]
        else:
            self._aliases[move.alias] = version.version

    def delete_version(self, version: ModelVersion) -> None:
        """Forget the version."""
        del self._versions[version.version]
        self.deleted.append(version.version)

    def delete_dataset(self, dataset: str) -> None:
        """Remember that it was deleted."""
        self.deleted.append(dataset)

    def clear_up(self, experiment: str, job: str, *, cancelled: bool) -> None:
        """Leave everything: nothing here was left open."""

    def _told(self, version: ModelVersion) -> ModelVersion:
        aliases = tuple(sorted(alias for alias, number in self._aliases.items() if number == version.version))
        return replace(version, aliases=aliases, etag=etag_of(self._aliases, self._moves))


class FakeMonitor:
    """Takes segments as the monitor does: verified, in order, each once. While `refusal` is set it answers that."""

    def __init__(self) -> None:
        self.segments: list[prediction_pb2.Segment] = []
        self.refusal: grpc.StatusCode | None = None
        self.attempts = 0
        self._news = threading.Condition()
        self._answering = threading.Event()
        self._answering.set()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Answer nothing for the length of a `with` block."""
        self._answering.clear()
        try:
            yield
        finally:
            self._answering.set()

    def ingest_predictions(
        self, request: monitor_pb2.IngestPredictionsRequest, context: grpc.ServicerContext
    ) -> monitor_pb2.IngestPredictionsResponse:
        """Keep the segment, or refuse it."""
        segment = request.segment
        with self._news:
            self.attempts += 1
            self._news.notify_all()
        self._answering.wait()
        with self._news:
            if self.refusal is not None:
                context.abort(self.refusal, "refused by the test")
            verify_segment(segment)
            known = any(each.number == segment.number for each in self.segments)
            if not known:
                assert segment.number == len(self.segments) + 1, "a gap in the numbers"
                self.segments.append(segment)
                self._news.notify_all()
        return monitor_pb2.IngestPredictionsResponse(
            instance=segment.instance, number=segment.number, already_stored=known
        )

    @property
    def records(self) -> list[prediction_pb2.PredictionRecord]:
        """Every record that arrived, in order."""
        return [record for segment in self.segments for record in segment.records]

    @property
    def decisions(self) -> list[prediction_pb2.DecisionPart]:
        """The decision part of every answer that arrived, in order; records of failures are none."""
        parts = [prediction_pb2.DecisionPart.FromString(record.decision_part) for record in self.records]
        return [part for part in parts if not part.HasField("failures")]

    def wait_for_records(self, count: int, timeout_s: float = 20.0) -> None:
        """Return as soon as so many records have arrived."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.records) >= count, timeout_s), "the records did not arrive"

    def wait_for_attempts(self, count: int, timeout_s: float = 20.0) -> None:
        """Return as soon as so many calls have come in."""
        with self._news:
            assert self._news.wait_for(lambda: self.attempts >= count, timeout_s), "the calls did not come"


@contextmanager
def monitor_server(monitor: FakeMonitor, address: str = "127.0.0.1:0") -> Iterator[str]:
    """Serve the fake on a real port and give its address."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    ingest = grpc.unary_unary_rpc_method_handler(
        monitor.ingest_predictions,
        request_deserializer=monitor_pb2.IngestPredictionsRequest.FromString,
        response_serializer=monitor_pb2.IngestPredictionsResponse.SerializeToString,
    )
    service = monitor_pb2.DESCRIPTOR.services_by_name["MonitorService"].full_name
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"IngestPredictions": ingest}),))
    port = server.add_insecure_port(address)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()
