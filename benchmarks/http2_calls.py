"""One client's connection to a gRPC server, in frames made beforehand: what `benchmarks.open_loop` offers calls over.

A gRPC client costs a core more per call than the server does, so ten times what a server can answer could not be
offered from the other core of two. This one does as gRPC's own clients do: it begins a call as soon as the server's
most streams at once allow, sends its message as soon as the connection's window does, and acknowledges settings and
pings. A call that cannot be begun waits, and is given up at its deadline like any other.
"""

import socket
import struct
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.h2load import Target

DEADLINE_S: Final = 1
RESOURCE_EXHAUSTED: Final = "8"
_READ_BYTES: Final = 1 << 18
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FIRST_WINDOW, _WINDOW = 65_535, (1 << 31) - 1
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_HEADER_TABLE_SIZE, _MAX_STREAMS, _INITIAL_WINDOW = 1, 3, 4
_HEAD, _SETTING = struct.Struct(">HBBBI"), struct.Struct(">HI")
_HEAD_BYTES: Final = 9
_STATUS: Final = b"grpc-status"
_STREAM_PLACE: Final = 5


@dataclass
class Account:
    """What became of the calls of one phase; times in seconds, since a call was put on the wire.

    `codes` counts how calls without an answer ended, by the number of their gRPC status; `RST_STREAM 7` is HTTP/2's own
    refusal of a stream, after which gRPC's clients begin the call again. `unsent` were given up before they were on the
    wire; `unanswered` were, and nothing was heard of them. `began` and `answer_ends` are moments.
    """

    began: float
    due: int = 0
    sent: int = 0
    unsent: int = 0
    unanswered: int = 0
    answers: "array[float]" = field(default_factory=lambda: array("d"))
    answer_ends: "array[float]" = field(default_factory=lambda: array("d"))
    refusals: "array[float]" = field(default_factory=lambda: array("d"))
    codes: Counter[str] = field(default_factory=Counter)


@dataclass
class _Due:
    """Calls that became due together, and are not on the wire yet."""

    count: int
    since: float
    account: Account


