"""Run as a process: `pyfunc_program.py URI MODEL ROWS.npy BLOCKED…` predicts from an array, then from a table."""

import os
import sys

from shared.mlflow_store import quieten
from tests.unit.bundle.isolated_program import Blocked


def main(uri: str, model: str, rows: str, *blocked: str) -> None:
    """Print a probability a line, all rows twice."""
    sys.meta_path.insert(0, Blocked(blocked))
    quieten(os.environ)
    import mlflow.pyfunc
    import numpy as np
    import pandas as pd

    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    loaded, values = mlflow.pyfunc.load_model(model), np.load(rows)
    names = loaded.get_raw_model().schema.names
    table = pd.DataFrame(values, columns=list(names))
    for probabilities in (loaded.predict(values), loaded.predict(table[list(reversed(names))])):
        print("\n".join(float(probability).hex() for probability in probabilities))  # noqa: T201  # its result


if __name__ == "__main__":
    main(*sys.argv[1:])
