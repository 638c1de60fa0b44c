"""What files are written with, below the level of file objects."""

import os
import sys


def write_at(descriptor: int, content: bytes | memoryview, start: int, *, most_at_once: int = sys.maxsize) -> None:
    """Write all bytes to that place of a file, so many at once at the most; a write may stop early."""
    rest = memoryview(content)
    while rest:
        written = os.pwrite(descriptor, rest[:most_at_once], start)
        rest, start = rest[written:], start + written
