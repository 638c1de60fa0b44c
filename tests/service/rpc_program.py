"""A service process for the tests: `python -m tests.service.rpc_program`.

Its Score writes "entered" on stdout and answers only when the call is cancelled; logs go to stderr as JSON lines.
"""

import sys
import threading

import grpc

from counterfoil.scorer.v1 import scorer_pb2
from shared.logs import configure
from shared.rpc.server import build_server
from shared.rpc.serving import serve
from tests.service.rpc_service import LOOPBACK, answer, scorer


def tell(word: str) -> None:
    """Write a line that the test reads."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def stay(request: scorer_pb2.ScoreRequest, context: grpc.ServicerContext) -> scorer_pb2.ScoreResponse:
    """Answer at once for the model "quick", else when the call is over."""
    if request.model != "quick":
        over = threading.Event()
        context.add_callback(over.set)
        tell("entered")
        over.wait()
    return answer(request, context)


if __name__ == "__main__":
    configure("scorer", "INFO")
    serve(build_server(LOOPBACK, [scorer(stay)]), lambda: tell("cleaned up"))
