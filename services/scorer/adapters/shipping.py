"""The way of the log from the spool to the monitor: sealed every second, kept until the monitor has it on its disk."""

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

import grpc

from counterfoil.client.errors import call_error
from counterfoil.monitor.v1 import monitor_pb2, monitor_pb2_grpc
from counterfoil.types.v1 import prediction_pb2
from services.scorer.adapters.spool import Spool
from shared.errors import CounterfoilError, Unavailable
from shared.logs import log_event

SEAL_SECONDS: Final = 1.0
# What is shipped at once of a backlog: the monitor's work on a segment hardly grows with its size.
SEGMENT_BYTES: Final = 8 << 20
LONGEST_PAUSE_SECONDS: Final = 30.0
CALL_SECONDS: Final = 30.0
_PURGED_AT_ONCE: Final = 1000
_LOGGER = logging.getLogger("counterfoil.scorer.shipping")
# Quoted: only the type stubs know parameters.
_IngestCall: TypeAlias = "grpc.Future[monitor_pb2.IngestPredictionsResponse]"


class SegmentRefused(CounterfoilError):
    """The monitor will never take this segment as it is; it stays in the spool for a person to look at."""


class MonitorLog:
    """The monitor's ledger, over a channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = monitor_pb2_grpc.MonitorServiceStub(channel)
        self._guard = threading.Lock()
        self._call: _IngestCall | None = None
        self._given_up = False

    def ingest(self, segment: prediction_pb2.Segment) -> None:
        """Return once the monitor has the segment on disk.

        Raises SegmentRefused if it finds the segment wrong, Unavailable for anything that may pass.
        """
        try:
            reply = self._begin(segment).result()
        except grpc.FutureCancelledError as error:
            raise _given_up() from error
        except grpc.RpcError as error:
            failed = call_error(error)
            kind = SegmentRefused if failed.code == grpc.StatusCode.INVALID_ARGUMENT.name else Unavailable
            raise kind(f"{failed.code}: {failed.message}", reason=failed.reason or "MONITOR_UNAVAILABLE") from error
        if (reply.instance, reply.number) != (segment.instance, segment.number):
            raise Unavailable("the monitor acknowledged another segment", reason="WRONG_ACKNOWLEDGEMENT")

    def give_up(self) -> None:
        """Make the running ingest fail, and each one after it; only then may the channel be closed.

        A call on a channel that was closed under it ends the process with SIGSEGV (grpcio 1.85).
        """
        with self._guard:
            self._given_up = True
            if self._call is not None:
                self._call.cancel()

    def _begin(self, segment: prediction_pb2.Segment) -> _IngestCall:
        request = monitor_pb2.IngestPredictionsRequest(segment=segment)
        with self._guard:
            if self._given_up:
                raise _given_up()
            self._call = self._stub.IngestPredictions.future(request, timeout=CALL_SECONDS)
            return self._call


def _given_up() -> Unavailable:
    return Unavailable("the scorer stops; what was not shipped stays in the spool", reason="SHIPPING_STOPPED")


class Shipper:
    """A thread that seals what waits every second, or sooner when a segment is full, and ships it in order.

    While `ingest` fails it pauses, 1 s at first and up to 30 s, and the spool keeps everything. A segment that is
    refused is kept too, in the way of those behind it, and tried again every 30 s: nothing is ever dropped.
    """

    def __init__(
        self,
        spool: Spool,
        ingest: Callable[[prediction_pb2.Segment], None],
        *,
        seal_seconds: float = SEAL_SECONDS,
        segment_bytes: int = SEGMENT_BYTES,
        longest_pause_seconds: float = LONGEST_PAUSE_SECONDS,
    ) -> None:
        self._spool = spool
        self._ingest = ingest
        self._seal_seconds = seal_seconds
        self._segment_bytes = segment_bytes
        self._longest_pause_seconds = longest_pause_seconds
        self._pause = seal_seconds
        self._trouble = ""
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shipping", daemon=True)

    def start(self) -> None:
        """Begin to ship."""
        self._thread.start()

    def recorded(self) -> None:
        """Take notice that records were added: a full segment is shipped at once, unless the monitor is in trouble."""
        if not self._trouble and self._spool.open_bytes >= self._segment_bytes:
            self._woken.set()

    def stop(self, give_up: Callable[[], None], *, grace_seconds: float) -> None:
        """Ship what waits until that is done, or fails, or the grace is over; what was not shipped stays in the spool.

        `give_up` is called when the grace is over, and must make a running `ingest` fail.
        """
        self._stopping.set()
        self._woken.set()
        if self._thread.ident is None:
            return
        self._thread.join(grace_seconds)
        if self._thread.is_alive():
            give_up()
            self._thread.join()

    def _run(self) -> None:
        last = False
        while not last:
            self._woken.wait(self._pause)
            self._woken.clear()
            last = self._stopping.is_set()
            self._attempt(self._ship)
            self._attempt(self._purge)

    def _attempt(self, step: Callable[[], None]) -> None:
        """Take the step; whatever fails is logged and lengthens the pause, since the thread must live on."""
        try:
            step()
        except SegmentRefused as error:
            self._failed(error, pause=self._longest_pause_seconds)
            _LOGGER.error("segment refused; it is kept and stops those behind it", extra=_reason(error))
        except CounterfoilError as error:
            self._failed(error, pause=min(2 * self._pause, self._longest_pause_seconds))
        except Exception:  # the boundary of the thread: without it the spool would fill up in silence
            _LOGGER.exception("shipping failed")
            self._pause = self._longest_pause_seconds

    def _purge(self) -> None:
        while self._spool.purge(_PURGED_AT_ONCE) == _PURGED_AT_ONCE:
            pass

    def _ship(self) -> None:
        while segment := self._spool.seal(self._segment_bytes):
            self._ingest(segment)
            self._spool.acknowledge(segment)
            if self._trouble:
                log_event(_LOGGER, "shipping again", segment=segment.number)
            self._trouble, self._pause = "", self._seal_seconds

    def _failed(self, error: CounterfoilError, *, pause: float) -> None:
        """Set the next pause, and say what is wrong once, not at every attempt."""
        if error.reason != self._trouble:
            _LOGGER.warning("shipping is held up", extra=_reason(error))
        self._trouble, self._pause = error.reason, pause


def _reason(error: CounterfoilError) -> dict[str, object]:
    return {"fields": {"reason": error.reason, "message": error.message}}
