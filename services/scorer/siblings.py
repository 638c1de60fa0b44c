"""The other worker processes on the same port: what one is told to reload, all do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import grpc

from counterfoil.client.errors import call_error
from counterfoil.scorer.v1 import scorer_pb2, scorer_pb2_grpc
from shared.errors import Unavailable

RELAYED: Final = "counterfoil-relayed"
RELOAD_SECONDS: Final = 120.0


class Siblings:
    """The other workers, by their private sockets; none where there is no supervisor."""

    def __init__(self, sockets: Sequence[Path]) -> None:
        self._sockets = sockets

    def reload(self, request: scorer_pb2.ReloadModelRequest, context: grpc.ServicerContext) -> None:
        """Return once each of the others has reloaded as well, unless the call was relayed by one of them.

        One that is just starting loads what the alias names by itself. Raises Unavailable (WORKER_NOT_RELOADED).
        """
        if any(key == RELAYED for key, _ in context.invocation_metadata() or ()):
            return
        for socket in self._sockets:
            with grpc.insecure_channel(f"unix:{socket}") as channel:
                _reload(scorer_pb2_grpc.ScorerServiceStub(channel), request)


def _reload(sibling: scorer_pb2_grpc.ScorerServiceStub, request: scorer_pb2.ReloadModelRequest) -> None:
    try:
        sibling.ReloadModel(request, timeout=RELOAD_SECONDS, metadata=((RELAYED, "1"),))
    except grpc.RpcError as error:
        failed = call_error(error)
        if failed.code == grpc.StatusCode.UNAVAILABLE.name and not failed.reason:
            return
        raise Unavailable(
            f"another worker process goes on with the version before ({failed.reason or failed.code}); reload again",
            reason="WORKER_NOT_RELOADED",
        ) from error
