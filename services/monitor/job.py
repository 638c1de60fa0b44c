"""A drift report's process: `python -m services.monitor.job JOB_ID ATTEMPT`, started by the monitor's job runner.

It alone imports Evidently, which takes seconds and hundreds of megabytes.
"""

import os
import sys

from shared.jobs.child import guard_parent
from shared.mlflow_store import quieten

# Before the imports that take seconds: the monitor may die meanwhile, and MLflow reads its variables.
if __name__ == "__main__":
    guard_parent()
    quieten()

from services.monitor.adapters.evidently_comparer import EvidentlyComparer
from services.monitor.reporting import run
from services.monitor.settings import Settings
from shared.settings import read_settings

if __name__ == "__main__":
    sys.exit(run(read_settings(Settings, os.environ), sys.argv[1:], EvidentlyComparer()))
