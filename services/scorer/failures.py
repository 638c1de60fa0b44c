"""What was not answered, in the prediction log beside what was: off the path of the answers, and bounded."""

import hashlib
import logging
import secrets
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, Protocol, TypeAlias

import grpc
from google.protobuf.message import Message

from counterfoil.types.v1 import failure_pb2, prediction_pb2
from services.scorer.adapters.spool import Depth, Entry, Receipt
from shared.errors import CounterfoilError
from shared.logs import log_event
from shared.prediction_record.chain import SALT_BYTES, personal_digest
from shared.repeating import Repeating
from shared.rpc.boundary import FailedRpc
from shared.rpc.caller import caller_of
from shared.rpc.statuses import code_name

FAILURE_LAYOUT: Final = 3
EVERY_SECONDS: Final = 1.0
MOST_TOLD: Final = 100
"""Failures that one record tells one by one; the others of its second are added up."""
SPOOL_SHARE: Final = 0.5
"""From this share of the spool's bound on failures leave the rest to answers."""
MOST_FIELDS: Final = 8
MOST_CHARACTERS: Final = 128
METHODS: Final = frozenset({"Score", "BatchScore", "StreamScore", "ScoreDataset", "ModelInfer"})
"""Rpcs that answer about applicants."""
_LOGGER = logging.getLogger("counterfoil.scorer.failures")


RowsFailed: TypeAlias = Callable[[str, Message, grpc.ServicerContext, Sequence[object]], None]
"""Takes the method, the request and the outcomes of a call of which some rows may have failed."""


class FailureSpool(Protocol):
    """Where failures are recorded."""

    def append(self, entries: Sequence[Entry]) -> list[Receipt]:
        """Write the records durably; raises CounterfoilError."""

    def depth(self) -> Depth:
        """Tell how full it is; raises CounterfoilError."""


class FailureMeter(Protocol):
    """Told of failures that are on disk, and of those that never will be."""

    def failures_recorded(self, count: int) -> None:
        """Take how many are."""

    def failures_lost(self, count: int) -> None:
        """Take how many will not be."""


