"""The same request many times at once, as a caller does who does not know whether it was answered."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import grpc

from counterfoil.client.errors import call_error
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.scorer.v1.scorer_pb2_grpc import ScorerServiceStub
from tests.worker_processes import OWN_CONNECTION, WAIT_S

CONNECTIONS = 20


def repeat_at_once(address: str, request: scorer_pb2.ScoreRequest, *, times: int) -> list[bytes]:
    """Return the answers' bytes; a call that is refused because there are too many at once is sent again."""
    with ExitStack() as opened:
        channels = [
            opened.enter_context(grpc.insecure_channel(address, options=OWN_CONNECTION)) for _ in range(CONNECTIONS)
        ]
        for channel in channels:
            grpc.channel_ready_future(channel).result(timeout=WAIT_S)
        stubs = itertools.cycle([ScorerServiceStub(channel) for channel in channels])
        answers: list[bytes] = []
        while missing := times - len(answers):
            calls = [next(stubs).Score.future(request, timeout=WAIT_S) for _ in range(missing)]
            answers += _answered(calls)
    return answers


def _answered(calls: "Sequence[grpc.Future[scorer_pb2.ScoreResponse]]") -> Iterator[bytes]:
    """Yield the bytes of the calls that were answered; the others must be among those that may be sent again."""
    for call in calls:
        try:
            yield call.result().SerializeToString()
        except grpc.RpcError as error:
            if call_error(error).code != grpc.StatusCode.RESOURCE_EXHAUSTED.name:
                raise
