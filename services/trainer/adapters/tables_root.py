"""The one folder that callers may name tables in."""

from pathlib import Path
from typing import Final

from shared.errors import InvalidInput

DIRECTORY: Final = "home_credit.directory"
FILE: Final = "prepared.path"
_OUTSIDE: Final = "leads out of the trainer's tables root; name one inside it (COUNTERFOIL_TABLES_ROOT)"


def locate_tables(root: Path, directory: str) -> Path:
    """Return the folder that `directory` names below the root, every symbolic link on the way resolved.

    Raises InvalidInput: PATH_OUTSIDE_ROOT where it, or a link to a file in it, leads out of the root, whether or not
    anything is there, and DIRECTORY_MISSING where there is no such folder in it.
    """
    try:
        inside, located = _resolved(root, directory)
        contained = located.is_relative_to(inside)
        exists = contained and located.is_dir()
        linked = [path.resolve() for path in located.iterdir() if path.is_symlink()] if exists else []
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput.of(DIRECTORY, "is no path of a folder", reason="DIRECTORY_MISSING") from error
    if not contained or not all(path.is_relative_to(inside) for path in linked):
        raise InvalidInput.of(DIRECTORY, _OUTSIDE, reason="PATH_OUTSIDE_ROOT")
    if not exists:
        remedy = "there is no such folder in the trainer's tables root (COUNTERFOIL_TABLES_ROOT)"
        raise InvalidInput.of(DIRECTORY, remedy, reason="DIRECTORY_MISSING")
    return located


def locate_file(root: Path, path: str) -> Path:
    """Return the file that `path` names below the root, every symbolic link on the way resolved.

    Raises InvalidInput: PATH_OUTSIDE_ROOT where it leads out of the root, whether or not anything is there, and
    FILE_MISSING where there is no such file in it.
    """
    try:
        inside, located = _resolved(root, path)
        contained = located.is_relative_to(inside)
        exists = contained and located.is_file()
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput.of(FILE, "is no path of a file", reason="FILE_MISSING") from error
    if not contained:
        raise InvalidInput.of(FILE, _OUTSIDE, reason="PATH_OUTSIDE_ROOT")
    if not exists:
        remedy = "there is no such file in the trainer's tables root (COUNTERFOIL_TABLES_ROOT)"
        raise InvalidInput.of(FILE, remedy, reason="FILE_MISSING")
    return located


def _resolved(root: Path, path: str) -> tuple[Path, Path]:
    inside = root.resolve()
    return inside, (inside / path).resolve()
