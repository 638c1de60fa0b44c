"""What a bundle needs to be read and to score: no trainer, no pickle, and none of the heavy libraries."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from shared.bundle.reading import load_bundle
from tests.bundles import TinyBundle
from tests.processes import ROOT

SCORER_LACKS = ["services.trainer", "shap", "evidently", "sklearn", "pandas", "pyarrow", "matplotlib", "mlflow"]
MONITOR_LACKS = ["services.trainer", "lightgbm", "mlflow"]


def _run(what: str, folder: Path, rows: Path, blocked: list[str]) -> list[str]:
    program = Path(__file__).with_name("isolated_program.py")
    command = [sys.executable, "-W", "error", str(program), what, str(folder), str(rows), *blocked]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize("kind", ["lightgbm", "linear"])
def test_bundle_scores_where_trainer_and_heavy_libraries_cannot_be_imported(
    kind: str, trees: TinyBundle, linear: TinyBundle, tmp_path: Path
) -> None:
    """Nor any pickle read; the bits are those of this process."""
    written = trees if kind == "lightgbm" else linear
    np.save(tmp_path / "rows.npy", written.values[:20])

    printed = _run("score", written.folder, tmp_path / "rows.npy", SCORER_LACKS)

    expected = load_bundle(written.folder).score(written.values[:20]).probabilities
    assert printed == [float(probability).hex() for probability in expected]


def test_facts_are_read_where_lightgbm_is_not_installed(trees: TinyBundle, tmp_path: Path) -> None:
    """The monitor's image has no model library."""
    printed = _run("facts", trees.folder, tmp_path, MONITOR_LACKS)

    assert tuple(printed) == trees.contents.schema.names
