"""Running a server until the process is told to stop."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.logs import log_event
from shared.rpc.server import RpcServer

_LOGGER = logging.getLogger("counterfoil.rpc")
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_DRAINED = b"\0"


@contextmanager
def _stop_pipe() -> Iterator[tuple[int, int]]:
    """Give a pipe in which a byte arrives for each SIGTERM or SIGINT, whichever thread it interrupts.

    A handler that sets an Event could interrupt the very thread that holds the Event's lock, and hang.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    previous = {number: signal.signal(number, lambda _number, _frame: None) for number in _SIGNALS}
    previous_descriptor = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading, writing
    finally:
        signal.set_wakeup_fd(previous_descriptor)
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def serve(server: RpcServer, on_stop: Callable[[], None]) -> None:
    """Start the server, answer until SIGTERM or SIGINT, drain it within its grace, then call `on_stop`.

    A second signal cancels what is still running; from then on a third one ends the process at once. Must be called
    on the main thread, since Python delivers signals there.
    """
    with _stop_pipe() as (reading, writing):
        server.start()
        log_event(_LOGGER, "serving", port=server.port, pid=os.getpid())
        received = os.read(reading, 1)
        log_event(_LOGGER, "stopping", signal=signal.Signals(received[0]).name)
        _drain(server, reading, writing)
    on_stop()
    log_event(_LOGGER, "stopped")


def _drain(server: RpcServer, reading: int, writing: int) -> None:
    """Return when every call has ended, or was cancelled by a second signal."""

    def stop() -> None:
        """Drain, and tell that it is done."""
        server.stop()
        os.write(writing, _DRAINED)

    draining = threading.Thread(target=stop, name="drain", daemon=True)
    draining.start()
    if os.read(reading, 1) != _DRAINED:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        log_event(_LOGGER, "stopping at once")
        server.stop(grace_seconds=0)
    draining.join()
