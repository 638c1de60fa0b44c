"""Standard clients pass unchanged: tritonclient, KServe's SDK, and Node.js over @grpc/grpc-js."""

import json
import shutil
from pathlib import Path

import pytest

from tests.bundles import TinyBundle
from tests.environments import environment, run
from tests.processes import ROOT
from tests.service.scoring import Scorer
from tests.standard.asking import assert_answers_as_score_does


def test_tritonclient_gets_the_answers_of_score(running: Scorer, bundle: TinyBundle, tmp_path: Path) -> None:
    """Raw tensors out and in, every number to the bit."""
    assert_answers_as_score_does(
        environment("clients/tritonclient", tmp_path / "env"), "triton_program.py", running, bundle
    )


@pytest.mark.reliability
def test_the_sdk_of_kserve_gets_the_answers_of_score(running: Scorer, bundle: TinyBundle, tmp_path: Path) -> None:
    """Typed contents out, raw tensors in, every number to the bit."""
    assert_answers_as_score_does(environment("clients/kserve", tmp_path / "env"), "kserve_program.py", running, bundle)


@pytest.mark.skipif(shutil.which("npm") is None, reason="there is no Node.js on this machine")
def test_the_example_of_node_scores_an_applicant(running: Scorer, bundle: TinyBundle, tmp_path: Path) -> None:
    """Installed from its lock alone; it learns the contract by reflection, and a wrong applicant is an error."""
    folder = Path(
        shutil.copytree(ROOT / "clients" / "node", tmp_path / "node", ignore=shutil.ignore_patterns("node_*"))
    )
    run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", folder=folder)

    said = json.loads(run("node", "score.js", running.address, bundle.applicant_ids[0], folder=folder))

    assert said["prediction"].startswith("models/credit-default/versions/1/predictions/")
    assert 0.0 < said["probability"] < 1.0
    assert said["decision"] in {"DECISION_APPROVE", "DECISION_REFUSE"}
    assert said["reasons"]
    with pytest.raises(AssertionError, match="no split of the served model's data set has this applicant"):
        run("node", "score.js", running.address, "nobody", folder=folder)
