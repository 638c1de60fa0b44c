"""What is done to the stored log as durable jobs, one at a time: so far erasures."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from services.monitor.adapters.erasure_subjects import ErasureSubjects
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


def open_upkeep(settings: Settings, database: Database, new_id: Callable[[], str]) -> Upkeep:
    """Return the upkeep of these settings, its runner yet to be started; raises Unavailable if its store cannot be."""
    store = JobStore(settings.upkeep_url)
    environment = {**os.environ, **environment_of(settings)}
    runner = JobRunner(store, command=JOB_COMMAND, environment=environment, attempts={KIND: _ATTEMPTS})
    erasures = Erasures(store, ErasureSubjects(database), runner.wake, lambda: f"er-{new_id()}")
    return Upkeep(runner, erasures)
