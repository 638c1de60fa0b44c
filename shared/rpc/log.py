"""The log lines of calls, written some at a time on a thread of their own: a handler thread has better to do."""

import json
import logging
import time
from collections import deque
from functools import lru_cache
from typing import Final

from shared.logs import log_events
from shared.repeating import Repeating
from shared.rpc.boundary import FinishedRpc

EVERY_SECONDS: Final = 0.1
_KINDS: Final = 1024
_LOGGER = logging.getLogger("counterfoil.rpc")


class RpcLog:
    """Writes the same lines as `log_rpc`, up to a tenth of a second later; what was told before `stop` is written.

    A process that is killed loses the lines of that tenth of a second, but no record of a decision.
    """

    def __init__(self, *, every_seconds: float = EVERY_SECONDS) -> None:
        self._waiting: deque[tuple[float, FinishedRpc]] = deque()
        self._thread = Repeating(self._write, every_seconds=every_seconds, name="rpc-log")

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def __call__(self, rpc: FinishedRpc) -> None:
        """Take an ended call."""
        self._waiting.append((time.time(), rpc))

    def stop(self) -> None:
        """Write what waits, and end."""
        self._thread.stop()
        self._write()

    def _write(self) -> None:
        ended = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if ended and _LOGGER.isEnabledFor(logging.INFO):
            log_events(_LOGGER, "rpc", [(seconds, _fields(rpc)) for seconds, rpc in ended])


def _fields(rpc: FinishedRpc) -> str:
    kind = _kind(rpc.method, rpc.model_version, rpc.code, rpc.reason, rpc.caller)
    request_id = json.dumps(rpc.request_id, ensure_ascii=False) if rpc.request_id else '""'
    return f'{kind}, "request_id": {request_id}, "ms": {rpc.latency_ms:.3f}'


@lru_cache(_KINDS)
def _kind(method: str, model_version: str, code: str, reason: str, caller: str) -> str:
    fields = {"method": method, "model_version": model_version, "code": code, "reason": reason, "caller": caller}
    return json.dumps(fields, ensure_ascii=False)[1:-1]
