"""The hand-off from many handler threads to the one worker that scores and records."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared.errors import Exhausted, Unavailable

Q = TypeVar("Q")
A = TypeVar("A")

MAX_ROWS = 16
"""Rows that the worker takes at once: without a cap the slowest answers take twice as long."""


@dataclass(frozen=True)
class _Task(Generic[Q, A]):
    question: Q
    still_wanted: Callable[[], bool]
    outcome: "Future[A]" = field(default_factory=Future)

    def claim(self) -> bool:
        """Return whether the task is to be worked on; one whose caller has gone is cancelled and costs nothing more."""
        if not self.still_wanted():
            self.outcome.cancel()
        return self.outcome.set_running_or_notify_cancel()


class HandOff(Generic[Q, A]):
    """A bounded queue with one worker thread, which takes what waits and never waits for more.

    `work` gets up to 16 questions and returns one answer or error for each, in order.
    """

    def __init__(self, work: Callable[[Sequence[Q]], Sequence[A | Exception]], *, capacity: int) -> None:
        self._work = work
        self._capacity = capacity
        self._waiting: deque[_Task[Q, A]] = deque()
        self._news = threading.Condition()
        self._stopping = False
        self._worker = threading.Thread(target=self._run, name="scoring", daemon=True)

    def start(self) -> None:
        """Start the worker."""
        self._worker.start()

    def submit(self, questions: Sequence[Q], still_wanted: Callable[[], bool]) -> list["Future[A]"]:
        """Queue all the questions or none, and return the futures of their answers in order.

        A question is dropped, its future cancelled, if `still_wanted` is false when its turn comes. Raises Exhausted
        if they do not fit in the queue, Unavailable after `stop`.
        """
        tasks: list[_Task[Q, A]] = [_Task(question, still_wanted) for question in questions]
        with self._news:
            if self._stopping:
                raise Unavailable("the scorer is shutting down; call another one", reason="SHUTTING_DOWN")
            if len(self._waiting) + len(tasks) > self._capacity:
                raise Exhausted(
                    f"the queue of {self._capacity} rows is full; retry later, with fewer calls at once",
                    reason="OVERLOADED",
                )
            self._waiting.extend(tasks)
            self._news.notify()
        return [task.outcome for task in tasks]

    def stop(self) -> None:
        """Refuse new questions, answer those that wait, and end the worker."""
        with self._news:
            self._stopping = True
            self._news.notify()
        if self._worker.ident is not None:
            self._worker.join()

    def _run(self) -> None:
        while taken := self._take():
            if claimed := [task for task in taken if task.claim()]:
                self._answer(claimed)

    def _take(self) -> list[_Task[Q, A]]:
        """Return up to 16 tasks as soon as there is one; none only when stopped and drained."""
        with self._news:
            while not self._waiting and not self._stopping:
                self._news.wait()
            return [self._waiting.popleft() for _ in range(min(MAX_ROWS, len(self._waiting)))]

    def _answer(self, tasks: list[_Task[Q, A]]) -> None:
        try:
            outcomes = self._work([task.question for task in tasks])
        except Exception as error:  # noqa: BLE001  # the boundary of the worker: its callers get the error, it lives on
            outcomes = [error] * len(tasks)
        for task, outcome in zip(tasks, outcomes, strict=True):
            if isinstance(outcome, Exception):
                task.outcome.set_exception(outcome)
            else:
                task.outcome.set_result(outcome)
