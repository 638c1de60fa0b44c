"""The one folder that callers may name tables in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.errors import InvalidInput

DIRECTORY: Final = "home_credit.directory"
FILE: Final = "prepared.path"


def locate_tables(root: Path, directory: str) -> Path:
    """Return the folder that `directory` names below the root, every symbolic link on the way resolved.

    Raises InvalidInput: PATH_OUTSIDE_ROOT where it, or a link to a file in it, leads out of the root, whether or not
    anything is there, DIRECTORY_MISSING where there is no such folder in it, and PATH_INVALID.
    """
    located = locate(root, directory, field=DIRECTORY)
    with naming(DIRECTORY):
        exists = located.is_dir()
        links = [path for path in located.iterdir() if path.is_symlink()] if exists else []
    for link in links:
        locate(root, str(link), field=DIRECTORY)
    if not exists:
        remedy = "there is no such folder in the trainer's tables root (COUNTERFOIL_TABLES_ROOT)"
        raise InvalidInput.of(DIRECTORY, remedy, reason="DIRECTORY_MISSING")
    return located


def locate_file(root: Path, path: str) -> Path:
    """Return the file that `path` names below the root, every symbolic link on the way resolved.

    Raises InvalidInput: PATH_OUTSIDE_ROOT where it leads out of the root, whether or not anything is there,
    FILE_MISSING where there is no such file in it, and PATH_INVALID.
    """
    located = locate(root, path, field=FILE)
    with naming(FILE):
        exists = located.is_file()
    if not exists:
        remedy = "there is no such file in the trainer's tables root (COUNTERFOIL_TABLES_ROOT)"
        raise InvalidInput.of(FILE, remedy, reason="FILE_MISSING")
    return located


def locate(root: Path, path: str, *, field: str) -> Path:
    """Return what `path` names below the root, every symbolic link resolved, whether or not anything is there.

    Raises InvalidInput about `field`: PATH_OUTSIDE_ROOT where it leads out of the root, PATH_INVALID.
    """
    with naming(field):
        inside = root.resolve()
        located = (inside / path).resolve()
    if not located.is_relative_to(inside):
        remedy = "leads out of the trainer's tables root; name what lies inside it (COUNTERFOIL_TABLES_ROOT)"
        raise InvalidInput.of(field, remedy, reason="PATH_OUTSIDE_ROOT")
    return located


@contextmanager
def naming(field: str) -> Iterator[None]:
    """Turn what the file system says of a name that none of its files can have into InvalidInput PATH_INVALID."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput.of(field, "is no path of a file or folder", reason="PATH_INVALID") from error
