"""The trainer as a process: `python -m services.trainer`."""

import os
import sys

from services.trainer.app import build
from services.trainer.settings import Settings
from shared.errors import CounterfoilError
from shared.logs import configure
from shared.rpc.serving import serve
from shared.settings import read_settings

_CANNOT_START = 2


def main() -> int:
    """Serve until SIGTERM or SIGINT and return 0, or 2 after one line on stderr that says why it cannot start."""
    try:
        settings = read_settings(Settings, os.environ)
        configure("trainer", settings.log_level)
        app = build(settings)
    except CounterfoilError as error:
        sys.stderr.write(f"error: {error.message} ({error.reason})\n")
        return _CANNOT_START
    serve(app.server, app.stop)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # A thread may still import MLflow, which the interpreter's own end would wait for; all else is closed by now.
    os._exit(code)
