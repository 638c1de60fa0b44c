"""The spool: every answer is on this disk before it is given, and stays there until the monitor has it on its own."""

import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count, repeat
from pathlib import Path
from typing import Final, NamedTuple

from counterfoil.types.v1 import prediction_pb2
from services.scorer.adapters.annex import Annex, Place
from services.scorer.adapters.spool_file import lock_directory, open_reader, open_writer, transaction, translated
from services.scorer.rendering.linking import linking
from shared.errors import Precondition
from shared.prediction_record.chain import genesis_hash, segment_digest

LAYOUT: Final = 3
"""Version of the files: batches of records, the large parts of some in an annex."""
LARGE_BYTES: Final = 64 << 10
"""From this size on a personal part lies in the annex."""
ANSWER_LIFE: Final = timedelta(hours=24)
DEFAULT_MAX_BYTES: Final = 2 << 30


class AnswerKey(NamedTuple):
    """What makes a call idempotent: the same caller, method and request_id, and the row within the call."""

    caller: str
    method: str
    request_id: str
    row: int = 0


class Receipt(NamedTuple):
    """Where a record stands in the log of its instance."""

    instance: str
    sequence: int
    hash: bytes


class Kept(NamedTuple):
    """An answer to keep for 24 hours: its key, the digest of what was asked, and its bytes given the receipt."""

    key: AnswerKey
    digest: bytes
    render: Callable[[Receipt], bytes]


class Entry(NamedTuple):
    """One record to append. `decision_part` holds the digest of `personal_part` under `salt`."""

    decision_part: bytes
    personal_part: bytes
    salt: bytes
    kept: Kept | None = None


class LargeEntry(NamedTuple):
    """One record to append whose personal part, in pieces that stay where they are, may have megabytes."""

    decision_part: bytes
    personal_part: Sequence[bytes | memoryview]
    salt: bytes


class StoredAnswer(NamedTuple):
    """An answer given before: the digest of what was asked, and the answer's bytes."""

    digest: bytes
    answer: bytes


class Depth(NamedTuple):
    """How many records wait for the monitor, and their size in bytes; which share of the spool's bound is used.

    The answers that are kept under a request_id for 24 hours take room, too, and may be most of what is used.
    """

    records: int
    bytes: int
    used: float


@dataclass(frozen=True)
class _Chain:
    """The one row that says how far the log goes, how far it was shipped, and how far the sealed segment reaches, or 0.

    It is only ever updated in place, so that sealing and shipping also work when the file is at its bound. Every
    transaction reads it anew: after a commit that failed, the file alone knows whether it took place.
    """

    head_sequence: int
    head_hash: bytes
    shipped_sequence: int
    shipped_hash: bytes
    shipped_segments: int
    sealed_sequence: int


