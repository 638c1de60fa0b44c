"""A hundred thousand requests that nobody would send on purpose: each is answered or refused, none ends the server."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import psutil
import pytest

from counterfoil.client.channels import open_channel
from counterfoil.client.errors import call_error
from counterfoil.inference.v2 import open_inference_pb2
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from services.scorer.app import INFERENCE_SERVICE_NAME, SERVICE_NAME
from tests.champions import champion_in
from tests.processes import free_port, start_service, wait_until_serving
from tests.service.scoring import APPLICATION, feature_map

pytestmark = pytest.mark.reliability
REQUESTS = 100_000
THREADS = 8
LARGEST_GROWTH = 1.10
REFUSALS = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "ALREADY_EXISTS", "RESOURCE_EXHAUSTED"}
NUMBERS = (0.0, -0.0, 1e308, -1e308, float("nan"), float("inf"), float("-inf"), 5e-324, 2.0**63)
TEXTS = ("", "x", "\u0000", "F", "Cash loans", "100001", "ß" * 200, "a" * 10_000)


def test_no_request_crashes_the_scorer_or_is_its_fault(tmp_path: Path) -> None:
    """Damaged bytes, strange values and wrong shapes for every rpc: the caller's mistakes, and memory stays flat."""
    champion = champion_in(tmp_path, seed=13)
    address = f"127.0.0.1:{free_port()}"
    environment = {**champion.variables, "COUNTERFOIL_MONITOR_ADDRESS": f"127.0.0.1:{free_port()}"}
    service = start_service("scorer", address, environment, tmp_path / "scorer.log")
    try:
        wait_until_serving(address, SERVICE_NAME)
        process = psutil.Process(service.process.pid)
        first, warm = ask_all(address, seed=0, count=REQUESTS // 10), process.memory_info().rss
        rest, end = ask_all(address, seed=1, count=REQUESTS - REQUESTS // 10), process.memory_info().rss

        assert service.process.poll() is None
    finally:
        service.kill()

    codes = first + rest
    assert codes.total() == REQUESTS
    assert set(codes) <= REFUSALS, codes
    assert codes["OK"] > REQUESTS // 100, codes
    assert codes["INVALID_ARGUMENT"] > REQUESTS // 10, codes
    assert end <= warm * LARGEST_GROWTH, (warm, end)


def ask_all(address: str, *, seed: int, count: int) -> Counter[str]:
    """Return how often each code came, over so many requests from several threads."""
    with open_channel(address) as channel, ThreadPoolExecutor(THREADS) as pool:
        shares = [(seed * THREADS + thread, count // THREADS + (thread < count % THREADS)) for thread in range(THREADS)]
        counted = pool.map(lambda share: ask_some(channel, seed=share[0], count=share[1]), shares)
        return sum(counted, Counter[str]())


def ask_some(channel: grpc.Channel, *, seed: int, count: int) -> Counter[str]:
    """Return how often each code came, over so many requests from one thread."""
    chance = random.Random(seed)  # noqa: S311  # it makes up requests and guards nothing
    codes: Counter[str] = Counter()
    makers: list[Callable[[random.Random], tuple[str, bytes]]] = [score, batch, infer, lookup]
    for _ in range(count):
        method, content = chance.choice(makers)(chance)
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        try:
            call(damaged(chance, content) if chance.random() < 0.5 else content, timeout=60)
        except grpc.RpcError as error:
            codes[call_error(error).code] += 1
        else:
            codes["OK"] += 1
    return codes


def damaged(chance: random.Random, content: bytes) -> bytes:
    """Return the bytes with some flipped, cut off, doubled or added."""
    broken = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(broken) + 1)
        match chance.randrange(4):
            case 0 if broken:
                broken[place % len(broken)] ^= 1 << chance.randrange(8)
            case 1:
                del broken[place:]
            case 2:
                broken[place:place] = broken[: chance.randrange(20)]
            case _:
                broken[place:place] = chance.randbytes(chance.randint(1, 8))
    return bytes(broken)


def score(chance: random.Random) -> tuple[str, bytes]:
    """Return a Score call about a strange subject."""
    request = scorer_pb2.ScoreRequest(purpose=purpose(chance), subject=subject(chance))
    if chance.random() < 0.1:
        request.request_id = chance.choice(TEXTS)
    return f"/{SERVICE_NAME}/Score", request.SerializeToString()


def batch(chance: random.Random) -> tuple[str, bytes]:
    """Return a BatchScore call about some."""
    subjects = [subject(chance) for _ in range(chance.randrange(4))]
    request = scorer_pb2.BatchScoreRequest(purpose=purpose(chance), subjects=subjects)
    return f"/{SERVICE_NAME}/BatchScore", request.SerializeToString()


def infer(chance: random.Random) -> tuple[str, bytes]:
    """Return a ModelInfer call with strange tensors."""
    request = open_inference_pb2.ModelInferRequest(id=chance.choice(TEXTS))
    for _ in range(chance.randrange(3)):
        name = chance.choice(("features", "applicant_id", "AMT_CREDIT", "x"))
        shape = [chance.choice((-1, 0, 1, 2, 6, 1 << 40)) for _ in range(chance.randrange(3))]
        request.inputs.add(name=name, datatype=chance.choice(("FP64", "BYTES", "INT8", "FP16", "?")), shape=shape)
        if chance.random() < 0.7:
            request.raw_input_contents.append(chance.randbytes(chance.choice((0, 4, 8, 48))))
    return f"/{INFERENCE_SERVICE_NAME}/ModelInfer", request.SerializeToString()


def lookup(chance: random.Random) -> tuple[str, bytes]:
    """Return a GetApplicant call."""
    request = scorer_pb2.GetApplicantRequest(name="applicants/" + chance.choice(TEXTS), model=chance.choice(("", "x")))
    return f"/{SERVICE_NAME}/GetApplicant", request.SerializeToString()


def purpose(chance: random.Random) -> prediction_pb2.Purpose.ValueType:
    """Return any purpose, mostly one that is asked for."""
    return chance.choice((*prediction_pb2.Purpose.values(), *[prediction_pb2.PURPOSE_TEST] * 8))


def subject(chance: random.Random) -> scorer_pb2.Subject:
    """Return a subject of any kind, sound or strange."""
    it = scorer_pb2.Subject()
    match chance.randrange(4):
        case 0:
            it.applicant_id = chance.choice(TEXTS)
        case 1:
            it.features.CopyFrom(feature_map(dict(cells(chance))))
        case 2:
            it.vector.values.extend(chance.choice(NUMBERS) for _ in range(chance.choice((0, 6, 7))))
            it.vector.schema_digest = chance.choice(TEXTS)
        case _:
            it.raw.application.amt_credit = chance.choice(NUMBERS)
            it.raw.application.name_contract_type = chance.choice(TEXTS)
            it.raw.history.bureau.add(amt_credit_sum=chance.choice(NUMBERS), credit_active=chance.choice(TEXTS))
    return it


def cells(chance: random.Random) -> Iterator[tuple[str, float | str | None]]:
    """Yield the features of an application, some of them replaced, left out or added."""
    for name, value in APPLICATION.items():
        if chance.random() < 0.97:
            strange = chance.choice((None, *NUMBERS, *TEXTS))
            yield name, strange if chance.random() < 0.1 else value
    if chance.random() < 0.05:
        yield chance.choice(TEXTS), 1.0
