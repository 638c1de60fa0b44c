"""The process of one job: `python -m services.trainer.job JOB_ID ATTEMPT`."""

import os
import sys

from services.trainer.kinds import DATASET
from services.trainer.settings import Settings
from shared.jobs.child import JobContext, guard_parent, run_child
from shared.jobs.store import JobStore
from shared.logs import configure
from shared.mlflow_store import quieten
from shared.settings import read_settings


def main() -> int:
    """Do the job that the arguments name, by the settings of the environment; return the exit code."""
    guard_parent()
    settings = read_settings(Settings, os.environ)
    configure("trainer-job", settings.log_level)
    quieten()
    return run_child(JobStore(settings.job_store_url), sys.argv[1:], lambda context: work(settings, context))


def work(settings: Settings, context: JobContext) -> str:
    """Do the job's work and return its result as JSON."""
    context.report(0.01, "starting")
    # Imported here: either takes seconds, which are better shown as a stage, and neither needs the other's libraries.
    if context.job.kind == DATASET:
        from services.trainer.dataset_job import make_dataset

        return make_dataset(settings, context)
    from services.trainer.training_job import train

    return train(settings, context)


if __name__ == "__main__":
    sys.exit(main())
