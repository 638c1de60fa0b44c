"""A service for the tests: a runner that works until its stdin closes. `python -m tests.unit.jobs.parent_program`."""

import os
import sys

from shared.jobs.runner import JobRunner
from shared.jobs.store import JobStore


def main() -> None:
    """Run the jobs of the store that JOBS_URL names."""
    store = JobStore(os.environ["JOBS_URL"])
    command = [sys.executable, "-m", "tests.unit.jobs.child_program"]
    runner = JobRunner(store, command=command, environment=os.environ)
    runner.start()
    sys.stdin.read()
    runner.stop()


if __name__ == "__main__":
    main()
