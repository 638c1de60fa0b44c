"""Who calls: taken from the channel, never from a field of the request."""

from collections.abc import Iterable
from typing import Final, cast

import grpc

UNVERIFIED = "unverified"
_KNOWN: Final = "_counterfoil_caller"


def caller_of(context: grpc.ServicerContext) -> str:
    """Return the common name of the client certificate (its whole subject where it has none), else "unverified".

    It is looked up once a call: that takes longer than much of what is done for a call.
    """
    known = getattr(context, _KNOWN, None)
    if known is not None:
        return str(known)
    caller = _looked_up(context)
    remember_caller(context, caller)
    return caller


def remember_caller(context: grpc.ServicerContext, caller: str) -> None:
    """Let `caller_of` return this for the call: on a channel in plain text nobody has to be looked up."""
    setattr(context, _KNOWN, caller)


def _looked_up(context: grpc.ServicerContext) -> str:
    # The type stubs promise bytes; grpc returns a sequence of them for each property.
    properties = cast("dict[str, Iterable[bytes]]", context.auth_context())
    for key in ("x509_common_name", "x509_subject"):
        for value in properties.get(key, ()):
            if value:
                return value.decode(errors="replace")
    return UNVERIFIED
