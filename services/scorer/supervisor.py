"""Several worker processes on one port: started, pinned, restarted when they die, and drained together."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from prometheus_client.multiprocess import mark_process_dead

from services.scorer.metrics import FOLDER_VARIABLE, figures_of_workers
from services.scorer.settings import Settings
from shared.errors import Precondition
from shared.logs import log_event
from shared.metrics import serve_metrics
from shared.settings import environment_of

COMMAND: Final = (sys.executable, "-m", "services.scorer")
EXIT_UNUSABLE: Final = 2
POLL_SECONDS: Final = 0.2
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, STEADY_SECONDS = 0.5, 30.0, 60.0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_LOGGER = logging.getLogger("counterfoil.scorer.supervisor")


@dataclass
class _Worker:
    """One place of a worker, and the process that has it; `pause` is how long to wait once it died."""

    number: int
    environment: Mapping[str, str]
    core: int | None
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    pause: float = FIRST_PAUSE_SECONDS
    start_at: float = field(default=0.0)

    def start(self) -> None:
        """Start the process; its stdin closes when this process dies, which ends it, too."""
        self.process = subprocess.Popen(COMMAND, env=self.environment, stdin=subprocess.PIPE, start_new_session=True)
        self.started = time.monotonic()
        if self.core is not None:
            os.sched_setaffinity(self.process.pid, {self.core})

    def signal(self, number: int) -> None:
        """Send the signal, if the process runs."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)


class Supervisor:
    """Keeps so many workers running until SIGTERM or SIGINT, which it passes on. It runs on the main thread."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], room: Path) -> None:
        """`room` is a folder that nobody else may enter, for the workers' private sockets."""
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._workers = [
            _Worker(
                number, _environment(settings, environ, room, number), cores[number % len(cores)] if cores else None
            )
            for number in range(settings.scorer_workers)
        ]
        self._room = room
        # A plain mark: a handler must not wait for a lock that the interrupted thread may hold.
        self._stopping = False

    def run(self) -> int:
        """Return the exit code: 0 once all are drained, 2 if one says that it cannot start with these settings."""
        previous = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        code = 0
        try:
            while not self._stopping and code == 0:
                code = max(self._look_after(worker) for worker in self._workers)
                time.sleep(POLL_SECONDS)
        finally:
            self._drain()
            for number, handler in previous.items():
                signal.signal(number, handler)
        return code

    def _stop(self, number: int, _frame: object) -> None:
        """Pass the signal on: the first drains a worker, the second ends it at once."""
        self._stopping = True
        for worker in self._workers:
            worker.signal(number)

    def _look_after(self, worker: _Worker) -> int:
        """Start a worker that does not run, after a pause that doubles while it keeps dying; return 2 to give up."""
        now = time.monotonic()
        if worker.process is None:
            if now >= worker.start_at:
                worker.start()
            return 0
        code = worker.process.poll()
        if code is None:
            return 0
        if code == EXIT_UNUSABLE:
            return EXIT_UNUSABLE
        mark_process_dead(worker.process.pid, str(_figures(self._room)))  # type: ignore[no-untyped-call]
        steady = now - worker.started > STEADY_SECONDS
        worker.pause = FIRST_PAUSE_SECONDS if steady else min(2 * worker.pause, LONGEST_PAUSE_SECONDS)
        log_event(_LOGGER, "worker died", worker=worker.number, exit_code=code, restart_in=worker.pause)
        worker.process, worker.start_at = None, now + worker.pause
        return 0

    def _drain(self) -> None:
        """Return when every worker has ended."""
        if not self._stopping:
            self._stop(signal.SIGTERM, None)
        for worker in self._workers:
            if worker.process is not None:
                worker.process.wait()


def supervise(settings: Settings, environ: Mapping[str, str]) -> int:
    """Run the workers and return the exit code. Raises Precondition (ADDRESS_IN_USE) if others have the port."""
    _refuse_taken_port(settings.scorer_address)
    with TemporaryDirectory(prefix="counterfoil-scorer-") as room:
        figures = _figures(Path(room))
        figures.mkdir()
        metrics = serve_metrics(
            figures_of_workers(figures), settings.scorer_metrics_address, setting="scorer_metrics_address"
        )
        try:
            return Supervisor(settings, environ, Path(room)).run()
        finally:
            if metrics is not None:
                metrics.stop()


def follow_supervisor() -> None:
    """End this worker as SIGTERM does when the supervisor dies: then its stdin closes."""

    def wait() -> None:
        """Read to the end."""
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="supervisor guard", daemon=True).start()


def _environment(settings: Settings, environ: Mapping[str, str], room: Path, number: int) -> dict[str, str]:
    told = {
        "COUNTERFOIL_SCORER_WORKER": str(number),
        "COUNTERFOIL_SCORER_ROOM": str(room),
        FOLDER_VARIABLE: str(_figures(room)),
    }
    return {**environ, **environment_of(settings), **told}


def _figures(room: Path) -> Path:
    return room / "figures"


def _refuse_taken_port(address: str) -> None:
    """Raise Precondition if anybody listens there: workers share the port, and would share it with strangers."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            raise Precondition(
                f"cannot listen on {address} ({error.strerror}); stop the other process or set another "
                "COUNTERFOIL_SCORER_ADDRESS",
                reason="ADDRESS_IN_USE",
            ) from error


def is_supervisor(settings: Settings) -> bool:
    """Return whether this process is to start workers instead of answering itself."""
    return settings.scorer_workers > 1 and settings.scorer_worker is None
