"""Generate the committed Python stubs: `python protos/generate.py`, or with `--check` compare them with a fresh run.

Deterministic for the locked grpcio-tools and mypy-protobuf.
"""

import os
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from google.rpc import status_pb2

ROOT = Path(__file__).parent


def generate(out: Path) -> None:
    """Write messages, services and their type stubs for every .proto below protos/counterfoil into `out`.

    Raises SystemExit with protoc's exit code when a file does not compile; protoc has printed why.
    """
    sources = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("counterfoil/**/*.proto"))
    services = [source for source in sources if "\nservice " in (ROOT / source).read_text()]
    well_known = str(files("grpc_tools") / "_proto")
    # google/rpc/status.proto comes with googleapis-common-protos, beside its stubs in site-packages.
    includes = [f"-I{ROOT}", f"-I{well_known}", f"-I{Path(status_pb2.__file__).parents[2]}"]
    out.mkdir(parents=True, exist_ok=True)
    _run([*includes, f"--python_out={out}", f"--mypy_out={out}", *sources])
    _run([*includes, f"--grpc_python_out={out}", f"--mypy_grpc_out={out}", *services])


def _run(arguments: list[str]) -> None:
    # In a process of its own: the compiler's C++ protobuf and the one in OR-Tools (OptBinning) abort beside each other.
    code = subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=False).returncode
    if code != 0:
        raise SystemExit(code)


def stale_stubs() -> list[str]:
    """Return the committed stubs that a fresh run would change, add or leave out, as paths below protos/python."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh, committed = _contents(Path(folder)), _contents(ROOT / "python")
    return sorted(path for path in fresh | committed if fresh.get(path) != committed.get(path))


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*_pb2*.py*") if p.suffix != ".pyc"}


def main() -> None:
    """Generate, or exit 1 naming the stubs that are not fresh."""
    # protoc finds the mypy plug-ins on PATH; they are installed beside this interpreter.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    if "--check" not in sys.argv[1:]:
        generate(ROOT / "python")
    elif stale := stale_stubs():
        raise SystemExit(f"stubs are not fresh, run `make protos`: {', '.join(stale)}")


if __name__ == "__main__":
    main()
