"""SHA-256 digests as 64 lower-case hexadecimal digits."""

import hashlib
from pathlib import Path


def digest_of(content: bytes) -> str:
    """Return the digest of the bytes."""
    return hashlib.sha256(content).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the digest of a file, read in pieces; raises OSError if it cannot be read."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
