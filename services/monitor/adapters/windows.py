"""The newest decisions of a model version, read out of its projection without loading its history."""

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from services.monitor.adapters.locations import Location, open_table
from services.monitor.domain.window import Window, sample_positions

# The rows of a chunk are one record of the log: their identifiers tell them apart.
_KEYS = {
    "create_time": pl.Datetime("us", "UTC"),
    "instance": pl.String(),
    "sequence": pl.Int64(),
    "prediction_id": pl.String(),
}
_KEY = tuple(_KEYS)


def read_window(projection: Location, window: Window, columns: Sequence[str], max_rows: int) -> pl.DataFrame:
    """Return the columns, (n_rows, n_columns) float64 in the order of time, of at most `max_rows` rows of a window.

    Days are read from the newest backwards until the window is full, first only what orders their rows, then the
    columns of the rows that were drawn. A missing value is null. Without a projection there are no rows.
    """
    empty = pl.DataFrame(schema={**_KEYS, **dict.fromkeys(columns, pl.Float64)})
    return pl.concat([empty, *window_batches(projection, window, columns, max_rows)]).sort(_KEY).select(columns)


def window_batches(
    projection: Location, window: Window, columns: Sequence[str], max_rows: int
) -> Iterator[pl.DataFrame]:
    """Yield the rows that `read_window` returns piece by piece, in no particular order, beside what orders them.

    Columns of any type may be asked for; what is yielded also has create_time, instance, sequence and prediction_id.
    """
    table = open_table(projection)
    if table is None:
        return
    keys = _newest_keys(table, window)
    drawn = keys[sample_positions(keys.height, max_rows)]
    if drawn.height:
        yield from _rows_of(table, drawn, columns)


def _newest_keys(table: DeltaTable, window: Window) -> pl.DataFrame:
    """Return the keys of the window's rows in the order of time; rows of one microsecond follow instance and number."""
    found = [pl.DataFrame(schema=_KEYS)]
    missing = window.last_count
    for day in _days(table):
        keys = pl.concat([*_batches(_of_days(table, [day]), _KEY, _in_window(window)), found[0].clear()])
        found.append(keys.sort(_KEY).tail(missing))
        missing -= found[-1].height
        if not missing:
            break
    return pl.concat(found).sort(_KEY)


def _rows_of(table: DeltaTable, keys: pl.DataFrame, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    times = keys["create_time"]
    days = sorted({str(day) for day in times.dt.date().unique()})
    wanted = (pc.field("create_time") >= times.min()) & (pc.field("create_time") <= times.max())
    for batch in _batches(_of_days(table, days), [*_KEY, *(name for name in columns if name not in _KEY)], wanted):
        # A join makes an index of all its keys: of a large window only those that the batch can hold.
        near = pl.col("create_time").is_between(batch["create_time"].min(), batch["create_time"].max())
        yield batch.join(keys.filter(near), on=_KEY, how="semi")


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
