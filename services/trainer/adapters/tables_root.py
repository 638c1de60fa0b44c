"""The one folder that callers may name tables in."""

from pathlib import Path

from shared.errors import InvalidInput

FIELD = "home_credit.directory"


def locate_tables(root: Path, directory: str) -> Path:
    """Return the folder that `directory` names below the root, every symbolic link on the way resolved.

    Raises InvalidInput: PATH_OUTSIDE_ROOT where it, or a link to a file in it, leads out of the root, whether or not
    anything is there, and DIRECTORY_MISSING where there is no such folder in it.
    """
    try:
        inside = root.resolve()
        located = (inside / directory).resolve()
        contained = located.is_relative_to(inside)
        exists = contained and located.is_dir()
        linked = [path.resolve() for path in located.iterdir() if path.is_symlink()] if exists else []
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput.of(FIELD, "is no path of a folder", reason="DIRECTORY_MISSING") from error
    if not contained or not all(path.is_relative_to(inside) for path in linked):
        remedy = "leads out of the trainer's tables root; name a folder inside it (COUNTERFOIL_TABLES_ROOT)"
        raise InvalidInput.of(FIELD, remedy, reason="PATH_OUTSIDE_ROOT")
    if not exists:
        remedy = "there is no such folder in the trainer's tables root (COUNTERFOIL_TABLES_ROOT)"
        raise InvalidInput.of(FIELD, remedy, reason="DIRECTORY_MISSING")
    return located
