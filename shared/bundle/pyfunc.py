"""The bundle as MLflow's own kind of model: `mlflow.pyfunc.load_model` gives one that predicts probabilities."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.bundle.reading import Bundle, load_bundle


class BundlePredictor:
    """What MLflow calls: rows in, probabilities of default out."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def get_raw_model(self) -> Bundle:
        """Return the bundle, for margins and contributions; MLflow's model has a method of the same name."""
        return self._bundle

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> NDArray[np.float64]:  # noqa: ARG002
        """Return the probabilities, (n_rows,), of uncleaned rows.

        `model_input` is a table whose columns are found by name, or an array (n_rows, n_features) in the schema's
        order; a missing value is NaN or null. Raises ValueError for an absent column, another shape, or infinity.
        """
        values = self._by_name(model_input) if hasattr(model_input, "columns") else np.asarray(model_input, np.float64)
        if np.isinf(values).any():
            raise ValueError("a feature is infinite; a value that is not known is missing (NaN)")
        return self._bundle.predict(values)[1]

    def _by_name(self, table: Any) -> NDArray[np.float64]:
        names = list(self._bundle.schema.names)
        absent = sorted(set(names) - set(table.columns))
        if absent:
            raise ValueError(f"{len(absent)} columns are absent, such as {', '.join(absent[:5])}")
        columns = [np.asarray(table[name].astype("float64"), dtype=np.float64) for name in names]
        return np.ascontiguousarray(np.stack(columns, axis=1))


def _load_pyfunc(path: str) -> BundlePredictor:
    """Return the predictor of the bundle in the folder `path`; MLflow calls this by name. Raises BundleRejected."""
    return BundlePredictor(load_bundle(Path(path)))
