"""Damaged copies of a directory of tables."""

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl


def copied(source: Path, target: Path) -> Path:
    """Return the target, a new directory with the source's files."""
    shutil.copytree(source, target)
    return target


def rewrite(directory: Path, table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Replace a Parquet table by what the function makes of it."""
    path = directory / f"{table}.parquet"
    change(pl.read_parquet(path)).write_parquet(path)


def fill(directory: Path, table: str, **values: pl.Expr) -> None:
    """Replace columns of a Parquet table."""
    rewrite(directory, table, lambda frame: frame.with_columns(**values))


def edit(directory: Path, table: str, change: Callable[[bytes], bytes]) -> None:
    """Replace the bytes of a table's file, whichever format it has."""
    path = next(directory.glob(f"{table}.*"))
    path.write_bytes(change(path.read_bytes()))


def append(directory: Path, table: str, *cells: str) -> None:
    """Add a row to a CSV table."""
    edit(directory, table, lambda text: text + ",".join(cells).encode() + b"\n")
