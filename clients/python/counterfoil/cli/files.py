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
            size = sum(file.write(chunk) for chunk in chunks)
        part.replace(path)
    except OSError as error:
        raise CommandFailed(f"cannot write {path}: {error.strerror}", reason="FILE_UNWRITABLE") from error
    finally:
        part.unlink(missing_ok=True)
    return size
