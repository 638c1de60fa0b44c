"""Servers that others have written, with M100 and its probability alone: MLServer 1.7 and PyTriton 0.7.

Each runs in an environment of its own, made from `requirements/peers` below the user's cache and kept there. Each has
the settings with which it was fastest here: one process (MLServer's parallel workers cost more than they bring on one
core), no log line a call, no metrics, one thread for LightGBM.
"""

import hashlib
import json
import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import lightgbm
import numpy as np

from benchmarks.models import N_FEATURES, train
from benchmarks.sides.running import Side, asked, free_port, running
from counterfoil.inference.v2 import open_inference_pb2
from tests.environments import environment
from tests.processes import ROOT

INFER = "/inference.GRPCInferenceService/ModelInfer"
PEERS = ("mlserver", "pytriton")
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "counterfoil" / "peers"


def infer_request(**parameters: str) -> bytes:
    """Return a ModelInfer of M100 about an applicant, the same as in Score's dense vector."""
    _, rows = train(1, 2)
    request = open_inference_pb2.ModelInferRequest(model_name="M100")
    request.inputs.add(name="features", datatype="FP64", shape=[1, N_FEATURES])
    request.raw_input_contents.append(rows[0].tobytes())
    for name, value in parameters.items():
        request.parameters[name].string_param = value
    return request.SerializeToString()


def install() -> None:
    """Make the environments that are not there yet; AssertionError with the installer's words if one cannot be made."""
    for peer in PEERS:
        interpreter(peer)


def interpreter(peer: str) -> Path:
    """Return the interpreter of the peer's environment, which is made where its lock or our Python is new."""
    lock = (ROOT / "requirements" / "peers" / f"{peer}.txt").read_bytes()
    digest = hashlib.sha256(lock + sys.version.encode()).hexdigest()
    folder = _CACHE / f"{peer}-{digest[:12]}"
    whole = folder / "whole"
    if not whole.exists():
        environment(f"peers/{peer}", folder)
        whole.touch()
    return folder / "bin" / "python"


@contextmanager
def peers(model: Path, folder: Path, core: int) -> Iterator[dict[str, Side]]:
    """Run both on the core with the model's text; RuntimeError if one does not start or gives another probability."""
    with ExitStack() as stack:
        sides = {
            "mlserver": stack.enter_context(_mlserver(model, folder, core)),
            "pytriton": stack.enter_context(_pytriton(model, folder, core)),
        }
        for side in sides.values():
            _refuse_other_answer(side, model)
        yield sides


def _refuse_other_answer(side: Side, model: Path) -> None:
    _, rows = train(1, 2)
    expected = np.asarray(lightgbm.Booster(model_file=str(model)).predict(rows[:1]))
    reply = open_inference_pb2.ModelInferResponse.FromString(asked(side.target))
    typed = reply.outputs[0].contents.fp64_contents
    answered = np.array(typed) if typed else np.frombuffer(reply.raw_output_contents[0])
    if not np.allclose(answered, expected, rtol=0, atol=1e-12):
        raise RuntimeError(f"{side.name} answers {answered} where LightGBM says {expected}")


@contextmanager
def _mlserver(model: Path, folder: Path, core: int) -> Iterator[Side]:
    room, port = folder / "mlserver", free_port()
    room.mkdir()
    listening = {"host": "127.0.0.1", "grpc_port": port, "http_port": free_port()}
    lean = {"debug": False, "parallel_workers": 0, "metrics_endpoint": None}
    runtime = {"implementation": "mlserver_lightgbm.LightGBMModel", "parameters": {"uri": str(model)}}
    (room / "settings.json").write_text(json.dumps({**listening, **lean}))
    (room / "model-settings.json").write_text(json.dumps({"name": "M100", **runtime}))
    command = [str(interpreter("mlserver").with_name("mlserver")), "start", str(room)]
    with _running("mlserver", command, port, core=core, folder=folder) as side:
        yield side


@contextmanager
def _pytriton(model: Path, folder: Path, core: int) -> Iterator[Side]:
    """Triton's Python backend is linked with the interpreter's shared library, which must be this very Python's."""
    port, program = free_port(), ROOT / "benchmarks" / "sides" / "triton.py"
    command = [str(interpreter("pytriton")), str(program), str(port), str(free_port()), "M100", str(model)]
    libraries = Path(sysconfig.get_config_var("LIBDIR"))
    with _running("pytriton", command, port, core=core, folder=folder, libraries=libraries) as side:
        yield side


@contextmanager
def _running(
    name: str, command: list[str], port: int, *, core: int, folder: Path, libraries: Path | None = None
) -> Iterator[Side]:
    home = {"PATH": os.environ["PATH"], "HOME": str(folder), "LD_LIBRARY_PATH": str(libraries or "")}
    with running(
        name,
        command,
        port=port,
        path=INFER,
        request=infer_request(),
        cores=(core,),
        environment={**home, "OMP_NUM_THREADS": "1"},
        output=folder / f"{name}.log",
    ) as side:
        yield side
