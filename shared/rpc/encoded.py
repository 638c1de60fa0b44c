"""Replies that are serialised already."""

from typing import NamedTuple


class Encoded(NamedTuple):
    """A reply as the bytes of its message, and the model version that it names, empty if it names none."""

    content: bytes
    model_version: str = ""
