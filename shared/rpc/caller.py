"""Who calls: taken from the channel, never from a field of the request."""

from collections.abc import Iterable
from typing import cast

import grpc

UNVERIFIED = "unverified"


def caller_of(context: grpc.ServicerContext) -> str:
    """Return the common name of the client certificate (its whole subject where it has none), else "unverified"."""
    # The type stubs promise bytes; grpc returns a sequence of them for each property.
    properties = cast("dict[str, Iterable[bytes]]", context.auth_context())
    for key in ("x509_common_name", "x509_subject"):
        for value in properties.get(key, ()):
            if value:
                return value.decode(errors="replace")
    return UNVERIFIED