@dataclass
class _Waiting:
    """Failures that are to be recorded together: told one by one, each with what was sent, and added up by kind."""

    told: list[tuple[failure_pb2.FailedCall, failure_pb2.FailedRequest]] = field(default_factory=list)
    added_up: dict[tuple[str, str, str, str], failure_pb2.FailedCall] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether no more are told one by one."""
        return len(self.told) >= MOST_TOLD

    def add(self, call: failure_pb2.FailedCall, sent: failure_pb2.FailedRequest | None) -> None:
        """Take one more."""
        if sent is not None and not self.full:
            self.told.append((call, sent))
            return
        alike = self.added_up.setdefault((call.method, call.caller, call.code, call.reason), call)
        if alike is not call:
            alike.count += call.count
            alike.end_time.CopyFrom(call.end_time)
            alike.model_version = call.model_version
        alike.ClearField("row")

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.told) + sum(each.count for each in self.added_up.values())

    def entry(self, create_time: datetime) -> Entry:
        """Return the record of all of them."""
        nothing = failure_pb2.FailedRequest()
        failures = [*self.told, *((each, nothing) for each in self.added_up.values())]
        personal = prediction_pb2.PersonalPart(failed_requests=[request for _, request in failures]).SerializeToString()
        salt = secrets.token_bytes(SALT_BYTES)
        decision = prediction_pb2.DecisionPart(
            layout_version=FAILURE_LAYOUT,
            prediction_id=str(uuid.uuid4()),
            personal_digest=personal_digest(salt, personal),
            failures=failure_pb2.FailedCalls(calls=[call for call, _ in failures]),
        )
        decision.create_time.FromDatetime(create_time)
        return Entry(decision.SerializeToString(deterministic=True), personal, salt)


class Failures:
    """Records every second what failed since: a record a second at most, whatever comes in.

    A failure is told to its caller before it is on disk, and that of a process that is killed within the second is
    lost, as are those that the spool cannot take or, half full, is not to take: answers matter more. Those are counted.
    """

    def __init__(
        self,
        spool: FailureSpool,
        meter: FailureMeter,
        *,
        clock: Callable[[], datetime],
        serving: Callable[[], str],
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        """Take what `serving` returns for the version that is served as the champion then, empty for none."""
        self._spool = spool
        self._meter = meter
        self._clock = clock
        self._serving = serving
        self._waiting = _Waiting()
        self._guard = threading.Lock()
        self._thread = Repeating(self._record, every_seconds=every_seconds, name="failures")

    def start(self) -> None:
        """Begin to record."""
        self._thread.start()

    def stop(self) -> None:
        """Record what waits, and end."""
        self._thread.stop()
        self._record()

    def failed(self, failed: FailedRpc) -> None:
        """Take a call that failed as a whole; those that are not about applicants are nobody's decision."""
        method = failed.rpc.method.rpartition("/")[2]
        if method in METHODS:
            call = failure_pb2.FailedCall(
                method=method, caller=failed.rpc.caller, code=failed.rpc.code, reason=failed.rpc.reason
            )
            self._take(call, lambda: _sent(failed.rpc.request_id, failed.message, failed.fields))

    def rows_failed(
        self, method: str, request: Message, context: grpc.ServicerContext, outcomes: Sequence[object]
    ) -> None:
        """Take those rows of a call that have an error in place of an answer."""
        for row, error in enumerate(outcomes):
            if isinstance(error, CounterfoilError):
                call = _failed_row(method, caller_of(context), error, row)
                self._take(call, partial(_sent, getattr(request, "request_id", ""), request, error.fields))

    def chunk_rows_failed(self, method: str, caller: str, errors: Mapping[int, CounterfoilError]) -> None:
        """Take the rows of a chunk that have an error in place of an answer, by their place in the call.

        Of what was sent there is no digest: the chunk has megabytes, and is nearly all about other rows.
        """
        rows = sorted(errors)
        for row in rows[:MOST_TOLD]:
            error = errors[row]
            self._take(_failed_row(method, caller, error, row), partial(_sent, "", None, error.fields))
        alike = Counter((code_name(errors[row]), errors[row].reason) for row in rows[MOST_TOLD:])
        for (code, reason), count in alike.items():
            self._take(failure_pb2.FailedCall(method=method, caller=caller, code=code, reason=reason), count=count)

    def _take(
        self,
        call: failure_pb2.FailedCall,
        sent: Callable[[], failure_pb2.FailedRequest | None] = lambda: None,
        *,
        count: int = 1,
    ) -> None:
        call.end_time.FromDatetime(self._clock())
        call.model_version, call.count = self._serving(), count
        # Looked at without the lock: a flood is not to cost a digest each.
        told = None if self._waiting.full else sent()
        with self._guard:
            self._waiting.add(call, told)

    def _record(self) -> None:
        with self._guard:
            taken, self._waiting = self._waiting, _Waiting()
        if not taken.count:
            return
        try:
            if full := self._spool.depth().used >= SPOOL_SHARE:
                log_event(_LOGGER, "failures not recorded", reason="SPOOL_HALF_FULL", count=taken.count)
            else:
                self._spool.append([taken.entry(self._clock())])
        except CounterfoilError as error:
            full = True
            log_event(_LOGGER, "failures not recorded", reason=error.reason, count=taken.count)
        (self._meter.failures_lost if full else self._meter.failures_recorded)(taken.count)


def _failed_row(method: str, caller: str, error: CounterfoilError, row: int) -> failure_pb2.FailedCall:
    return failure_pb2.FailedCall(method=method, caller=caller, code=code_name(error), reason=error.reason, row=row)


def _sent(request_id: str, request: Message | None, fields: Sequence[str]) -> failure_pb2.FailedRequest:
    content = b"" if request is None else request.SerializeToString(deterministic=True)
    return failure_pb2.FailedRequest(
        request_id=request_id[:MOST_CHARACTERS],
        digest=b"" if request is None else hashlib.sha256(content).digest(),
        fields=[each[:MOST_CHARACTERS] for each in fields[:MOST_FIELDS]],
    )
