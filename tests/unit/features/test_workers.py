"""Rounds of tasks: in order at each place, side by side otherwise, and no failure is lost."""

from collections.abc import Callable
from functools import partial

import pytest

from shared.features.workers import hired_workers

MANY_ROWS, FEW_ROWS = 1_000_000, 1


def tasks(done: list[list[int]], number: int) -> list[Callable[[], None]]:
    """Return one task per list, which appends the number of its round."""
    return [partial(taken.append, number) for taken in done]


@pytest.mark.parametrize("n_rows", [MANY_ROWS, FEW_ROWS])
def test_rounds_follow_each_other_at_every_place(n_rows: int) -> None:
    """A sum depends on the order of the rows."""
    done: list[list[int]] = [[] for _ in range(5)]

    with hired_workers(3) as workers, workers.rounds() as rounds:
        for number in range(200):
            rounds.run(tasks(done, number), n_rows=n_rows)

    assert done == [list(range(200))] * 5


def test_a_short_round_waits_for_the_long_one_before() -> None:
    """It runs in the thread that asks for it."""
    done: list[list[int]] = [[] for _ in range(3)]

    with hired_workers(2) as workers, workers.rounds() as rounds:
        rounds.run(tasks(done, 0), n_rows=MANY_ROWS)
        rounds.run(tasks(done, 1), n_rows=FEW_ROWS)
        rounds.run(tasks(done, 2), n_rows=MANY_ROWS)

    assert done == [[0, 1, 2]] * 3


def _fail() -> None:
    raise ValueError("the row is damaged")


def _failing_rounds(done: list[int]) -> None:
    with hired_workers(2) as workers, workers.rounds() as rounds:
        rounds.run([_fail], n_rows=MANY_ROWS)
        rounds.run([partial(done.append, 1)], n_rows=MANY_ROWS)


def test_what_a_task_raises_is_raised_at_the_latest_on_leaving() -> None:
    """Nothing that came after it at its place has run."""
    done: list[int] = []

    with pytest.raises(ValueError, match="damaged"):
        _failing_rounds(done)

    assert done == []


@pytest.mark.parametrize("n_rows", [MANY_ROWS, FEW_ROWS])
def test_what_is_made_comes_in_the_order_of_its_makers(n_rows: int) -> None:
    """Whoever is done first."""
    with hired_workers(4) as workers:
        made = workers.made([partial(pow, number, 2) for number in range(50)], n_rows=n_rows)

    assert made == [number**2 for number in range(50)]
