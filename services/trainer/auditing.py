"""Every call that changes something is written down before it begins and when it has ended, whatever the rpc."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import grpc

from services.trainer.domain.audit import End, Intent, Outcome
from shared.errors import CounterfoilError, Exhausted, Unavailable
from shared.rpc.caller import caller_of

CHANGING_VERBS = ("Cancel", "Create", "Delete", "Demote", "Promote", "Refresh")
# What else of a request an auditor wants to see; none of it is an applicant's.
NOTED_FIELDS = ("alias", "dataset", "model", "classifier", "base_version", "threshold", "on_behalf_of")


class Trail(Protocol):
    """Where intents and ends are kept."""

    def begin(self, intent: Intent) -> int:
        """Write an intent down and return its place."""
        ...

    def end(self, intent: int, end: End) -> None:
        """Write down how the call that began at a place ended."""
        ...


class Audited:
    """A servicer whose changing rpcs leave their mark in the trail; the others pass as they are.

    An rpc that cannot be written down is not begun. If its end cannot be, the caller is told so (Unavailable), though
    it may have been done: the trail then shows it as open.
    """

    def __init__(self, servicer: object, trail: Trail) -> None:
        self._servicer = servicer
        self._trail = trail

    def __getattr__(self, name: str) -> Any:
        """Return the servicer's rpc of that name."""
        rpc = getattr(self._servicer, name)
        return partial(self._record, name, rpc) if name.startswith(CHANGING_VERBS) else rpc

    def _record(self, action: str, rpc: Callable[..., Any], request: object, context: grpc.ServicerContext) -> Any:
        place = self._trail.begin(intent_of(action, request, caller_of(context)))
        try:
            reply = rpc(request, context)
        except Exception as error:
            self._trail.end(place, end_of(error))
            raise
        self._trail.end(place, End(Outcome.DONE, resource=str(getattr(reply, "name", ""))))
        return reply


def intent_of(action: str, request: object, caller: str) -> Intent:
    """Return what a request is about to do, by the fields that it has."""
    return Intent(
        caller=caller,
        action=action,
        resource=str(getattr(request, "name", "") or getattr(request, "parent", "")),
        reason=str(getattr(request, "reason", "")),
        request_id=str(getattr(request, "request_id", "")),
        details={name: str(getattr(request, name)) for name in NOTED_FIELDS if getattr(request, name, "")},
    )


def end_of(error: Exception) -> End:
    """Return how a call ended that raised: refused with nothing changed, or failed on the way."""
    if not isinstance(error, CounterfoilError):
        return End(Outcome.FAILED, "INTERNAL")
    failed = isinstance(error, Unavailable | Exhausted)
    return End(Outcome.FAILED if failed else Outcome.REFUSED, error.reason)
