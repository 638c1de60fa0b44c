"""The hand-off from many handler threads to the one worker that scores and records."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from queue import SimpleQueue
from typing import Generic, TypeVar

from shared.errors import Exhausted, Unavailable

Q = TypeVar("Q")
A = TypeVar("A")

MAX_ROWS = 24
"""Rows that the worker takes at once: without a cap the slowest answers take twice as long."""


class Pending(Generic[Q, A]):
    """A question on its way, and its outcome once there is one: what a Future is, for less."""

    __slots__ = ("_ended", "_outcome", "_still_wanted", "question", "queued")

    def __init__(self, question: Q, still_wanted: Callable[[], bool]) -> None:
        self.question = question
        self.queued = time.perf_counter()
        self._still_wanted = still_wanted
        self._outcome: A | BaseException
        self._ended = threading.Lock()
        self._ended.acquire()

    def claim(self) -> bool:
        """Return whether the question is to be worked on; one whose caller has gone costs nothing more."""
        if self._still_wanted():
            return True
        self.end(CancelledError())
        return False

    def end(self, outcome: A | BaseException) -> None:
        """Let the caller have the outcome; once."""
        self._outcome = outcome
        self._ended.release()

    def result(self) -> A:
        """Wait for the outcome and return it, or raise it; for one thread. CancelledError if nobody wanted it."""
        with self._ended:
            outcome = self._outcome
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


class HandOff(Generic[Q, A]):
    """A bounded queue with one worker thread, which takes what waits and never waits for more.

    `work` gets up to 24 questions and returns one answer or error for each, in order. `on_taken` is told the seconds
    that each of them has waited.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Q]], Sequence[A | Exception]],
        *,
        capacity: int,
        on_taken: Callable[[Sequence[float]], None] = lambda _waits: None,
    ) -> None:
        self._work = work
        self._capacity = capacity
        self._on_taken = on_taken
        self._waiting: SimpleQueue[Pending[Q, A] | None] = SimpleQueue()  # None comes last
        self._in_work = 0
        self._entering = threading.Lock()
        self._stopping = False
        self._worker = threading.Thread(target=self._run, name="scoring", daemon=True)

    @property
    def on_the_way(self) -> int:
        """How many questions wait or are worked on."""
        return self._waiting.qsize() + self._in_work

    def start(self) -> None:
        """Start the worker."""
        self._worker.start()

    def submit(self, questions: Sequence[Q], still_wanted: Callable[[], bool]) -> list[Pending[Q, A]]:
        """Queue all the questions or none, and return them on their way, in order.

        A question is dropped, its result a CancelledError, if `still_wanted` is false when its turn comes. Raises
        Exhausted if they do not fit in the queue, Unavailable after `stop`.
        """
        pending: list[Pending[Q, A]] = [Pending(question, still_wanted) for question in questions]
        self._enter(pending)
        return pending

    def ask(self, question: Q, still_wanted: Callable[[], bool]) -> A:
        """Queue one question and return its answer. Raises its error, and what `submit` raises."""
        pending: Pending[Q, A] = Pending(question, still_wanted)
        self._enter((pending,))
        return pending.result()

    def _enter(self, pending: Sequence[Pending[Q, A]]) -> None:
        with self._entering:
            if self._stopping:
                raise Unavailable("the scorer is shutting down; call another one", reason="SHUTTING_DOWN")
            if self._waiting.qsize() + len(pending) > self._capacity:
                raise Exhausted(
                    f"the queue of {self._capacity} rows is full; retry later, with fewer calls at once",
                    reason="OVERLOADED",
                )
            for each in pending:
                self._waiting.put(each)

    def stop(self) -> None:
        """Refuse new questions, answer those that wait, and end the worker."""
        with self._entering:
            self._stopping = True
            self._waiting.put(None)
        if self._worker.ident is not None:
            self._worker.join()

    def _run(self) -> None:
        last = False
        while not last:
            taken, last = self._take()
            self._in_work = len(taken)
            if claimed := [pending for pending in taken if pending.claim()]:
                self._answer(claimed)
            self._in_work = 0

    def _take(self) -> tuple[list[Pending[Q, A]], bool]:
        """Return up to 24 questions as soon as there is one, and whether there will be no more."""
        taken: list[Pending[Q, A]] = []
        while len(taken) < MAX_ROWS and (not taken or not self._waiting.empty()):
            pending = self._waiting.get()
            if pending is None:
                return taken, True
            taken.append(pending)
        return taken, False

    def _answer(self, taken: list[Pending[Q, A]]) -> None:
        started = time.perf_counter()
        self._on_taken([started - pending.queued for pending in taken])
        try:
            outcomes = self._work([pending.question for pending in taken])
        except Exception as error:  # noqa: BLE001  # the boundary of the worker: its callers get the error, it lives on
            outcomes = [error] * len(taken)
        for pending, outcome in zip(taken, outcomes, strict=True):
            pending.end(outcome)
