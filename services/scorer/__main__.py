"""Run the scorer: `python -m services.scorer`, configured by COUNTERFOIL_* variables."""

import os
import sys

# LightGBM and MLflow import these where they find them, which takes seconds and 200 MB; the scorer's image has none of
# them, and a checkout with every extra must behave as the image does.
for _left_out in ("pandas", "sklearn", "matplotlib", "shap", "evidently"):
    sys.modules.setdefault(_left_out, None)  # type: ignore[arg-type]  # None is Python's mark for "not importable"
# One thread scores; OpenMP's own would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Whoever polls for calls then reads from the sockets, too, instead of being woken by another thread that does.
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_listener")

from services.scorer.app import build  # noqa: E402
from services.scorer.process import prefer_throughput  # noqa: E402
from services.scorer.settings import Settings  # noqa: E402
from services.scorer.supervisor import follow_supervisor, is_supervisor, supervise  # noqa: E402
from shared.errors import CounterfoilError  # noqa: E402
from shared.logs import configure  # noqa: E402
from shared.rpc.serving import serve  # noqa: E402
from shared.settings import read_settings  # noqa: E402


def main() -> int:
    """Serve until SIGTERM or SIGINT and return the exit code: 0, or 2 if the scorer could not start."""
    try:
        settings = read_settings(Settings, os.environ)
        configure("scorer", settings.log_level)
        if is_supervisor(settings):
            return supervise(settings, os.environ)
        if settings.scorer_worker is not None:
            follow_supervisor()
        prefer_throughput()
        app = build(settings)
    except CounterfoilError as error:
        print(f"error: {error.message} ({error.reason})", file=sys.stderr)  # noqa: T201  a process's last words
        return 2
    serve(app.server, app.stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
