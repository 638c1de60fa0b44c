"""The scorer as a process: what it imports, how it refuses to start, and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.scorer.app import SERVICE_NAME
from services.scorer.settings import Settings
from shared.errors import InvalidInput
from shared.settings import read_settings
from tests.bundles import MODEL, tiny_bundle
from tests.processes import ROOT, free_port, running

FORBIDDEN = ("shap", "evidently", "sklearn", "pandas", "matplotlib", "services.trainer", "services.monitor")
SCORE_WITH_WHAT_THE_PROCESS_IMPORTS = """
import json, sys
import numpy as np
import services.scorer.__main__
from pathlib import Path
from shared.bundle.reading import load_bundle
bundle = load_bundle(Path(sys.argv[1]))
probability = bundle.score(np.zeros((1, len(bundle.schema.names)))).probabilities[0]
loaded = [name for name in json.loads(sys.argv[2]) if sys.modules.get(name) is not None]
print(json.dumps({"loaded": loaded, "probability": probability}))
"""


def environment(tmp_path: Path, **variables: str) -> dict[str, str]:
    """Return the variables of a scorer that keeps everything below the folder."""
    folder = {"STATE_DIR": "state", "MLFLOW_ARTIFACTS": "artifacts"}
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in (".", "protos/python", "clients/python")),
        "COUNTERFOIL_MLFLOW_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "COUNTERFOIL_SCORER_ADDRESS": f"127.0.0.1:{free_port()}",
        **{f"COUNTERFOIL_{name}": str(tmp_path / path) for name, path in folder.items()},
        **{f"COUNTERFOIL_{name}": value for name, value in variables.items()},
    }


def test_a_bundle_scores_in_a_process_without_the_heavy_libraries(tmp_path: Path) -> None:
    """Neither the trainer nor what explains, draws or monitors is imported on the way."""
    bundle = tiny_bundle(tmp_path, seed=11)
    command = [sys.executable, "-c", SCORE_WITH_WHAT_THE_PROCESS_IMPORTS, str(bundle.folder), json.dumps(FORBIDDEN)]

    ended = subprocess.run(
        command, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=120, check=True
    )

    said = json.loads(ended.stdout)
    assert said["loaded"] == []
    assert 0 < said["probability"] < 1


def test_the_process_starts_without_a_champion_and_stops_cleanly(tmp_path: Path) -> None:
    """With an MLflow that it has to make ready itself; SIGTERM ends it with 0, after which the spool is free again."""
    with running("scorer", environment(tmp_path), tmp_path) as process:
        code = process.terminate()

    events = [json.loads(line)["event"] for line in process.log.read_text().splitlines() if line.startswith("{")]
    assert code == 0
    assert events[-1] == "stopped"
    assert (tmp_path / "state" / "scorer" / "spool" / "spool.db").exists()


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"SCORER_ADDRESS": "0.0.0.0:50052"}, "INSECURE_REMOTE_ADDRESS"),
        ({"SPOOL_MAX_BYTES": "plenty"}, "INVALID_SETTING"),
    ],
)
def test_a_setting_that_cannot_work_ends_the_start_in_one_line(
    tmp_path: Path, variables: dict[str, str], reason: str
) -> None:
    """Exit code 2 and a sentence with its reason on stderr, no traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", "services.scorer"],
        cwd=ROOT,
        env=environment(tmp_path, **variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    (line,) = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert line.startswith("error: ")
    assert line.endswith(f"({reason})")


def test_the_defaults_are_safe_on_a_laptop() -> None:
    """Loopback, no switch of danger on, everything below the current folder."""
    settings = read_settings(Settings, {})

    assert settings.scorer_address == "127.0.0.1:50052"
    assert not settings.allow_insecure_remote
    assert settings.model == MODEL
    assert not settings.spool_folder.is_absolute()
    assert settings.spool_folder != settings.cache_folder
    assert SERVICE_NAME == "counterfoil.scorer.v1.ScorerService"


def test_the_bound_of_the_spool_can_be_set() -> None:
    """In bytes; anything but a whole number is refused by name."""
    settings = read_settings(Settings, {"COUNTERFOIL_SPOOL_MAX_BYTES": "1000000"})

    with pytest.raises(InvalidInput, match="COUNTERFOIL_SPOOL_MAX_BYTES"):
        read_settings(Settings, {"COUNTERFOIL_SPOOL_MAX_BYTES": "1 GB"})

    assert settings.spool_max_bytes == 1_000_000
