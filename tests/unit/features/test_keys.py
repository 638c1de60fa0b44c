"""Keys become places in ascending order, whatever their numbers are."""

import polars as pl
import pytest

from shared.features.keys import KeyIndex

DENSE = [103, 100, 101, 101]
SPARSE = [10**15, -5, 10**15, 7]


def keys(*numbers: int | None) -> pl.Series:
    """Return a column of keys."""
    return pl.Series("key", numbers, dtype=pl.Int64)


@pytest.mark.parametrize("numbers", [DENSE, SPARSE])
def test_every_key_has_its_place_among_the_sorted_ones(numbers: list[int]) -> None:
    """By a direct table or by search, which one the numbers decide."""
    index = KeyIndex.of(keys(*numbers))

    places = index.places(keys(*numbers))

    assert places.tolist() == [sorted(set(numbers)).index(number) for number in numbers]
    assert len(index) == 3


@pytest.mark.parametrize("numbers", [DENSE, SPARSE])
def test_a_key_that_is_not_there_has_no_place(numbers: list[int]) -> None:
    """Between the keys, beyond either end, at the ends of the type, and missing."""
    index = KeyIndex.of(keys(*numbers, None))

    places = index.places(keys(102, 99, 2**63 - 1, -(2**63), None))

    assert places.tolist() == [-1] * 5


def test_an_index_of_no_keys_knows_none() -> None:
    """A table of history may be there without an application of its clients."""
    index = KeyIndex.of(keys())

    assert index.places(keys(1, None)).tolist() == [-1, -1]
    assert len(index) == 0
