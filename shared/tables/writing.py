"""A folder of tables written as a whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import AlreadyExists
from shared.tables.schema import TABLES
from shared.tables.sources import FileFormat


@contextmanager
def all_or_nothing(directory: Path, file_format: FileFormat, *, overwrite: bool) -> Iterator[dict[str, Path]]:
    """Yield where to write each table; files appear under their names once the block ends without an error.

    The folder is made if absent. Raises AlreadyExists when a table is there in either format and `overwrite` is not
    set; `overwrite` removes both in the end.
    """
    present = [path for name in TABLES for path in _both(directory, name) if path.exists()]
    if present and not overwrite:
        message = f"the directory already holds {present[0].name}; choose another one or ask to overwrite"
        raise AlreadyExists(message, reason="TABLES_EXIST", metadata={"table": present[0].stem})
    directory.mkdir(parents=True, exist_ok=True)
    parts = {name: directory / f"{name}.{file_format}.part" for name in TABLES}
    try:
        yield parts
        for path in present:
            path.unlink()
        for part in parts.values():
            if part.exists():
                part.rename(part.with_suffix(""))
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _both(directory: Path, name: str) -> tuple[Path, Path]:
    return directory / f"{name}.parquet", directory / f"{name}.csv"
