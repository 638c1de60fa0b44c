"""Where a Delta table lies: in a folder of this machine, or in an object store under a URL."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from deltalake import DeltaTable
from pyarrow import fs

LEDGER = "ledger"
PROJECTIONS = "predictions"


@dataclass(frozen=True)
class ObjectLocation:
    """A place in an object store, `s3://bucket/prefix`; who may use it, the environment says (AWS_* and the like)."""

    url: str

    def __truediv__(self, name: str) -> "ObjectLocation":
        """Return the place below this one."""
        return ObjectLocation(f"{self.url.rstrip('/')}/{name}")

    def __str__(self) -> str:
        """Return the URL."""
        return self.url


Location: TypeAlias = Path | ObjectLocation


def location_of(url: str) -> Location:
    """Return the place that a URL, or the path of a folder, names."""
    if url.startswith("file://"):
        return Path(url.removeprefix("file://"))
    return ObjectLocation(url) if "://" in url else Path(url)


def open_table(location: Location) -> DeltaTable | None:
    """Return the table as it is now, None if there is none."""
    return DeltaTable(str(location)) if DeltaTable.is_deltatable(str(location)) else None


def tables_below(location: Location) -> list[tuple[str, str]]:
    """Return the two last names of each table that lies two below the location, sorted."""
    if isinstance(location, Path):
        return sorted((log.parent.parent.name, log.parent.name) for log in location.glob("*/*/_delta_log"))
    store, root = fs.FileSystem.from_uri(location.url)
    found = []
    for outer in _folders(store, root):
        found += [(outer.base_name, inner.base_name) for inner in _folders(store, outer.path)]
    return sorted(found)


def _folders(store: fs.FileSystem, path: str) -> list[fs.FileInfo]:
    below = store.get_file_info(fs.FileSelector(path, allow_not_found=True))
    return [each for each in below if each.type == fs.FileType.Directory and not each.base_name.startswith("_")]
