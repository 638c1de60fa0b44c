"""The generator of the overload offers what the clock says, counts how each call ends, and misses no lost answer."""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.h2load import Target
from benchmarks.http2_calls import RESOURCE_EXHAUSTED, Account
from benchmarks.open_loop import Phase, open_loop
from benchmarks.overload import AFTER_SECONDS, Receipts, Run, refuse_losses
from services.scorer.adapters.spool import Spool
from tests.adapters.spools import entry
from tests.clock import Clock


def echo(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Return the request, but for one that asks to be refused."""
    if request == b"no":
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
    return request


@contextmanager
def server() -> Iterator[str]:
    """Give the address of a server that echoes."""
    running = grpc.server(futures.ThreadPoolExecutor(4))
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(echo)
    running.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo", {"Echo": handler}),))
    port = running.add_insecure_port("127.0.0.1:0")
    running.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        running.stop(None).wait()


def offered(request: bytes) -> tuple[list[Account], list[bytes]]:
    """Return what became of two phases of calls, and the answers' messages."""
    answers: list[bytes] = []
    with (
        server() as address,
        open_loop(Target(address, "/echo/Echo", request, least_reply=0), 3, answers.append) as loop,
    ):
        return loop.offer([Phase(100.0, 0.3), Phase(200.0, 0.3)]), answers


def test_every_call_is_answered_where_there_is_room() -> None:
    """Over connections that speak HTTP/2 as gRPC wants it, more of them in the second phase."""
    (first, second), answers = offered(b"x" * 2_000)

    assert answers == [b"x" * 2_000] * (first.due + second.due)
    assert (len(first.answers), len(second.answers)) == (first.sent, second.sent) == (first.due, second.due)
    assert first.due < second.due
    assert not first.codes + second.codes


def test_refusals_are_told_from_answers() -> None:
    """By gRPC's status, with the time that each took."""
    (first, second), answers = offered(b"no")

    assert not answers
    assert second.codes == {RESOURCE_EXHAUSTED: second.due}
    assert len(first.refusals) == first.due
    assert min(first.refusals) > 0


def account(answered: NDArray[np.float64], *, latency: float, due: int) -> Account:
    """Return a phase that began at 0, with answers to the calls sent at these moments."""
    it = Account(began=0.0, due=due)
    it.answers.extend([latency] * len(answered))
    it.answer_ends.extend((answered + latency).tolist())
    return it


def test_recovery_is_when_all_calls_are_answered_again_as_fast_as_usual() -> None:
    """Refused for 3 s, and slow for another: recovered by the half second that ends at 4.5 s."""
    due = int(100 * AFTER_SECONDS)
    sent = np.arange(due) / 100
    usual = account(sent, latency=0.002, due=due)
    after = account(sent[(sent >= 3) & (sent < 4)], latency=0.02, due=due)
    fast = account(sent[sent >= 4], latency=0.002, due=due)
    after.answers.extend(fast.answers)
    after.answer_ends.extend(fast.answer_ends)

    assert Run(1.0, usual, usual, after, 1.0, (1, 1)).recovery_s == 4.5
    assert Run(1.0, usual, usual, account(sent[:0], latency=0, due=due), 1.0, (1, 1)).recovery_s == np.inf


def test_an_answer_that_is_not_in_the_spool_is_found(tmp_path: Path) -> None:
    """One receipt too many, or two answers with one."""
    spool = Spool(tmp_path, clock=Clock())
    kept = spool.append([entry(number) for number in range(3)])
    spool.close()
    sound = Receipts({each.sequence: each.hash for each in kept}, answers=3)

    refuse_losses(tmp_path / "spool.db", sound)
    for receipts in (Receipts({**sound.hashes, 4: b"?"}, 4), Receipts(sound.hashes, 4)):
        with pytest.raises(AssertionError, match="of 4 answers"):
            refuse_losses(tmp_path / "spool.db", receipts)
