"""Run as a process: `matrix_program.py ROWS.npy ANSWERS.json FOLDER…` loads bundles and scores the rows with each.

What only the trainer has cannot be imported in it, and no pickle can be read.
"""

import json
import pickle
import sys
from pathlib import Path
from typing import Any

from tests.unit.bundle.isolated_program import Blocked, refuse_pickle

TRAINER_ALONE = ("services", "sklearn", "imblearn", "optbinning", "numba", "shap", "pandas", "mlflow")


def main(rows: str, answers: str, *folders: str) -> None:
    """Write each folder's answers as JSON: kind of model, margins, and their distance from the contributions' sum."""
    sys.meta_path.insert(0, Blocked(TRAINER_ALONE))
    pickle.load = pickle.loads = pickle.Unpickler = refuse_pickle  # type: ignore[assignment,misc]  # that is the point
    import numpy as np

    values = np.load(rows)
    Path(answers).write_text(json.dumps({folder: _answer(folder, values) for folder in folders}), encoding="utf-8")


def _answer(folder: str, values: Any) -> dict[str, Any]:
    import numpy as np

    from shared.bundle.reading import load_bundle

    bundle = load_bundle(Path(folder))
    margins, _ = bundle.predict(values)
    alone = np.concatenate([bundle.predict(values[place : place + 1])[0] for place in range(len(values))])
    gap = None
    if bundle.model.explains:
        scores = bundle.score(values)
        gap = float(np.abs(scores.baseline + scores.contributions.sum(axis=1) - scores.margins).max())
    return {"kind": bundle.model.kind, "margins": margins.tolist(), "alone": alone.tolist(), "gap": gap}


if __name__ == "__main__":
    main(*sys.argv[1:])
