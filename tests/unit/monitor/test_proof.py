"""How segments tie together, whatever the order in which they were stored."""

import itertools
from collections.abc import Iterable

import pytest

from services.monitor.domain.proof import Broken, Chains, FaultKind, Link


def link(number: int, instance: str = "spool-1", *, previous: str = "") -> Link:
    """Return a segment of ten records."""
    first = 10 * number - 9
    before = previous or f"hash {number - 1}"
    return Link(instance, number, first, first + 9, before.encode(), f"hash {number}".encode())


def follow(chains: Chains, links: Iterable[Link]) -> None:
    """Take one segment after another."""
    for each in links:
        chains.follow(each)


def missing(chains: Chains) -> list[tuple[str, int]]:
    """Return what is missing of a log that holds nothing else."""
    return [(fault.instance, fault.number) for fault in chains.missing(lambda *_: False)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(1, 5))))
def test_segments_prove_each_other_in_any_order(order: tuple[int, ...]) -> None:
    """A late segment fills its gap, wherever the day ended between them."""
    chains = Chains()

    for number in order:
        chains.follow(link(number))

    assert missing(chains) == []


@pytest.mark.parametrize("order", list(itertools.permutations((4, 5, 6))))
def test_a_range_may_begin_anywhere(order: tuple[int, ...]) -> None:
    """By time nobody knows which number comes first."""
    chains = Chains(first=None)

    for number in order:
        chains.follow(link(number))

    assert missing(chains) == []


def test_what_is_missing_is_named_by_its_first_number() -> None:
    """At the start, between and, if it is known where the range ends, at the end."""
    chains = Chains(last=9)
    for number in (3, 6, 8):
        chains.follow(link(number))
    chains.follow(link(9, "spool-2"))

    assert missing(chains) == [("spool-1", 1), ("spool-1", 4), ("spool-1", 7), ("spool-1", 9), ("spool-2", 1)]
    assert chains.instances == 2


def test_a_gap_that_was_filled_out_of_the_range_is_none() -> None:
    """A late segment may have been stored after the time that was asked for."""
    chains = Chains()
    for number in (1, 3):
        chains.follow(link(number))

    assert list(chains.missing(lambda instance, number: (instance, number) == ("spool-1", 2))) == []


@pytest.mark.parametrize("order", [(1, 2), (2, 1), (1, 3, 2), (3, 2, 1)])
def test_a_segment_that_does_not_build_on_its_neighbour_is_named(order: tuple[int, ...]) -> None:
    """Number 2 builds on something else, whenever it was stored."""
    chains = Chains()
    links = [link(number, previous="another hash" if number == 2 else "") for number in order]

    with pytest.raises(Broken) as broken:
        follow(chains, links)

    assert (broken.value.fault.kind, broken.value.fault.number) == (FaultKind.CHAIN_BROKEN, 2)


@pytest.mark.parametrize("again", [1, 2, 3])
def test_a_segment_twice_is_named(again: int) -> None:
    """Once must be once."""
    chains = Chains()
    for number in (1, 2, 3):
        chains.follow(link(number))

    with pytest.raises(Broken) as broken:
        chains.follow(link(again))

    assert (broken.value.fault.kind, broken.value.fault.number) == (FaultKind.SEGMENT_DOUBLED, again)
