"""Different numbers are found, and repeated ones counted, near each other or far apart."""

import polars as pl
import pytest

from shared.tables.distinct import distinct, repeats

FAR = 1 << 62


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], []),
        ([None], []),
        ([7], [7]),
        ([3, -2, 3, None, 0], [-2, 0, 3]),
        ([FAR, -FAR, None, FAR], [-FAR, FAR]),
    ],
)
def test_different_numbers_come_in_ascending_order(numbers: list[int | None], expected: list[int]) -> None:
    """However far apart they are."""
    assert distinct(pl.Series(numbers, dtype=pl.Int64)).tolist() == expected


@pytest.mark.parametrize("kind", [pl.Int64, pl.Float64, pl.String])
@pytest.mark.parametrize(
    ("values", "expected"),
    [([], 0), ([5, 1], 0), ([5, 1, 5, 5], 2), ([1, None], 0), ([None, 1, None, 1], 2)],
)
def test_repeats_are_counted_in_a_column_of_any_kind(
    kind: type[pl.DataType], values: list[int | None], expected: int
) -> None:
    """As the difference between the values and the different ones, missing being one of them."""
    column = pl.Series(values, dtype=pl.Int64).cast(kind)

    assert repeats(column) == expected == len(column) - column.n_unique()
