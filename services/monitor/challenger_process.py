"""A comparison's process, started for one answer: `python -m services.monitor.challenger_process ASKED FILE`.

It alone loads models. It writes the comparison, or the error that it ended with, into the file as JSON.
"""

import os
import sys
from pathlib import Path

from shared.jobs.child import guard_parent
from shared.mlflow_store import quieten

# Before the imports that take seconds: the monitor may die meanwhile, and MLflow reads its variables.
if __name__ == "__main__":
    guard_parent()
    quieten()

from services.monitor.adapters.challenging import Challenging
from services.monitor.adapters.database import open_database
from services.monitor.adapters.outcome_table import OutcomeTable
from services.monitor.domain.challenger import AskedComparison, error_to_json
from services.monitor.settings import Settings
from shared.bundle.registry import ModelRegistry
from shared.database import utc_now
from shared.errors import CounterfoilError
from shared.logs import configure
from shared.settings import read_settings

EXIT_COMPARED, EXIT_REFUSED = 0, 1


def main(asked: str, answer: Path) -> int:
    """Write what comes of a wish into a file; return 0 for a comparison, 1 for an error that the caller can act on."""
    try:
        settings = read_settings(Settings, os.environ)
        configure("monitor-challenger", settings.log_level)
        challenging = Challenging(
            ModelRegistry(settings.mlflow_uri, cache=settings.cache_folder),
            settings.projections,
            OutcomeTable(open_database(settings.database_url), utc_now),
        )
        comparison = challenging.compare(AskedComparison.from_json(asked))
    except CounterfoilError as error:
        answer.write_text(error_to_json(error.reason, error.message, error.metadata), encoding="utf-8")
        return EXIT_REFUSED
    answer.write_text(comparison.to_json(), encoding="utf-8")
    return EXIT_COMPARED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
