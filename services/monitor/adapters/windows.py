"""The newest decisions of a model version, read out of its projection without loading its history."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from services.monitor.domain.window import Window, sample_positions

_KEY = ("create_time", "instance", "sequence")


def read_window(projection: Path, window: Window, columns: Sequence[str], max_rows: int) -> pl.DataFrame:
    """Return the columns, (n_rows, n_columns) float64 in the order of time, of at most `max_rows` rows of a window.

    Days are read from the newest backwards until the window is full, first only what orders their rows, then the
    columns of the rows that were drawn. A missing value is null. Without a projection there are no rows.
    """
    if not DeltaTable.is_deltatable(str(projection)):
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.Float64))
    table = DeltaTable(projection)
    keys = _newest_keys(table, window)
    drawn = keys[sample_positions(keys.height, max_rows)]
    return _read_rows(table, drawn, columns).select(columns)


def _newest_keys(table: DeltaTable, window: Window) -> pl.DataFrame:
    """Return the keys of the window's rows in the order of time; rows of one microsecond follow instance and number."""
    found = [
        pl.DataFrame(schema={"create_time": pl.Datetime("us", "UTC"), "instance": pl.String, "sequence": pl.Int64})
    ]
    missing = window.last_count
    for day in _days(table):
        keys = pl.concat([*_batches(_of_days(table, [day]), _KEY, _in_window(window)), found[0].clear()])
        found.append(keys.sort(_KEY).tail(missing))
        missing -= found[-1].height
        if not missing:
            break
    return pl.concat(found).sort(_KEY)


def _read_rows(table: DeltaTable, keys: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    empty = keys.clear().with_columns(pl.lit(None, pl.Float64).alias(column) for column in columns)
    if not keys.height:
        return empty
    times = keys["create_time"]
    days = sorted({str(day) for day in times.dt.date()})
    wanted = (pc.field("create_time") >= times.min()) & (pc.field("create_time") <= times.max())
    batches = _batches(_of_days(table, days), [*_KEY, *columns], wanted)
    kept = [batch.join(keys, on=_KEY, how="semi") for batch in batches]
    return pl.concat([empty, *kept]).sort(_KEY)


def _days(table: DeltaTable) -> list[str]:
    """Return the days that the table has rows of, the newest first."""
    return sorted({partition["day"] for partition in table.partitions()}, reverse=True)


def _of_days(table: DeltaTable, days: Sequence[str]) -> ds.Dataset:
    return table.to_pyarrow_dataset(file_pruning_predicate=[("day", "in", list(days))])


def _in_window(window: Window) -> Any:
    wanted = pc.field("purpose") == "DECISION"
    if window.start_time is not None:
        wanted &= pc.field("create_time") >= window.start_time
    if window.end_time is not None:
        wanted &= pc.field("create_time") < window.end_time
    return wanted


def _batches(dataset: ds.Dataset, columns: Sequence[str], wanted: Any) -> Iterator[pl.DataFrame]:
    for batch in dataset.to_batches(columns=list(columns), filter=wanted):
        frame = pl.from_arrow(batch)
        if isinstance(frame, pl.DataFrame) and frame.height:
            yield frame
