"""The threads of handlers: they run what is submitted, tell of its end once, and end themselves."""

import logging
import threading
from collections.abc import Iterator

import pytest

from shared.rpc.handler_threads import HandlerThreads


@pytest.fixture
def threads() -> Iterator[HandlerThreads]:
    """Give two threads."""
    threads = HandlerThreads(2)
    yield threads
    threads.end()


def test_the_end_of_a_call_is_told_whenever_one_asks(threads: HandlerThreads) -> None:
    """Before it ends, when it does; afterwards, at once."""
    hold, told = threading.Event(), threading.Semaphore(0)
    running = threads.submit(hold.wait)
    running.add_done_callback(lambda _call: told.release())

    assert not told.acquire(blocking=False)
    hold.set()
    told.acquire()

    running.add_done_callback(lambda _call: told.release())
    assert told.acquire(blocking=False)


def test_a_call_that_fails_ends_like_others_and_is_logged(
    threads: HandlerThreads, caplog: pytest.LogCaptureFixture
) -> None:
    """Its thread goes on."""
    told = threading.Semaphore(0)
    with caplog.at_level(logging.ERROR, logger="counterfoil.rpc"):
        for _ in range(5):
            threads.submit(int, "no number").add_done_callback(lambda _call: told.release())
            told.acquire()

    assert len(caplog.records) == 5


def test_calls_run_side_by_side_on_as_many_threads_as_there_are(threads: HandlerThreads) -> None:
    """Two meet; each has the arguments that it was submitted with."""
    meeting, told = threading.Barrier(2), threading.Semaphore(0)
    met: list[int] = []

    def meet(number: int, *, more: int) -> None:
        meeting.wait()
        met.append(number + more)

    for number in (1, 2):
        threads.submit(meet, number, more=10).add_done_callback(lambda _call: told.release())
    for _ in range(2):
        told.acquire()

    assert sorted(met) == [11, 12]


def test_the_threads_end_when_everything_is_run() -> None:
    """None is left behind, and what was submitted before is done."""
    before = set(threading.enumerate())
    threads, done = HandlerThreads(3), list[int]()
    for number in range(10):
        threads.submit(done.append, number)
    ours = set(threading.enumerate()) - before

    threads.end()
    for thread in ours:
        thread.join()

    assert len(ours) == 3
    assert sorted(done) == list(range(10))


def test_threads_that_were_never_needed_end_as_well() -> None:
    """A server that was built and not started."""
    before = threading.active_count()
    HandlerThreads(3).end()

    assert threading.active_count() == before


def test_calls_are_taken_in_their_order() -> None:
    """Whoever waits longest comes next; the others are counted meanwhile."""
    threads, taken, told = HandlerThreads(1), list[int](), threading.Semaphore(0)
    entered, hold = threading.Event(), threading.Event()

    def block() -> None:
        entered.set()
        hold.wait()

    threads.submit(block)
    entered.wait()
    for number in range(5):
        threads.submit(taken.append, number).add_done_callback(lambda _call: told.release())
    waited = threads.waiting
    hold.set()
    for _ in range(5):
        told.acquire()
    threads.end()

    assert waited == 5
    assert taken == list(range(5))
