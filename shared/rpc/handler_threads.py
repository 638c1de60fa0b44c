"""The threads that a server's handlers run on."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, TypeVar, cast

R = TypeVar("R")
_LOGGER = logging.getLogger("counterfoil.rpc")


class HandlerThreads(ThreadPoolExecutor):
    """A fixed number of threads that run what is submitted, in that order, and keep no result.

    gRPC hands over each call and only wants to hear when it has ended; the bookkeeping that lets others wait for a
    result, or cancel it, takes a twentieth of a call's time.
    """

    def __init__(self, threads: int) -> None:
        """Make the threads, which the first call starts."""
        super().__init__(threads)
        self._size = threads
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._started = False

    @property
    def waiting(self) -> int:
        """Calls that no thread has taken yet."""
        return self._calls.qsize()

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Let a thread call the function. Of what is returned only `add_done_callback` may be used, and once."""
        call = _Call(fn, args, kwargs)
        self._calls.put(call)
        if not self._started:
            self._start()
        return cast("Future[R]", call)

    def end(self) -> None:
        """Let the threads end once everything is run that was submitted; waits for nothing."""
        if self._started:
            for _ in range(self._size):
                self._calls.put(None)

    def _start(self) -> None:
        self._started = True
        for _ in range(self._size):
            threading.Thread(target=self._run, name="rpc", daemon=True).start()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()
            del call  # nothing of it lives while the thread waits for another


class _Call:
    """A call on its way."""

    __slots__ = ("_args", "_changing", "_ended", "_fn", "_kwargs", "_when_ended")

    def __init__(self, fn: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._fn, self._args, self._kwargs = fn, args, kwargs
        self._changing = threading.Lock()
        self._ended = False
        self._when_ended: Callable[[_Call], None] = lambda _call: None

    def run(self) -> None:
        """Call, and tell who wants to hear of it."""
        try:
            self._fn(*self._args, **self._kwargs)
        except Exception:
            _LOGGER.exception("handler thread failed")
        with self._changing:
            self._ended = True
        self._when_ended(self)

    def add_done_callback(self, when_ended: "Callable[[_Call], None]") -> None:
        """Call the function when the call has ended, at once if it has."""
        with self._changing:
            if not self._ended:
                self._when_ended = when_ended
                return
        when_ended(self)
