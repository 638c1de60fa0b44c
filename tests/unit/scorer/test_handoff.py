"""The hand-off: everything that waits at once, up to 16, in order, and nobody left without an outcome."""

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack

import pytest

from services.scorer.handoff import MAX_ROWS, HandOff
from shared.errors import Exhausted, Unavailable


def always() -> bool:
    """Say that the caller still waits."""
    return True


class Doubling:
    """Work that doubles numbers, refuses negative ones, and holds still until it is released."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.entered, self.released = threading.Event(), threading.Event()
        if not held:
            self.released.set()

    def __call__(self, questions: Sequence[int]) -> list[int | Exception]:
        """Return each number's double, in order."""
        self.batches.append(list(questions))
        self.entered.set()
        self.released.wait()
        return [2 * each if each >= 0 else ValueError(each) for each in questions]


def test_answers_come_in_the_order_of_the_questions() -> None:
    """One outcome for each, the error of one leaving the others alone."""
    with ExitStack() as stack:
        handoff = HandOff(Doubling(), capacity=10)
        handoff.start()
        stack.callback(handoff.stop)

        first, second, third = handoff.submit([1, -1, 3], always)

        assert (first.result(), third.result()) == (2, 6)
        with pytest.raises(ValueError, match="-1"):
            second.result()


def test_what_waits_is_taken_together_up_to_24() -> None:
    """The worker never waits for more, and never takes more."""
    work = Doubling(held=True)
    handoff = HandOff(work, capacity=100)
    handoff.start()
    futures = handoff.submit([0], always)
    work.entered.wait()
    for number in range(1, 57):
        futures += handoff.submit([number], always)
    work.released.set()

    answers = [future.result() for future in futures]
    handoff.stop()

    assert answers == [2 * number for number in range(57)]
    assert [len(batch) for batch in work.batches] == [1, MAX_ROWS, MAX_ROWS, 8]


def test_a_full_queue_refuses_at_once_and_takes_all_or_nothing() -> None:
    """A batch that does not fit as a whole is not begun."""
    work = Doubling(held=True)
    handoff = HandOff(work, capacity=3)
    handoff.start()
    waiting = handoff.submit([0], always)
    work.entered.wait()
    waiting += handoff.submit([1, 2], always)

    with pytest.raises(Exhausted) as caught:
        handoff.submit([3, 4], always)
    waiting += handoff.submit([5], always)
    work.released.set()
    handoff.stop()

    assert caught.value.reason == "OVERLOADED"
    assert [future.result() for future in waiting] == [0, 2, 4, 10]


def test_a_question_whose_caller_has_gone_is_not_worked_on() -> None:
    """Its outcome is cancelled when its turn comes."""
    work = Doubling()
    handoff = HandOff(work, capacity=3)
    (gone,) = handoff.submit([1], lambda: False)
    (wanted,) = handoff.submit([2], always)
    handoff.start()
    handoff.stop()

    assert wanted.result() == 4
    assert work.batches == [[2]]
    with pytest.raises(CancelledError):
        gone.result()


def test_stopping_answers_what_waits_and_refuses_what_comes() -> None:
    """Nobody who was let in is left without an answer."""
    work = Doubling(held=True)
    handoff = HandOff(work, capacity=100)
    handoff.start()
    futures = handoff.submit(list(range(40)), always)
    work.entered.wait()
    stopping = threading.Thread(target=handoff.stop)
    stopping.start()
    work.released.set()
    stopping.join()

    with pytest.raises(Unavailable) as caught:
        handoff.submit([1], always)

    assert [future.result() for future in futures] == [2 * number for number in range(40)]
    assert caught.value.reason == "SHUTTING_DOWN"


def test_how_long_each_question_waited_is_told_when_it_is_taken() -> None:
    """Once for what is worked on together, in order; one that nobody wants any more is not told of."""
    waits: list[list[float]] = []
    handoff = HandOff(Doubling(), capacity=5, on_taken=lambda each: waits.append(list(each)))
    handoff.submit([1], lambda: False)
    handoff.submit([2, 3], always)
    handoff.start()
    handoff.stop()

    ((first, second),) = waits
    assert first >= second >= 0.0


def test_an_error_of_the_work_reaches_its_callers_and_the_worker_lives_on() -> None:
    """All of the batch get it; the next batch is worked on."""

    def work(questions: Sequence[int]) -> list[int | Exception]:
        if 0 in questions:
            raise RuntimeError("unforeseen")
        return list(questions)

    handoff: HandOff[int, int] = HandOff(work, capacity=10)
    handoff.start()
    failed = handoff.submit([0, 1], always)
    errors = []
    for pending in failed:
        with pytest.raises(RuntimeError) as caught:
            pending.result()
        errors.append(caught.value)
    (later,) = handoff.submit([7], always)

    assert [str(error) for error in errors] == ["unforeseen"] * 2
    assert later.result() == 7
    handoff.stop()
