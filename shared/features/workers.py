"""Threads for loops that hold no lock."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

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


@contextmanager
def hired_workers(threads: int | None = None) -> Iterator[Workers]:
    """Yield workers (default: one per processor), who are gone afterwards; a thread starts when it is first needed."""
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        yield Workers(pool)