class Spool:
    """One instance's log on disk. Thread-safe; one process at a time."""

    def __init__(self, directory: Path, *, clock: Callable[[], datetime], max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        """Open the spool, or make it with a new random instance name; sequence and chain go on where they ended.

        `max_bytes` bounds the database, and its annex anew: rows by the thousand leave room for single decisions.
        Raises Precondition (SPOOL_LOCKED, SPOOL_LAYOUT), Exhausted (SPOOL_FULL), Unavailable (SPOOL_FAILED).
        """
        self._clock = clock
        self._max_bytes = max_bytes
        self._link = linking()
        # Whoever takes two of them takes them in this order.
        self._annexing, self._writing, self._reading = threading.Lock(), threading.Lock(), threading.Lock()
        with ExitStack() as opened:
            opened.enter_context(lock_directory(directory))
            self._writer = opened.enter_context(closing(open_writer(directory / "spool.db", max_bytes=max_bytes)))
            self._reader = opened.enter_context(closing(open_reader(directory / "spool.db")))
            self.instance = self._first_or_last()
            self._open_bytes = self._count_open_bytes()
            self._annex = opened.enter_context(closing(Annex(directory, max_bytes=max_bytes)))
            self._annex.keep_from(self._first_annexed())
            self._files = opened.pop_all()

    @property
    def open_bytes(self) -> int:
        """Size of the records that are in no segment yet."""
        return self._open_bytes

    def append(self, entries: Sequence[Entry]) -> list[Receipt]:
        """Write the records and kept answers in one durable commit and return their receipts, in order.

        Raises Exhausted (SPOOL_FULL) or Unavailable (SPOOL_FAILED); then nothing is written.
        """
        return self._commit(entries)

    def append_large(self, entry: LargeEntry) -> Receipt:
        """As `append`, for one record whose personal part may have megabytes: it is written once and delays no others.

        Raises what `append` raises.
        """
        decision_part, personal_part, salt = entry
        if sum(map(len, personal_part)) < LARGE_BYTES:
            return self.append([Entry(decision_part, b"".join(personal_part), salt)])[0]
        with self._annexing:
            place = self._annex.append(personal_part)
            (receipt,) = self._commit([Entry(decision_part, b"", salt)], place)
            return receipt

    def find_answer(self, key: AnswerKey) -> StoredAnswer | None:
        """Return the answer kept under the key, None if there is none or its 24 hours are over."""
        with self._reading, translated():
            row = self._reader.execute(
                "SELECT digest, answer FROM answers"
                " WHERE caller = ? AND method = ? AND request_id = ? AND place = ? AND expire_time > ?",
                (key.caller, key.method, key.request_id, key.row, self._clock().timestamp()),
            ).fetchone()
        return None if row is None else StoredAnswer(*row)

    def depth(self) -> Depth:
        """Return what waits for the monitor, sealed or not, and how full the spool is."""
        with self._reading, translated():
            records, size, used = self._reader.execute(
                "SELECT head_sequence - shipped_sequence, (SELECT coalesce(sum(length(records)), 0) FROM batches)"
                " + (SELECT coalesce(sum(size), 0) FROM annexed), (page_count - freelist_count) * page_size"
                " FROM chain, pragma_page_count, pragma_freelist_count, pragma_page_size"
            ).fetchone()
        return Depth(records, size, max(used, self._annex.held_bytes) / self._max_bytes)

    def seal(self, max_bytes: int) -> prediction_pb2.Segment | None:
        """Return the sealed segment that waits for its acknowledgement; seal the next if none waits.

        It holds at least one batch and up to about `max_bytes` of them, and is the same on every call until it is
        acknowledged, also after a crash. None if there is no record.
        """
        with self._writing:
            with transaction(self._writer):
                chain = self._read_chain()
                last, size = (chain.sealed_sequence, 0) if chain.sealed_sequence else self._cut(chain, max_bytes)
                chain = replace(chain, sealed_sequence=last)
                if size:
                    self._write_chain(chain)
            self._open_bytes -= size
            return self._sealed_segment(chain) if last else None

    def acknowledge(self, segment: prediction_pb2.Segment) -> None:
        """Delete the sealed segment's records: the monitor has them on disk."""
        last = segment.records[-1]
        with self._annexing, self._writing:
            with transaction(self._writer):
                chain = self._read_chain()
                if last.sequence != chain.sealed_sequence:
                    raise ValueError(f"segment {segment.number} is not the sealed one")
                self._writer.execute("DELETE FROM batches WHERE last_sequence <= ?", (last.sequence,))
                self._writer.execute("DELETE FROM annexed WHERE last_sequence <= ?", (last.sequence,))
                shipped = replace(chain, shipped_sequence=last.sequence, shipped_hash=last.hash)
                self._write_chain(replace(shipped, shipped_segments=segment.number, sealed_sequence=0))
            self._annex.keep_from(self._first_annexed())

    def purge(self, limit: int) -> int:
        """Delete up to `limit` kept answers whose 24 hours are over and return how many were deleted."""
        with self._writing, transaction(self._writer):
            return self._writer.execute(
                "DELETE FROM answers WHERE (caller, method, request_id, place) IN"
                " (SELECT caller, method, request_id, place FROM answers WHERE expire_time <= ? LIMIT ?)",
                (self._clock().timestamp(), limit),
            ).rowcount

    def close(self) -> None:
        """Close the file and let another process have it."""
        with self._annexing, self._writing, self._reading:
            self._files.close()

    def _commit(self, entries: Sequence[Entry], place: Place | None = None) -> list[Receipt]:
        """Append the records; `place` is where the personal part of the last one lies, if it is in the annex."""
        with self._writing:
            expire_time = (self._clock() + ANSWER_LIFE).timestamp()
            with transaction(self._writer):
                chain = self._read_chain()
                receipts, records = self._linked(chain, entries)
                head = receipts[-1]
                # One row for all: it fills its pages, and nothing is looked up sixteen times.
                self._writer.execute("INSERT INTO batches VALUES (?, ?)", (head.sequence, records))
                if place is not None:
                    self._writer.execute("INSERT INTO annexed VALUES (?, ?, ?, ?)", (head.sequence, *place))
                for entry, receipt in zip(entries, receipts, strict=True):
                    if entry.kept is not None:
                        self._keep(entry.kept, receipt, expire_time)
                self._write_chain(replace(chain, head_sequence=head.sequence, head_hash=head.hash))
            self._open_bytes += len(records) + (place.size if place else 0)
            return receipts

    def _first_or_last(self) -> str:
        with transaction(self._writer):
            instance = str(uuid.uuid4())
            genesis = genesis_hash(instance)
            self._writer.execute(
                "INSERT OR IGNORE INTO chain VALUES (1, ?, ?, 0, ?, 0, ?, 0, 0)", (LAYOUT, instance, genesis, genesis)
            )
            stored: tuple[int, str] = self._writer.execute("SELECT layout, instance FROM chain").fetchone()
        if stored[0] != LAYOUT:
            raise Precondition(
                f"the prediction spool has layout {stored[0]}, this scorer reads {LAYOUT}; ship it with the scorer "
                "that wrote it",
                reason="SPOOL_LAYOUT",
            )
        return stored[1]

    def _read_chain(self) -> _Chain:
        row = self._writer.execute(
            "SELECT head_sequence, head_hash, shipped_sequence, shipped_hash, shipped_segments, sealed_sequence"
            " FROM chain"
        ).fetchone()
        return _Chain(*row)

    def _count_open_bytes(self) -> int:
        with translated():
            size: int = self._writer.execute(
                "SELECT coalesce(sum(length(records) + coalesce(size, 0)), 0)"
                " FROM batches LEFT JOIN annexed USING (last_sequence) WHERE last_sequence >"
                " (SELECT max(sealed_sequence, shipped_sequence) FROM chain)"
            ).fetchone()[0]
        return size

    def _first_annexed(self) -> int | None:
        """Return the first file of the annex that is still needed, None if there is none."""
        with translated():
            first: int | None = self._writer.execute("SELECT min(file) FROM annexed").fetchone()[0]
        return first

    def _linked(self, chain: _Chain, entries: Sequence[Entry]) -> tuple[list[Receipt], bytes]:
        """Return the receipts, and the records as the `records` of a segment are encoded."""
        first = chain.head_sequence + 1
        recorded = self._link(chain.head_hash, first, [entry[:3] for entry in entries])
        return list(map(Receipt, repeat(self.instance), count(first), recorded.hashes)), recorded.content

    def _keep(self, kept: Kept, receipt: Receipt, expire_time: float) -> None:
        key = kept.key
        self._writer.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key.caller, key.method, key.request_id, key.row, kept.digest, kept.render(receipt), expire_time),
        )

    def _write_chain(self, chain: _Chain) -> None:
        self._writer.execute(
            "UPDATE chain SET head_sequence = ?, head_hash = ?, shipped_sequence = ?, shipped_hash = ?,"
            " shipped_segments = ?, sealed_sequence = ?",
            (
                chain.head_sequence,
                chain.head_hash,
                chain.shipped_sequence,
                chain.shipped_hash,
                chain.shipped_segments,
                chain.sealed_sequence,
            ),
        )

    def _cut(self, chain: _Chain, max_bytes: int) -> tuple[int, int]:
        """Return the last sequence that the next segment reaches, and the size of its batches; 0 if there is none."""
        last, total = 0, 0
        sizes = self._writer.execute(
            "SELECT last_sequence, length(records) + coalesce(size, 0) FROM batches"
            " LEFT JOIN annexed USING (last_sequence) WHERE last_sequence > ? ORDER BY last_sequence",
            (chain.shipped_sequence,),
        )
        for sequence, size in sizes:
            if total and total + size > max_bytes:
                break
            last, total = sequence, total + size
        sizes.close()
        return last, total

    def _sealed_segment(self, chain: _Chain) -> prediction_pb2.Segment:
        segment = prediction_pb2.Segment(
            instance=self.instance, number=chain.shipped_segments + 1, previous_hash=chain.shipped_hash
        )
        with translated():
            rows: list[tuple[bytes, int | None, int, int]] = self._writer.execute(
                "SELECT records, file, start, size FROM batches LEFT JOIN annexed USING (last_sequence)"
                " WHERE last_sequence <= ? ORDER BY last_sequence",
                (chain.sealed_sequence,),
            ).fetchall()
        for records, file, start, size in rows:
            segment.MergeFromString(records)
            if file is not None:
                segment.records[-1].personal_part = self._annex.read(Place(file, start, size))
        segment.digest = segment_digest(segment)
        return segment
