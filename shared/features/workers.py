"""Threads for loops that hold no lock."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from typing import TypeVar

_Made = TypeVar("_Made")

# Below so many rows a hand-over between threads costs more than the rows.
_FEWEST_ROWS = 10_000


@dataclass(frozen=True)
class Workers:
    """As many threads as there are processors."""

    pool: ThreadPoolExecutor

    def run(self, tasks: Iterable[Callable[[], None]], *, n_rows: int) -> None:
        """Run tasks that do not touch each other's data, each over so many rows; raises what one of them raises."""
        if n_rows < _FEWEST_ROWS:
            for task in tasks:
                task()
            return
        for done in [self.pool.submit(task) for task in tasks]:
            done.result()

    def made(self, makers: Sequence[Callable[[], _Made]], *, n_rows: int) -> list[_Made]:
        """Return what each maker returns, in their order; each works on so many rows."""
        if n_rows < _FEWEST_ROWS:
            return [make() for make in makers]
        return [making.result() for making in [self.pool.submit(make) for make in makers]]

    @contextmanager
    def rounds(self) -> Iterator["Rounds"]:
        """Yield where tasks go round after round; on leaving, all are done."""
        rounds = Rounds(self.pool)
        yield rounds
        rounds.finish()


@dataclass
class Rounds:
    """Tasks that come in rounds of equally many: a task starts after the one at its place in the round before.

    Others run side by side. What prepares a round need not wait for the one before it to be done.
    """

    pool: ThreadPoolExecutor
    running: list[Future[None]] = field(default_factory=list)

    def run(self, tasks: Iterable[Callable[[], None]], *, n_rows: int) -> None:
        """Start a round, each task over so many rows, and finish the one before; raises what one of that raises."""
        if n_rows < _FEWEST_ROWS:
            self.finish()
            for task in tasks:
                task()
            return
        before = self.running or repeat(None)
        # A worker that waits waits for another that runs: what is older was started before.
        started = [self.pool.submit(_after, older, task) for older, task in zip(before, tasks, strict=False)]
        self.finish()
        self.running = started

    def finish(self) -> None:
        """Return when all is done; raises what a task raises."""
        for done in self.running:
            done.result()
        self.running = []


def _after(older: Future[None] | None, task: Callable[[], None]) -> None:
    if older is not None:
        older.result()
    task()


@contextmanager
def hired_workers(threads: int | None = None) -> Iterator[Workers]:
    """Yield workers (default: one per processor), who are gone afterwards; a thread starts when it is first needed."""
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        yield Workers(pool)
