"""Environments for programs that are not ours, each made from its own lock and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT

_UV = Path(sys.executable).with_name("uv")


def run(*command: str | Path, stdin: str = "", folder: Path = ROOT) -> str:
    """Return what the command prints; AssertionError with its words if it fails."""
    words = [str(part) for part in command]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    outcome = subprocess.run(
        words, input=stdin, capture_output=True, text=True, check=False, cwd=folder, env=variables, timeout=540
    )
    assert outcome.returncode == 0, outcome.stderr[-3000:]
    return outcome.stdout


def environment(program: str, folder: Path) -> Path:
    """Return the interpreter of an environment made in the folder from `requirements/PROGRAM.txt` alone."""
    run(_UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    lock = ROOT / "requirements" / f"{program}.txt"
    run(_UV, "pip", "sync", "--quiet", "--python", python, "--require-hashes", lock)
    return python