class Connection:
    """One connection with calls of one target in flight; `on_answer` gets the message of each answer, up to 16 KiB."""

    def __init__(self, target: Target, on_answer: Callable[[bytes], None]) -> None:
        host, _, port = target.address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._on_answer = on_answer
        self._frames = _frames(target)
        self._size = len(target.request) + 5
        self._waiting: deque[_Due] = deque()
        self._in_flight: dict[int, tuple[Account, float]] = {}
        self._without_message: deque[int] = deque()
        self._answered: set[int] = set()
        self._next_stream, self._streams, self._window = 1, _WINDOW, _FIRST_WINDOW
        self._incoming = bytearray()
        # Without a table of headers each status comes in plain letters; and the server never waits for a window.
        settings = _SETTING.pack(_HEADER_TABLE_SIZE, 0) + _SETTING.pack(_INITIAL_WINDOW, _WINDOW)
        self._outgoing = bytearray(_PREFACE + _frame(_SETTINGS, settings))
        self._outgoing += _frame(_WINDOW_UPDATE, (_WINDOW - _FIRST_WINDOW).to_bytes(4, "big"))

    @property
    def busy(self) -> bool:
        """Whether a call waits or is in flight."""
        return bool(self._waiting or self._in_flight)

    def call(self, count: int, now: float, account: Account) -> None:
        """Let so many calls become due."""
        if count:
            account.due += count
            self._waiting.append(_Due(count, now, account))

    def send(self, now: float) -> None:
        """Put on the wire what waits, as far as the server allows; give up what has waited too long."""
        while self._waiting and self._waiting[0].since < now - DEADLINE_S:
            late = self._waiting.popleft()
            late.account.unsent += late.count
        self._send_messages()
        while self._waiting and self._free and not self._outgoing:
            due = self._waiting[0]
            count = min(self._free, due.count)
            self._begin(count, now, due.account)
            due.count -= count
            if not due.count:
                self._waiting.popleft()
            self._flush()
        self._flush()

    def receive(self) -> None:
        """Take what has come; RuntimeError if the server ends the connection."""
        content = self.socket.recv(_READ_BYTES)
        if not content:
            raise RuntimeError("the server has closed a connection")
        now, place = time.perf_counter(), 0
        incoming = self._incoming
        incoming += content
        while len(incoming) - place >= _HEAD_BYTES:
            high, low, kind, flags, stream = _HEAD.unpack_from(incoming, place)
            begin, end = place + _HEAD_BYTES, place + _HEAD_BYTES + (high << 8 | low)
            if end > len(incoming):
                break
            self._take(kind, flags, stream, bytes(incoming[begin:end]), now)
            place = end
        del incoming[:place]

    def give_up(self) -> None:
        """Count what nothing was heard of, and close."""
        for account, _ in self._in_flight.values():
            account.unanswered += 1
        for due in self._waiting:
            due.account.unsent += due.count
        self.socket.close()

    @property
    def _free(self) -> int:
        """How many more calls may be begun."""
        return self._streams - len(self._in_flight)

    def _begin(self, count: int, now: float, account: Account) -> None:
        streams = range(self._next_stream, self._next_stream + 2 * count, 2)
        self._next_stream = streams.stop
        self._in_flight.update(dict.fromkeys(streams, (account, now)))
        account.sent += count
        if streams[0] == 1:
            self._outgoing += self._frames.first_headers
            self._outgoing += _numbered(self._frames.headers, streams[1:])
        else:
            self._outgoing += _numbered(self._frames.headers, streams)
        self._without_message.extend(streams)
        self._send_messages()

    def _send_messages(self) -> None:
        """Send the messages of calls that are begun, as far as the window allows; one that has ended needs none."""
        streams: list[int] = []
        while self._without_message and self._window >= self._size:
            stream = self._without_message.popleft()
            if stream in self._in_flight:
                streams.append(stream)
                self._window -= self._size
        self._outgoing += _numbered(self._frames.message, streams)

    def _flush(self) -> None:
        if self._outgoing:
            try:
                del self._outgoing[: self.socket.send(self._outgoing)]
            except BlockingIOError:
                return

    def _take(self, kind: int, flags: int, stream: int, content: bytes, now: float) -> None:
        if kind == _DATA:
            self._answered.add(stream)
            self._on_answer(content[5:])
        elif kind == _HEADERS and flags & _END_STREAM:
            found = content.find(_STATUS) + len(_STATUS)
            self._end(stream, content[found + 1 : found + 1 + content[found]].decode(), now)
        elif kind == _RST_STREAM and stream in self._in_flight:
            self._end(stream, f"RST_STREAM {int.from_bytes(content, 'big')}", now)
        elif kind == _SETTINGS and not flags & _ACK:
            self._streams = dict(_SETTING.iter_unpack(content)).get(_MAX_STREAMS, self._streams)
            self._outgoing += _frame(_SETTINGS, b"", flags=_ACK)
        elif kind == _PING and not flags & _ACK:
            self._outgoing += _frame(_PING, content, flags=_ACK)
        elif kind == _WINDOW_UPDATE and stream == 0:
            self._window += int.from_bytes(content, "big")
        elif kind == _GOAWAY:
            raise RuntimeError(f"the server ends a connection: {content[8:]!r}")

    def _end(self, stream: int, code: str, now: float) -> None:
        account, sent = self._in_flight.pop(stream)
        if stream in self._answered and code == "0":
            self._answered.discard(stream)
            account.answers.append(now - sent)
            account.answer_ends.append(now)
            return
        account.codes[code] += 1
        if code == RESOURCE_EXHAUSTED:
            account.refusals.append(now - sent)


class _Frames(NamedTuple):
    """The frames of calls: a connection's first headers teach the server what those of any other are an index into."""

    first_headers: bytes
    headers: NDArray[np.uint8]
    message: NDArray[np.uint8]


def _frames(target: Target) -> _Frames:
    named = [(4, b"", target.path), (1, b"", target.address), (31, b"", "application/grpc")]
    named += [(0, b"te", "trailers"), (0, b"grpc-timeout", f"{DEADLINE_S}S")]
    method_and_scheme = b"\x83\x86"
    taught = method_and_scheme + b"".join(_literal(index, name, value.encode()) for index, name, value in named)
    known = method_and_scheme + bytes(0x80 | 66 - place for place in range(len(named)))
    first, other = (_frame(_HEADERS, block, flags=_END_HEADERS, stream=1) for block in (taught, known))
    message = b"\0" + len(target.request).to_bytes(4, "big") + target.request
    data = _frame(_DATA, message, flags=_END_STREAM, stream=1)
    return _Frames(first, np.frombuffer(other, np.uint8), np.frombuffer(data, np.uint8))


def _numbered(frame: NDArray[np.uint8], streams: Sequence[int]) -> bytes:
    """Return the frame once for each stream."""
    frames = np.tile(frame, (len(streams), 1))
    numbers = np.array(streams, ">u4").view(np.uint8).reshape(-1, 4)
    frames[:, _STREAM_PLACE : _STREAM_PLACE + 4] = numbers
    return frames.tobytes()


def _literal(index: int, name: bytes, value: bytes) -> bytes:
    """Return a header as HPACK has it, to be remembered; its name is one of HTTP's own by index, or in letters."""
    letters = b"" if index else bytes([len(name)]) + name
    return bytes([0x40 | index]) + letters + bytes([len(value)]) + value


def _frame(kind: int, content: bytes, *, flags: int = 0, stream: int = 0) -> bytes:
    return _HEAD.pack(len(content) >> 8, len(content) & 255, kind, flags, stream) + content
