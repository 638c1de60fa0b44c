"""Trainer, scorer and monitor with written answers on a real server, and the command line to call them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from click.testing import CliRunner, Result
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2
from grpc_status import rpc_status

from counterfoil.cli.application import counterfoil
from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.trainer.v1 import trainer_pb2

_SERVICES = (
    trainer_pb2.DESCRIPTOR.services_by_name["TrainerService"],
    scorer_pb2.DESCRIPTOR.services_by_name["ScorerService"],
    monitor_pb2.DESCRIPTOR.services_by_name["MonitorService"],
)


class FakeServices:
    """Answers each method by its script and remembers what it was asked.

    A script is the messages of one call, the last of which may be a status: the call then fails with it. Scripts of a
    method are used in turn, the last one for good. A method without a script is UNIMPLEMENTED.
    """

    def __init__(self) -> None:
        self.address = ""
        self._scripts: dict[str, list[Sequence[Message]]] = {}
        self._stalled: set[str] = set()
        self._asked: dict[str, list[Any]] = {}

    def answer(self, method: str, *script: Message) -> None:
        """Add a script."""
        self._scripts.setdefault(method, []).append(script)

    def forget(self, *methods: str) -> None:
        """Drop every script of the methods."""
        for method in methods:
            self._scripts.pop(method, None)

    def stall(self, method: str, *script: Message) -> None:
        """Add a script after whose messages the call stays silent until the client leaves or the server stops."""
        self.answer(method, *script)
        self._stalled.add(method)

    def asked(self, method: str) -> list[Any]:
        """Return the requests of a method in their order."""
        return self._asked.get(method, [])

    def run(self, *arguments: str, typed: str = "") -> Result:
        """Run `counterfoil` with these services and return its exit code and output; `typed` is its standard input."""
        addresses = [f"--{service}={self.address}" for service in ("trainer", "scorer", "monitor")]
        outcome = CliRunner().invoke(counterfoil, [*addresses, *arguments], input=typed)
        if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
            raise outcome.exception
        return outcome

    def reply(self, method: str, request: Message, context: grpc.ServicerContext) -> Iterator[Message]:
        """Yield the next script's messages."""
        self._asked.setdefault(method, []).append(request)
        scripts = self._scripts.get(method, [])
        if not scripts:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{method} has no script")
        for message in scripts.pop(0) if len(scripts) > 1 else scripts[0]:
            if isinstance(message, status_pb2.Status):
                context.abort_with_status(rpc_status.to_status(message))
            yield message
        if method in self._stalled:
            gone = threading.Event()
            if context.add_callback(gone.set):
                gone.wait()


@contextmanager
def fake_services(credentials: grpc.ServerCredentials | None = None) -> Iterator[FakeServices]:
    """Run the three services on one port for the length of a `with` block, under TLS where there are credentials."""
    fake = FakeServices()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    for service in _SERVICES:
        handlers = {method.name: _handler(fake, method) for method in service.methods}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    anywhere = "127.0.0.1:0"
    port = server.add_secure_port(anywhere, credentials) if credentials else server.add_insecure_port(anywhere)
    fake.address = f"127.0.0.1:{port}"
    server.start()
    try:
        yield fake
    finally:
        server.stop(None).wait()


def _handler(fake: FakeServices, method: MethodDescriptor) -> Any:
    def stream(request: Message, context: grpc.ServicerContext) -> Iterator[Message]:
        return fake.reply(method.name, request, context)

    def unary(request: Message, context: grpc.ServicerContext) -> Message:
        return next(stream(request, context))

    parse = GetMessageClass(method.input_type).FromString
    serialize: Callable[[Any], bytes] = GetMessageClass(method.output_type).SerializeToString
    if method.server_streaming:
        return grpc.unary_stream_rpc_method_handler(stream, parse, serialize)
    return grpc.unary_unary_rpc_method_handler(unary, parse, serialize)
