"""What is done to the stored log as durable jobs, one at a time: erasures and compactions."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.monitor import compacting
from services.monitor.adapters.erasure_subjects import ErasureSubjects
from services.monitor.compacting import DailyCompaction
from services.monitor.erasing import KIND
from services.monitor.erasures import Erasures
from services.monitor.settings import Settings
from shared.database import Database
from shared.jobs.runner import JobRunner
from shared.jobs.store import JobStore
from shared.settings import environment_of

JOB_COMMAND = (sys.executable, "-m", "services.monitor.upkeep_job")
# Each attempt goes on where the one before was interrupted; an erasure that was promised must not be given up lightly.
_ATTEMPTS = 100


@dataclass(frozen=True)
class Upkeep:
    """The runner of the jobs, and what asks for them."""

    runner: JobRunner
    erasures: Erasures
    compaction: DailyCompaction

    def start(self) -> None:
        """Begin to run jobs and to ask for compactions."""
        self.runner.start()
        self.compaction.start()

    def stop(self) -> None:
        """End both; a job that is interrupted goes on at the next start."""
        self.compaction.stop()
        self.runner.stop()


def open_upkeep(
    settings: Settings, database: Database, *, clock: Callable[[], datetime], new_id: Callable[[], str]
) -> Upkeep:
    """Return the upkeep of these settings, its runner yet to be started; raises Unavailable if its store cannot be."""
    store = JobStore(settings.upkeep_url)
    environment = {**os.environ, **environment_of(settings)}
    runner = JobRunner(
        store, command=JOB_COMMAND, environment=environment, attempts={KIND: _ATTEMPTS, compacting.KIND: _ATTEMPTS}
    )
    erasures = Erasures(store, ErasureSubjects(database), runner.wake, lambda: f"er-{new_id()}")
    compaction = DailyCompaction(store, runner.wake, clock=clock, new_id=new_id)
    return Upkeep(runner, erasures, compaction)
