"""Files that commands write."""

from collections.abc import Iterable
from pathlib import Path

from counterfoil.cli.failures import CommandFailed


def write_file(path: Path, chunks: Iterable[bytes]) -> int:
    """Write the chunks and return how many bytes they were; the file appears under its name once it is complete.

    Raises CommandFailed with FILE_UNWRITABLE; what the chunks' source raises passes, and leaves an older file alone.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            try:
                size = sum(file.write(chunk) for chunk in chunks)
                part.replace(path)
            finally:
                # Only what was opened can be in the way.
                part.unlink(missing_ok=True)
    except OSError as error:
        raise CommandFailed(f"cannot write {path}: {error.strerror}", reason="FILE_UNWRITABLE") from error
    return size
