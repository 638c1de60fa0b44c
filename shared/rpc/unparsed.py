"""Requests that are parsed only if somebody asks: there are handlers that know what to answer by the bytes."""

from collections.abc import Callable
from typing import Generic, TypeVar

from google.protobuf.message import DecodeError, Message

from shared.errors import InvalidInput

M = TypeVar("M", bound=Message)


class Unparsed(Generic[M]):
    """A request as its bytes; for one thread. Its `request_id` is empty until somebody has asked for the message."""

    __slots__ = ("_message", "_parse", "content", "request_id")

    def __init__(self, content: bytes, parse: Callable[[bytes], M]) -> None:
        self.content = content
        self._parse = parse
        self._message: M | None = None
        self.request_id = ""

    @property
    def message(self) -> M:
        """The message. Raises InvalidInput (MALFORMED_REQUEST) if the bytes are none."""
        if self._message is None:
            try:
                self._message = self._parse(self.content)
            except DecodeError as error:
                raise malformed() from error
            self.request_id = str(getattr(self._message, "request_id", ""))
        return self._message


def malformed() -> InvalidInput:
    """Return why a request that is no message is refused: gRPC itself would call that an error inside of the server."""
    why = "is no message of this rpc; send its protobuf encoding, made by the published contract"
    return InvalidInput.of("request", why, reason="MALFORMED_REQUEST")
