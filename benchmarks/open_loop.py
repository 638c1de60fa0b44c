"""Calls offered to a gRPC server at a rate that its answers have no say in, as many lenders at once offer them."""

import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from benchmarks.h2load import Target
from benchmarks.http2_calls import DEADLINE_S, Account, Connection

_TICK_S: Final = 0.001
_AT_ONCE: Final = 4


class Phase(NamedTuple):
    """A rate, in calls a second, for so many seconds."""

    per_second: float
    seconds: float


class OpenLoop:
    """Offers calls over several connections, in turn, from one thread."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = connections
        self._by_descriptor = {each.socket.fileno(): each for each in connections}
        self._turn = 0
        self._poll = select.epoll()
        for descriptor in self._by_descriptor:
            self._poll.register(descriptor, select.EPOLLIN)

    def offer(self, phases: Sequence[Phase]) -> list[Account]:
        """Offer one phase right after the other, wait for what is still in flight, and return what became of each.

        A call belongs to the phase in which it became due. Returns at most two deadlines after the last phase. Raises
        RuntimeError if the server ends a connection.
        """
        accounts = [self._offered(phase) for phase in phases]
        give_up = time.perf_counter() + 2 * DEADLINE_S
        while time.perf_counter() < give_up and any(each.busy for each in self._connections):
            for each in self._connections:
                each.send(time.perf_counter())
            self._receive(_TICK_S)
        return accounts

    def close(self) -> None:
        """End all connections; what nothing was heard of is counted as unanswered."""
        self._poll.close()
        for each in self._connections:
            each.give_up()

    def _offered(self, phase: Phase) -> Account:
        account = Account(began=time.perf_counter())
        while (now := time.perf_counter()) < account.began + phase.seconds:
            due = int(phase.per_second * (now - account.began)) - account.due
            for part in range(_AT_ONCE):
                connection = self._connections[self._turn % len(self._connections)]
                self._turn += 1
                connection.call(due // _AT_ONCE + (part < due % _AT_ONCE), now, account)
                connection.send(now)
            self._receive(max(0.0, now + _TICK_S - time.perf_counter()))
        return account

    def _receive(self, timeout_s: float) -> None:
        for descriptor, _ in self._poll.poll(timeout_s):
            self._by_descriptor[descriptor].receive()


@contextmanager
def open_loop(target: Target, connections: int, on_answer: Callable[[bytes], None]) -> Iterator[OpenLoop]:
    """Give a generator with so many connections; `on_answer` gets the message of each answer."""
    loop = OpenLoop([Connection(target, on_answer) for _ in range(connections)])
    try:
        yield loop
    finally:
        loop.close()
