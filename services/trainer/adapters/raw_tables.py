"""Tables below the tables root as they lie there: found by path, listed by folder, opened without being read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl
from polars.exceptions import NoDataError, PolarsError

from services.trainer.adapters.tables_root import locate, naming
from services.trainer.domain.rows import Rows
from shared.errors import InvalidInput
from shared.tables.sources import MISSING_TEXTS, FileFormat, Source, find_source

# A CSV file is read from its beginning, so its rows are bounded to bound the time.
MOST_CSV_ROWS: Final = 5_000_000
_FORMATS: Final[dict[str, FileFormat]] = {".csv": "csv", ".parquet": "parquet"}


@dataclass(frozen=True)
class Folder:
    """What lies in a folder: every table's file by name, Parquet where there are both, and the folders in it."""

    tables: tuple[Source, ...]
    directories: tuple[str, ...]


def list_folder(root: Path, directory: str) -> Folder:
    """Return what lies in a folder below the root, by name; a link that leads out of the root is left out.

    Raises InvalidInput: PATH_OUTSIDE_ROOT, PATH_INVALID, DIRECTORY_MISSING.
    """
    located = locate(root, directory, field="directory")
    with naming("directory"):
        exists = located.is_dir()
    if not exists:
        remedy = "there is no such folder in the trainer's tables root (COUNTERFOIL_TABLES_ROOT)"
        raise InvalidInput.of("directory", remedy, reason="DIRECTORY_MISSING")
    inside = [path for path in sorted(located.iterdir()) if path.resolve().is_relative_to(root.resolve())]
    files = {path.stem: Source(path, _FORMATS[path.suffix]) for path in inside if _is_table(path)}
    return Folder(tuple(files.values()), tuple(path.name for path in inside if path.is_dir()))


def open_table(root: Path, path: str) -> Rows:
    """Return the rows of a table below the root, named with or without its ending.

    Raises InvalidInput about `table`: PATH_OUTSIDE_ROOT, PATH_INVALID, TABLE_MISSING, TABLE_EMPTY or TABLE_UNREADABLE.
    """
    source = _found(root, path)
    with readable_table():
        frame = scan(source, rows=MOST_CSV_ROWS)
        stored = frame.collect_schema()
        total = frame.select(pl.len()).collect(engine="streaming").item()
    columns = tuple(name for name, dtype in stored.items() if can_be_looked_at(dtype))
    is_csv = source.format == "csv"
    return Rows(frame, total, columns, truncated=is_csv and total == MOST_CSV_ROWS, inferred=is_csv)


def scan(source: Source, *, rows: int) -> pl.LazyFrame:
    """Return the table lazily, columns as they are stored; those of a CSV file as text, of its first `rows` rows."""
    if source.format == "parquet":
        return pl.scan_parquet(source.path)
    return pl.scan_csv(source.path, infer_schema=False, null_values=list(MISSING_TEXTS), n_rows=rows)


def can_be_looked_at(dtype: pl.DataType) -> bool:
    """Return whether the values are numbers or can be told as text."""
    return not (dtype.is_nested() or dtype in (pl.Binary, pl.Object, pl.Unknown))


@contextmanager
def readable_table() -> Iterator[None]:
    """Turn what Polars raises on a file that is no table into InvalidInput about `table`."""
    try:
        yield
    except NoDataError as error:
        raise InvalidInput.of("table", "the file is empty; supply one with rows", reason="TABLE_EMPTY") from error
    except (PolarsError, OSError) as error:
        remedy = "the file cannot be read; it may be cut short, damaged, or CSV that is not in UTF-8: supply it again"
        raise InvalidInput.of("table", remedy, reason="TABLE_UNREADABLE") from error


def _found(root: Path, path: str) -> Source:
    located = locate(root, path, field="table")
    with naming("table"):
        if _is_table(located):
            return Source(located, _FORMATS[located.suffix])
        source = find_source(located.parent, located.name)
    if source is None:
        remedy = "there is no such CSV or Parquet file in the trainer's tables root (COUNTERFOIL_TABLES_ROOT)"
        raise InvalidInput.of("table", remedy, reason="TABLE_MISSING")
    # The file may be a link although its folder is none.
    return replace(source, path=locate(root, str(source.path), field="table"))


def _is_table(path: Path) -> bool:
    return path.suffix in _FORMATS and path.is_file()
