"""Clients that are not ours, run unchanged in environments that hold nothing of ours."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal

from tests.bundles import SCHEMA, TinyBundle
from tests.processes import ROOT
from tests.service.scoring import Scorer, ask

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


def environment(client: str, folder: Path) -> Path:
    """Return the interpreter of an environment made from the client's lock alone."""
    run(_UV, "venv", "--quiet", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    lock = ROOT / "requirements" / "clients" / f"{client}.txt"
    run(_UV, "pip", "sync", "--quiet", "--python", python, "--require-hashes", lock)
    return python


def assert_answers_as_score_does(python: Path, program: str, running: Scorer, bundle: TinyBundle) -> None:
    """Ask about ten applicants by the program and compare every number with what Score answers."""
    rows = json.dumps(bundle.values[:10].tolist())
    said: dict[str, Any] = json.loads(
        run(python, ROOT / "tests" / "standard" / program, running.address, stdin=rows, folder=python.parent)
    )

    scores = [running.stub.Score(ask(each)) for each in bundle.applicant_ids[:10]]
    contributions = np.zeros((10, len(SCHEMA.names)))
    for row, score in enumerate(scores):
        contributions[row, [SCHEMA.names.index(name) for name in score.reasons.features]] = score.reasons.contributions
    assert said["id"] == "7"
    assert said["probability"] == [score.probability for score in scores]
    assert_array_equal(np.array(said["contributions"]), contributions)
    assert [[each["code"] for each in reasons] for reasons in said["reasons"]] == [
        list(score.reasons.principal_codes) for score in scores
    ]
    assert set(said["decision"]) <= {"APPROVE", "REFUSE"}
