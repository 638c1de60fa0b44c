"""The monitor as a process: `python -m services.monitor`."""

import os
import sys

from services.monitor.app import build
from services.monitor.settings import Settings
from shared.errors import CounterfoilError
from shared.logs import configure
from shared.rpc.serving import serve
from shared.settings import read_settings


def main() -> int:
    """Serve until SIGTERM or SIGINT and return 0; return 2 after one line on stderr if it cannot start."""
    try:
        settings = read_settings(Settings, os.environ)
        configure("monitor", settings.log_level)
        app = build(settings)
    except CounterfoilError as error:
        sys.stderr.write(f"error: {error.message} ({error.reason})\n")
        return 2
    serve(app.server, app.stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
