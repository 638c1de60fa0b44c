"""The pipeline of streams: in order, bounded, and not at work for somebody who has gone."""

import itertools
import threading
from collections.abc import Iterator

import pytest

from services.scorer.pipeline import IN_FLIGHT, Pipeline
from shared.errors import Exhausted


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    """Give a pipeline of two computing threads and two streams."""
    pipeline = Pipeline(computing=2, streams=2)
    yield pipeline
    pipeline.stop()


def same(item: int) -> int:
    """Return the item."""
    return item


def test_results_stand_in_the_order_of_the_items(pipeline: Pipeline) -> None:
    """Also when a later item is done first."""
    second_is_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_is_done.wait(timeout=60)
        if item == 1:
            second_is_done.set()
        return item * 10

    assert list(pipeline.run(iter(range(6)), work, same)) == [0, 10, 20, 30, 40, 50]


def test_the_next_item_is_computed_while_one_is_finished() -> None:
    """One thread computes, and does not wait for the disk that the item before it waits for."""
    pipeline, next_is_computed = Pipeline(computing=1, streams=1), threading.Event()

    def compute(item: int) -> int:
        if item == 1:
            next_is_computed.set()
        return item

    def finish(item: int) -> int:
        assert next_is_computed.wait(timeout=60)
        return item

    assert list(pipeline.run(iter(range(4)), compute, finish)) == [0, 1, 2, 3]
    pipeline.stop()


def test_an_error_of_finishing_comes_in_its_place(pipeline: Pipeline) -> None:
    """A chunk that could not be recorded is not told, and nothing after it."""

    def finish(item: int) -> int:
        if item == 2:
            raise ValueError("no disk")
        return item

    results = pipeline.run(iter([1, 2, 3]), same, finish)

    assert next(results) == 1
    with pytest.raises(ValueError, match="no disk"):
        next(results)


def test_no_more_is_read_than_may_be_in_flight(pipeline: Pipeline) -> None:
    """However fast the items come, they wait for who takes the results."""
    read: list[int] = []
    full = threading.Event()

    def items() -> Iterator[int]:
        for item in itertools.count():
            read.append(item)
            if len(read) == IN_FLIGHT:
                full.set()
            yield item

    results = pipeline.run(items(), same, same)
    first = next(results)
    assert full.wait(timeout=60)

    assert first == 0
    # The first result is in the reader's hand, and its place is free only once the second is asked for.
    assert len(read) == IN_FLIGHT
    results.close()  # type: ignore[attr-defined]  # a generator, though the type promises an iterator


def test_an_error_comes_in_its_place_and_ends_the_stream(pipeline: Pipeline) -> None:
    """Whether the work raised it or the items; what stands before it is given."""

    def items() -> Iterator[int]:
        yield from (1, 2)
        raise ValueError("no item")

    def work(item: int) -> int:
        if item == 2:
            raise ValueError("no work")
        return item

    from_work, from_items = pipeline.run(iter([1, 2, 3]), work, same), pipeline.run(items(), same, same)

    assert next(from_work) == 1
    with pytest.raises(ValueError, match="no work"):
        next(from_work)
    assert [next(from_items), next(from_items)] == [1, 2]
    with pytest.raises(ValueError, match="no item"):
        next(from_items)


def test_a_stream_that_is_left_begins_nothing_more_and_gives_its_place_back(pipeline: Pipeline) -> None:
    """At most what was in flight is done; two streams run at once, a third is told to come later."""
    done: list[int] = []
    left = pipeline.run(iter(range(1000)), same, done.append)
    other = pipeline.run(iter(range(3)), same, same)
    next(left)
    next(other)

    with pytest.raises(Exhausted) as caught:
        next(pipeline.run(iter([1]), same, same))
    left.close()  # type: ignore[attr-defined]  # a generator, though the type promises an iterator
    again = list(pipeline.run(iter([7]), same, same))

    assert caught.value.reason == "STREAMS_BUSY"
    assert again == [7]
    assert len(done) <= IN_FLIGHT + 1


def test_a_stream_without_items_is_empty(pipeline: Pipeline) -> None:
    """And frees its place."""
    for _ in range(5):
        assert list(pipeline.run(iter(()), same, same)) == []
