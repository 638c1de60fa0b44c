"""Resolve the locks anew: `python requirements/lock.py`.

all.txt is the one resolution; the others are its subsets, one for each image and one for the bootstrap. A lock names
no index address, so that any mirror serves; `uv pip sync --require-hashes` takes only what is listed, byte for byte.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
IMAGES = ("trainer", "scorer", "monitor", "mlflow-server")
# Programs that are not ours, each in an environment of its own: their dependencies do not go with ours.
STRANGERS = ("clients/tritonclient", "clients/kserve", "peers/mlserver", "peers/pytriton")


def compile_lock(name: str, *arguments: str) -> None:
    """Write requirements/NAME.txt for every platform that [tool.uv] names; CalledProcessError if nothing resolves."""
    common = ("--quiet", "--generate-hashes", "--no-emit-index-url", "--no-header", "--python-version", "3.11")
    command = [str(UV), "pip", "compile", *common, "--output-file", f"requirements/{name}.txt", *arguments]
    subprocess.run(command, cwd=ROOT, check=True)


def main() -> None:
    """Write every lock."""
    compile_lock("all", "--universal", "--all-extras", "--group", "dev", "pyproject.toml")
    for image in IMAGES:
        compile_lock(image, "--universal", "--extra", image, "--constraint", "requirements/all.txt", "pyproject.toml")
    compile_lock("uv", "--universal", "requirements/uv.in")
    for stranger in STRANGERS:
        compile_lock(stranger, f"requirements/{stranger}.in")


if __name__ == "__main__":
    main()
