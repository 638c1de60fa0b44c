"""Changes of versions, aliases and data sets that have to be kept apart from each other."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from services.trainer.domain.governance import (
    CHAMPION,
    AliasWish,
    check_dataset_deletable,
    check_etag,
    check_reason,
    check_version_deletable,
    demote,
    promote,
)
from services.trainer.domain.rethresholding import rethreshold
from services.trainer.domain.versions import ModelVersion, ThresholdWish, VersionRegistry
from services.trainer.finished import FinishedDataset, finished_dataset
from services.trainer.kinds import DATASET, TRAINING
from services.trainer.training_messages import plan_from_payload
from shared.bundle.dataset import StandIn
from shared.errors import NotFound, Precondition
from shared.jobs.store import Job, JobStore
from shared.rpc.caller import UNVERIFIED


@dataclass(frozen=True)
class Stewardship:
    """Looks after what is registered. `changing` is held while one thing is checked and changed.

    Whoever else makes something depend on a version or a data set must hold it meanwhile.
    """

    store: JobStore
    versions: Callable[[], VersionRegistry]
    clock: Callable[[], datetime]
    changing: threading.Lock

    def promote(self, wish: AliasWish) -> ModelVersion:
        """Point an alias to a version and return it as it is then; raises as `governance.promote` does."""
        registry = self.versions()
        with self.changing:
            authors = self._authors(registry.get(wish.model, str(wish.version)))
            promote(registry, wish, authors=authors, time=self.clock())
            return registry.get(wish.model, str(wish.version))

    def demote(self, wish: AliasWish) -> ModelVersion:
        """Take an alias from a version and return it as it is then; raises as `governance.demote` does."""
        registry = self.versions()
        with self.changing:
            demote(registry, wish, time=self.clock())
            return registry.get(wish.model, str(wish.version))

    def rethreshold(self, wish: ThresholdWish) -> ModelVersion:
        """Register another version's model with a threshold of its own; raises as `rethresholding.rethreshold` does."""
        registry = self.versions()
        with self.changing:
            return rethreshold(registry, wish, time=self.clock())

    def refresh_applicants(self, model: str, dataset: str, *, reason: str) -> StandIn:
        """Have scorers take applicants' features from a data set; it stands in for the champion's own.

        Raises NotFound, InvalidInput, and Precondition (DATASET_NOT_READY, NO_CHAMPION, DATASET_UNFIT).
        """
        check_reason(reason)
        registry = self.versions()
        with self.changing:
            champion = registry.get(model, CHAMPION)
            found = finished_dataset(self.store, dataset)
            self._check_fit(found, champion)
            told = StandIn(champion.dataset, found.reference)
            registry.write_stand_in(model, told)
        return told

    def _check_fit(self, dataset: FinishedDataset, champion: ModelVersion) -> None:
        # Where the trainer's database is another than at that time, the scorer alone can tell.
        with suppress(NotFound):
            trained = finished_dataset(self.store, champion.dataset)
            there = {fate.column for fate in dataset.result.columns}
            lacking = [fate.column for fate in trained.result.columns if fate.kept and fate.column not in there]
            if lacking:
                raise Precondition(
                    f"data set {dataset.id} lacks {len(lacking)} feature(s) of the champion's, such as {lacking[0]!r}; "
                    "make one of all tables, with the same set of features",
                    reason="DATASET_UNFIT",
                    metadata={"dataset": dataset.id, "feature": lacking[0]},
                )

    def delete_version(self, model: str, number: int, *, etag: str, reason: str) -> None:
        """Delete a version and its bundle; raises NotFound, InvalidInput, and Precondition where it has to be kept."""
        check_reason(reason)
        registry = self.versions()
        with self.changing:
            version = registry.get(model, str(number))
            check_etag(version, etag)
            check_version_deletable(version)
            registry.delete_version(version)

    def delete_dataset(self, dataset: str, *, reason: str) -> None:
        """Delete a data set and its files, also what an earlier try has left of one.

        Raises NotFound, InvalidInput, and Precondition where it is in use or has to be kept.
        """
        check_reason(reason)
        registry = self.versions()
        with self.changing:
            self._check_unused(self.store.get(dataset, kind=DATASET, with_deleted=True))
            check_dataset_deletable(dataset, registry.of_dataset(dataset), registry.stand_ins())
            # Marked first: what is half gone must not be trained on.
            self.store.delete(dataset)
            registry.delete_dataset(dataset)

    def _authors(self, version: ModelVersion) -> set[str]:
        """Return the verified callers that had the version, or the model in it, made, and whom they acted for."""
        authors = {version.creator, version.on_behalf_of}
        # Where the trainer's database is another than at that time, the version itself still names its creator.
        with suppress(NotFound):
            job = self.store.get(version.training_job, kind=TRAINING)
            authors |= {job.caller, plan_from_payload(job.payload).on_behalf_of}
        return authors - {"", UNVERIFIED}

    def _check_unused(self, job: Job) -> None:
        unended = [each.id for each in (job, *self.store.of_label(job.id)) if not each.state.ended]
        if unended:
            raise Precondition(
                f"{unended[0]} has not ended; wait for it, or cancel it, before its data set is deleted",
                reason="DATASET_IN_USE",
                metadata={"dataset": job.id, "job": unended[0]},
            )
