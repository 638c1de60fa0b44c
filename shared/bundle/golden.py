"""Golden rows: inputs with the answers that were right when the bundle was made, recomputed before it serves."""

import numpy as np
from numpy.typing import NDArray

from shared.bundle.arrays import arrays_from_bytes, arrays_to_bytes
from shared.bundle.scoring import Scoring

FILE = "golden.npz"
TOLERANCE = 1e-9
_ANSWERS = ("margins", "probabilities")
_REASONS = ("contributions", "baseline")


def golden_bytes(scoring: Scoring, values: NDArray[np.float64]) -> bytes:
    """Return rows (n_rows, n_features) and what is said about them, reasons too if there are any, as an npz.

    Raises ValueError if there is no row or an answer is not finite.
    """
    answers = _answers(scoring, values)
    if not len(values) or not all(np.all(np.isfinite(answer)) for answer in answers.values()):
        raise ValueError("golden rows need at least one row, and finite answers")
    return arrays_to_bytes({"values": values, **answers})


def check_golden(scoring: Scoring, content: bytes) -> int:
    """Return how many golden rows were recomputed and agree within 1e-9.

    Raises ValueError if there is none or one differs, ValueError or KeyError if the bytes hold something else.
    """
    reasons = _REASONS if scoring.model.explains else ()
    arrays = arrays_from_bytes(content, ("values", *_ANSWERS, *reasons))
    answers = _answers(scoring, arrays["values"])
    rows = len(arrays["values"])
    for name, answer in answers.items():
        expected = arrays[name]
        if not rows or expected.shape != answer.shape or not np.all(np.abs(answer - expected) <= TOLERANCE):
            raise ValueError(f"the {name} of the golden rows are not what they were when the bundle was made")
    return rows


def _answers(scoring: Scoring, values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    if not scoring.model.explains:
        return dict(zip(_ANSWERS, scoring.predict(values), strict=True))
    scores = scoring.score(values)
    return {name: np.asarray(getattr(scores, name), dtype=np.float64) for name in (*_ANSWERS, *_REASONS)}
