"""A bare gRPC server that sends each request back, `python -m benchmarks.sides.echo PORT`: what gRPC itself costs."""

import sys
from concurrent import futures

import grpc

from counterfoil.scorer.v1 import scorer_pb2

SERVICE, METHOD = "benchmarks.Echo", "Echo"


def main(port: str) -> None:
    """Serve for ever, on four threads."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    echo = grpc.unary_unary_rpc_method_handler(
        lambda request, _context: request,
        request_deserializer=scorer_pb2.ScoreRequest.FromString,
        response_serializer=scorer_pb2.ScoreRequest.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: echo}),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1])
