"""Putting the log's small files together, in a job's process, and asking for such a job once a day."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.monitor.adapters.compaction import compact_ledger, compact_projection, delete_superseded
from services.monitor.adapters.folder_lock import FolderLock
from services.monitor.adapters.locations import LEDGER, PROJECTIONS, Location, tables_below
from services.monitor.adapters.log_store import LogStore, store_at
from services.monitor.settings import Settings
from shared.errors import Unavailable
from shared.jobs.child import JobContext
from shared.jobs.store import JobStore
from shared.logs import log_event
from shared.repeating import Repeating

KIND = "compaction"
_LOOKS_EVERY_S = 600.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compactor:
    """What a compaction works on; `lock` keeps the projector from a table that is being rearranged."""

    store: LogStore
    projections: Location
    lock: FolderLock

    def compact(self, context: JobContext) -> str:
        """Put together what lies in small files, delete what was superseded long ago; return how many as JSON."""
        now = context.job.create_time
        context.report(0.0, "putting files of the ledger together")
        replaced, deleted = compact_ledger(self.store, now), delete_superseded(self.store, LEDGER)
        for model, version in tables_below(self.projections):
            name = f"{PROJECTIONS}/{model}/{version}"
            context.report(0.5, f"putting files of {name} together")
            with self.lock.held():
                replaced += compact_projection(self.store, name, now)
                deleted += delete_superseded(self.store, name)
        return json.dumps({"files_replaced": replaced, "files_deleted": deleted})


def build_compactor(settings: Settings) -> Compactor:
    """Return the compactor of a process that was started with these settings."""
    return Compactor(store_at(settings.log), settings.projections, FolderLock(settings.projection_lock))


class DailyCompaction:
    """A thread that asks for a compaction on each day that has none yet, soon after midnight UTC or the start."""

    def __init__(
        self, store: JobStore, wake: Callable[[], None], *, clock: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._store = store
        self._wake = wake
        self._clock = clock
        self._new_id = new_id
        self._thread = Repeating(self._look, every_seconds=_LOOKS_EVERY_S, name="compaction")

    def start(self) -> None:
        """Begin to look at the day."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a job under way is the runner's."""
        self._thread.stop()

    def ask(self) -> bool:
        """Ask for today's compaction unless there was one, and return whether it was asked for."""
        jobs, _ = self._store.list(kind=KIND, page_size=1)
        if jobs and jobs[0].create_time.date() >= self._clock().date():
            return False
        self._store.create(id=f"co-{self._new_id()}", kind=KIND, payload="{}", caller="monitor")
        self._wake()
        return True

    def _look(self) -> None:
        try:
            self.ask()
        except Unavailable as error:
            log_event(_logger, "compaction is asked for later", reason=error.reason)
