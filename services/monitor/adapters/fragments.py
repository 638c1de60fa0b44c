"""The files of a table that is partitioned by day, the newest first."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import groupby
from typing import TypeVar

import pyarrow.dataset as ds

T = TypeVar("T")

_ATTEMPTS = 5


def read_anew(read: Callable[[], T]) -> T:
    """Return what `read` does, which opens its tables itself; done again where files were replaced while it read."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(FileNotFoundError):
            return read()
    return read()


def newest_days(
    dataset: ds.Dataset, wanted: Callable[[dt.date], bool] = lambda _day: True
) -> Iterator[tuple[dt.date, list[ds.ParquetFileFragment]]]:
    """Yield each wanted day that has rows, the newest first, with its files, none of which was opened."""
    dated = sorted(((_day(fragment), fragment) for fragment in dataset.get_fragments()), key=_first, reverse=True)
    for day, files in groupby(dated, key=_first):
        if wanted(day):
            yield day, [fragment for _, fragment in files]


def _day(fragment: ds.ParquetFileFragment) -> dt.date:
    day = ds.get_partition_keys(fragment.partition_expression)["day"]
    if not isinstance(day, dt.date):
        raise TypeError(f"a partition of the log is of the day {day!r}")
    return day


def _first(dated: tuple[dt.date, ds.ParquetFileFragment]) -> dt.date:
    return dated[0]
