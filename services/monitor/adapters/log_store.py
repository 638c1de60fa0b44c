"""Writing to the tables of the log, and what makes a write durable where they lie."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa
from deltalake import DeltaTable
from pyarrow import fs

from services.monitor.adapters.durability import make_folder, sync, sync_commit
from services.monitor.adapters.locations import Location, ObjectLocation, open_table

Configuration = dict[str, str | None]


class LogStore(Protocol):
    """Holds Delta tables by name, such as `ledger`; a file's path is relative to its table, parted by `/`."""

    def open(self, table: str) -> DeltaTable | None:
        """Return the table, None if there is none."""
        ...

    def create(
        self, table: str, schema: pa.Schema, *, partition_by: Sequence[str], configuration: Configuration
    ) -> DeltaTable:
        """Make an empty table durably."""
        ...

    def put(self, table: str, path: str, content: bytes) -> None:
        """Store a new file; on return it is durable. Raises OSError."""
        ...

    def delete(self, table: str, path: str) -> None:
        """Remove a file that no commit names. Raises OSError."""
        ...

    def read(self, table: str, path: str) -> bytes:
        """Return a file's content; raises OSError if it cannot be read."""
        ...

    def make_durable(self, table: str, first: int, last: int) -> None:
        """Return once the commits `first` to `last` are durable; raises OSError if that cannot be known."""
        ...

    def make_all_durable(self) -> None:
        """Return once everything is durable that was written before, also by a process that was killed meanwhile."""
        ...


def store_at(location: Location) -> LogStore:
    """Return the store of the tables below a location."""
    return ObjectStore(location) if isinstance(location, ObjectLocation) else LocalStore(location)


class LocalStore:
    """Tables below a folder of this machine: files and folders are synced, since Delta's library does not."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, table: str) -> DeltaTable | None:
        """Return the table, None if there is none."""
        return open_table(self._folder / table)

    def create(
        self, table: str, schema: pa.Schema, *, partition_by: Sequence[str], configuration: Configuration
    ) -> DeltaTable:
        """Make an empty table durably."""
        folder = self._folder / table
        make_folder(folder)
        DeltaTable.create(folder, schema, partition_by=list(partition_by), configuration=configuration)
        sync_commit(folder, 0)
        return DeltaTable(folder)

    def put(self, table: str, path: str, content: bytes) -> None:
        """Store a new file; on return it is on disk, and so are the folders above it."""
        file = self._folder / table / path
        make_folder(file.parent)
        file.write_bytes(content)
        sync(file)
        sync(file.parent)

    def delete(self, table: str, path: str) -> None:
        """Remove a file that no commit names."""
        (self._folder / table / path).unlink(missing_ok=True)

    def read(self, table: str, path: str) -> bytes:
        """Return a file's content; raises OSError if it cannot be read."""
        return (self._folder / table / path).read_bytes()

    def make_durable(self, table: str, first: int, last: int) -> None:
        """Return once the commits `first` to `last` are on disk; raises OSError if that cannot be known."""
        for version in range(first, last + 1):
            sync_commit(self._folder / table, version)

    def make_all_durable(self) -> None:
        """Return once everything is on disk that was written before, also by a process that was killed meanwhile."""
        os.sync()


class ObjectStore:
    """Tables in an object store: what it acknowledges is durable, and a commit is a put that fails if there is one."""

    def __init__(self, location: ObjectLocation) -> None:
        self._location = location
        store, root = fs.FileSystem.from_uri(location.url)
        self._files = fs.SubTreeFileSystem(root, store)

    def open(self, table: str) -> DeltaTable | None:
        """Return the table, None if there is none."""
        return open_table(self._location / table)

    def create(
        self, table: str, schema: pa.Schema, *, partition_by: Sequence[str], configuration: Configuration
    ) -> DeltaTable:
        """Make an empty table."""
        location = str(self._location / table)
        return DeltaTable.create(location, schema, partition_by=list(partition_by), configuration=configuration)

    def put(self, table: str, path: str, content: bytes) -> None:
        """Store a new file."""
        with self._files.open_output_stream(f"{table}/{path}") as file:
            file.write(content)

    def delete(self, table: str, path: str) -> None:
        """Remove a file that no commit names."""
        self._files.delete_file(f"{table}/{path}")

    def read(self, table: str, path: str) -> bytes:
        """Return a file's content."""
        with self._files.open_input_file(f"{table}/{path}") as file:
            content: bytes = file.read()
        return content

    def make_durable(self, table: str, first: int, last: int) -> None:
        """Return at once: they are."""

    def make_all_durable(self) -> None:
        """Return at once: it is."""
