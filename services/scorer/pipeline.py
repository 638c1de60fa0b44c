"""Work on the items of a stream by a few threads: bounded, in order, and left alone when nobody waits any more.

Each item is computed and then finished, by other threads: while one waits for the disk, the next ones are computed.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

from shared.errors import Exhausted

Item = TypeVar("Item")
Computed = TypeVar("Computed")
Done = TypeVar("Done")

IN_FLIGHT: Final = 4
"""Items of one stream in work or waiting to be sent: two are computed while one is finished and one is sent."""
_FINISHING: Final = 2


class Pipeline:
    """Runs the work of all streams on the same threads, `computing` of them; so many streams at once and no more."""

    def __init__(self, *, computing: int, streams: int) -> None:
        self._computing = ThreadPoolExecutor(computing, thread_name_prefix="computing")
        self._finishing = ThreadPoolExecutor(_FINISHING, thread_name_prefix="finishing")
        self._streams = threading.BoundedSemaphore(streams)
        self._limit = streams

    def run(
        self, items: Iterator[Item], compute: Callable[[Item], Computed], finish: Callable[[Computed], Done]
    ) -> Iterator[Done]:
        """Yield what `finish` makes of what `compute` returns for each item, in their order, the next ones in work.

        At most four items are taken ahead of what was yielded. What `items` or the work raises is raised in its place,
        and nothing after it is worked on. A caller that stops iterating leaves at most four items that were begun.
        Raises Exhausted (STREAMS_BUSY) when too many streams run.
        """

        def work(item: Item) -> Future[Done]:
            """Compute the item, and let it be finished."""
            return self._finishing.submit(finish, compute(item))

        with self._place():
            stream = _Stream(self._computing, items, work)
            try:
                yield from stream.results()
            finally:
                stream.stop()

    def stop(self) -> None:
        """Finish what was begun."""
        self._computing.shutdown(cancel_futures=True)
        self._finishing.shutdown()

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._streams.acquire(blocking=False):
            raise Exhausted(f"{self._limit} streams run already; try again later", reason="STREAMS_BUSY")
        try:
            yield
        finally:
            self._streams.release()


class _Stream(Generic[Item, Done]):
    """One stream: a thread that reads the items and hands them to the pool, and the futures in their order."""

    def __init__(self, pool: ThreadPoolExecutor, items: Iterator[Item], work: Callable[[Item], Future[Done]]) -> None:
        self._pool = pool
        self._items = items
        self._work = work
        self._slots = threading.Semaphore(IN_FLIGHT)
        self._stopped = threading.Event()
        self._futures: SimpleQueue[Future[Future[Done]] | None] = SimpleQueue()
        threading.Thread(target=self._read, name="chunk reader", daemon=True).start()

    def results(self) -> Iterator[Done]:
        """Yield the results in the order of the items."""
        while (future := self._futures.get()) is not None:
            yield future.result().result()
            self._slots.release()

    def stop(self) -> None:
        """Begin no more; the reader ends with its items, which end with the call."""
        self._stopped.set()
        self._slots.release()
        while not self._futures.empty():
            if (future := self._futures.get()) is not None:
                future.cancel()

    def _read(self) -> None:
        try:
            for item in self._wanted():
                self._futures.put(self._pool.submit(self._work, item))
        except Exception as error:  # noqa: BLE001  # the boundary of the thread: who reads the results gets the error
            failed: Future[Future[Done]] = Future()
            failed.set_exception(error)
            self._futures.put(failed)
        self._futures.put(None)

    def _wanted(self) -> Iterator[Item]:
        """Yield the items as places become free, until somebody stops the stream."""
        while self._slots.acquire() and not self._stopped.is_set():
            item = next(self._items, None)
            if item is None or self._stopped.is_set():
                return
            yield item
