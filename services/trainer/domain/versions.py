"""Registered versions of models, as callers see them."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.trainer.domain.scored import Scored
from services.trainer.domain.threshold import Costs
from shared.bundle.dataset import StandIn
from shared.digests import digest_of


@dataclass(frozen=True)
class AliasMove:
    """That an alias was pointed to a version, or taken from it: who, why and when."""

    alias: str
    approver: str
    reason: str
    time: datetime
    removed: bool = False


@dataclass(frozen=True)
class ModelVersion:
    """One registered version; `dataset` and `training_job` are ids, `threshold` is a probability.

    `alias_moves` are those to and from this version, oldest first. `promotion_obstacle` is empty if it may be promoted.
    `scored` are the digests (SHA-256, hex) of the outcomes that its run keeps, by split. One whose model was taken from
    another version names that (`base_version`, else 0) and the `reason` for its threshold. `on_behalf_of` is whom the
    creator said that it acted for.
    """

    model: str
    version: int
    create_time: datetime
    classifier: str
    dataset: str
    training_job: str
    run_id: str
    aliases: tuple[str, ...]
    bundle_digest: str
    threshold: float
    metrics: Mapping[str, float]
    etag: str
    creator: str = ""
    alias_moves: tuple[AliasMove, ...] = ()
    promotion_obstacle: str = ""
    costs: Costs = field(default_factory=Costs)
    scored: Mapping[str, str] = field(default_factory=dict)
    base_version: int = 0
    reason: str = ""
    on_behalf_of: str = ""


@dataclass(frozen=True)
class Requested:
    """A version that a request has made, and the digest of what it asked for."""

    version: ModelVersion
    content: str


@dataclass(frozen=True)
class VersionRun:
    """The next versions of a model by number: at most `most` of those after `after` (None: from the first one on).

    An empty `classifier`, `dataset` (an id) or `alias` matches any.
    """

    most: int
    after: int | None = None
    ascending: bool = False
    classifier: str = ""
    dataset: str = ""
    alias: str = ""


@dataclass(frozen=True)
class ThresholdWish:
    """The wish for a version with the model of version `base` and a threshold of its own; `creator` is the caller."""

    model: str
    base: int
    threshold: float
    reason: str
    creator: str
    request_id: str = ""

    @property
    def request(self) -> str:
        """What the wish is known by when it is sent again; empty without a request_id."""
        return digest_of(json.dumps([self.creator, self.request_id]).encode()) if self.request_id else ""

    @property
    def content(self) -> str:
        """The digest of what is wished for."""
        return digest_of(json.dumps([self.model, self.base, self.threshold, self.reason]).encode())


def etag_of(aliases: Mapping[str, int], moves: int) -> str:
    """Return a tag that changes whenever an alias moves, also when it moves there and back again."""
    state = json.dumps([sorted(aliases.items()), moves])
    return hashlib.sha256(state.encode()).hexdigest()[:32]


class RunFiles(Protocol):
    """Where the files of runs are kept."""

    def sizes(self, run_id: str, folders: Sequence[str]) -> Mapping[str, int]:
        """Return the bytes of each file in the folders ("" is the run's own), by its name within the run."""
        ...

    def read(self, run_id: str, name: str, *, chunk_bytes: int) -> Iterator[bytes]:
        """Yield the content of a file that the run has."""
        ...


class VersionRegistry(Protocol):
    """Where versions and aliases are kept. Declared here because its only keeper takes seconds to import."""

    @property
    def files(self) -> RunFiles:
        """The files of the runs that made the versions."""
        ...

    def get(self, model: str, version_or_alias: str) -> ModelVersion:
        """Return one version; raises NotFound."""
        ...

    def of_model(self, model: str) -> Sequence[ModelVersion]:
        """Return every version of a model, newest first; raises NotFound."""
        ...

    def next_of_model(self, model: str, wanted: VersionRun) -> Sequence[ModelVersion]:
        """Return versions of a model in the order of their numbers, and read no others; raises NotFound."""
        ...

    def of_dataset(self, dataset: str) -> Sequence[ModelVersion]:
        """Return every version of any model that was trained on the data set of this id."""
        ...

    def of_request(self, request: str) -> Requested | None:
        """Return the newest version that was made under this digest of a request, None if there is none."""
        ...

    def stand_ins(self) -> Mapping[str, StandIn]:
        """Return what scorers were told last of data sets that stand in for others, by model."""
        ...

    def write_stand_in(self, model: str, stand_in: StandIn) -> None:
        """Tell scorers of the model which data set's applicants are scored in place of another's."""
        ...

    def scored(self, version: ModelVersion, split: str) -> Scored:
        """Return the outcomes that a version was judged on; raises Precondition OUTCOMES_NOT_STORED."""
        ...

    def register_rethresholded(self, base: ModelVersion, wish: ThresholdWish, metrics: Mapping[str, float]) -> int:
        """Register the base version's model with the threshold and the metrics it has there; return the number."""
        ...

    def write_move(self, version: ModelVersion, move: AliasMove) -> None:
        """Point the alias to the version, or take it away, write that down on the version, and change the etag."""
        ...

    def delete_version(self, version: ModelVersion) -> None:
        """Delete a version and the files of its bundle; its run stays."""
        ...

    def delete_dataset(self, dataset: str) -> None:
        """Delete a data set's experiment and the files of its splits; what is gone already is left alone."""
        ...

    def clear_up(self, experiment: str, job: str, *, cancelled: bool) -> None:
        """Close the runs that an ended job left open in the experiment and withdraw the versions they made."""
        ...
