"""The process of a job that changes what is stored of the log: `python -m services.monitor.upkeep_job JOB_ID ATTEMPT`.

Jobs of this kind run one at a time: Delta would let two of them replace the same file.
"""

import os
import sys

from services.monitor import compacting, erasing
from services.monitor.settings import Settings
from shared.jobs.child import JobContext, guard_parent, run_child
from shared.jobs.store import JobStore
from shared.logs import configure
from shared.settings import read_settings


def main() -> int:
    """Do the job and return the process's exit code."""
    guard_parent()
    settings = read_settings(Settings, os.environ)
    configure("monitor-upkeep", settings.log_level)
    return run_child(JobStore(settings.upkeep_url), sys.argv[1:], lambda context: _work(settings, context))


def _work(settings: Settings, context: JobContext) -> str:
    if context.job.kind == compacting.KIND:
        return compacting.build_compactor(settings).compact(context)
    return erasing.build_eraser(settings).erase(context)


if __name__ == "__main__":
    sys.exit(main())
