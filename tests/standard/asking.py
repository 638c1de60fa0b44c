"""Clients that are not ours, run unchanged in environments that hold nothing of ours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal

from tests.bundles import SCHEMA, TinyBundle
from tests.environments import run
from tests.processes import ROOT
from tests.service.scoring import Scorer, ask


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
