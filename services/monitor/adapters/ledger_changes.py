"""What commits of the ledger stored, as it stands there now."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from services.monitor.adapters.ledger_files import AddedFile, files_added
from services.monitor.adapters.ledger_rows import LEDGER_SCHEMA
from services.monitor.adapters.locations import LEDGER
from services.monitor.adapters.log_store import LogStore
from services.monitor.adapters.projection_rows import COMMIT_COLUMN


def read_changes(store: LogStore, first: int, last: int, columns: list[str]) -> pa.Table:
    """Return the rows of the segments that commits `first` to `last` stored, with their commit, in no order.

    Delta's own change feed reads the files that a commit named, and they are gone once they were replaced; a segment is
    then found by its number.
    """
    empty = pa.schema([LEDGER_SCHEMA.field(name) for name in columns]).empty_table()
    tables = [_with_commit(empty, 0)]
    replaced: list[tuple[int, AddedFile]] = []
    for version in range(first, last + 1):
        for file in files_added(store.read(LEDGER, f"_delta_log/{version:020d}.json")):
            try:
                content = store.read(LEDGER, file.path)
            except FileNotFoundError:
                replaced.append((version, file))
            else:
                tables.append(_with_commit(pq.read_table(pa.BufferReader(content), columns=columns), version))
    return pa.concat_tables([*tables, *_replaced(store, replaced, columns)])


def _replaced(store: LogStore, files: list[tuple[int, AddedFile]], columns: list[str]) -> Iterator[pa.Table]:
    if not files:
        return
    table = store.open(LEDGER)
    if table is None:
        raise FileNotFoundError("the ledger is gone")
    dataset = table.to_pyarrow_dataset()
    for version, file in files:
        yield _with_commit(_segment(dataset, file, columns), version)


def _segment(dataset: ds.Dataset, file: AddedFile, columns: list[str]) -> pa.Table:
    wanted = (pc.field("instance") == file.instance) & (pc.field("number") == file.number)
    return dataset.to_table(columns=columns, filter=wanted)


def _with_commit(rows: pa.Table, version: int) -> pa.Table:
    schema = pa.schema([LEDGER_SCHEMA.field(name) for name in rows.column_names])
    commits = pa.repeat(pa.scalar(version, pa.int64()), rows.num_rows)
    return rows.cast(schema).append_column(COMMIT_COLUMN, commits)
