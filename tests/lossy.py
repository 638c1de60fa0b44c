"""A link between two processes that breaks at random, as networks do: in the middle of a message, if need be."""

import random
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK_BYTES = 16 * 1024
# What goes through a connection, both ways together, before it is cut: from 2 KiB to 16 MiB, each doubling as likely,
# so that the first message of one may break off and a large one gets through in the end.
_LEAST_BYTES, _DOUBLINGS = 2_048, 14


class LossyLink:
    """A TCP proxy on a port of its own; `cuts` counts the connections that it broke."""

    def __init__(self, target: str, *, seed: int) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._chance = random.Random(seed)  # noqa: S311  # it chooses when to cut and guards nothing
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        self._heals = False
        threading.Thread(target=self._accept, name="lossy link", daemon=True).start()

    def heal(self) -> None:
        """Cut no connection that is made from now on."""
        self._heals = True

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(self._target, timeout=10)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        left = sys.maxsize if self._heals else _LEAST_BYTES << self._chance.randrange(_DOUBLINGS)
        connection = _Connection(near, far, left)
        other = threading.Thread(target=connection.pump, args=(far, near), daemon=True)
        other.start()
        connection.pump(near, far)
        other.join()
        self.cuts += connection.left <= 0


class _Connection:
    """Two sockets and how many bytes may still pass between them."""

    def __init__(self, near: socket.socket, far: socket.socket, left: int) -> None:
        self._sockets = (near, far)
        self._lock = threading.Lock()
        self.left = left

    def pump(self, source: socket.socket, sink: socket.socket) -> None:
        """Carry bytes until the source ends or no more may pass; then both ends are closed, whatever was under way."""
        with suppress(OSError):  # an end that broke off
            while chunk := source.recv(_CHUNK_BYTES):
                with self._lock:
                    passing = chunk[: max(self.left, 0)]
                    self.left -= len(chunk)
                sink.sendall(passing)
                if self.left <= 0:
                    break
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextmanager
def lossy_link(target: str, *, seed: int) -> Iterator[LossyLink]:
    """Run a link to `host:port` for the length of a `with` block."""
    link = LossyLink(target, seed=seed)
    try:
        yield link
    finally:
        link.close()
