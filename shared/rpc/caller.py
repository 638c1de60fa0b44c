"""Who calls: taken from the channel, never from a field of the request."""

import grpc

UNVERIFIED = "unverified"


def caller_of(context: grpc.ServicerContext) -> str:
    """Return the common name of the client certificate (its whole subject where it has none), else "unverified"."""
    auth_context = context.auth_context()
    for key in ("x509_common_name", "x509_subject"):
        # The type stubs promise bytes; grpc returns a sequence of them.
        for value in auth_context.get(key, ()):
            name = value.decode(errors="replace") if isinstance(value, bytes) else ""
            if name:
                return name
    return UNVERIFIED
