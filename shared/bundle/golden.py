"""Golden rows: inputs with the answers that were right when the bundle was made, recomputed before it serves."""

import io
import zipfile
import zlib

import numpy as np
from numpy.typing import NDArray

from shared.bundle.scoring import Scores, Scoring

FILE = "golden.npz"
TOLERANCE = 1e-9
_ANSWERS = ("margins", "probabilities", "contributions", "baseline")


def golden_bytes(scoring: Scoring, values: NDArray[np.float64]) -> bytes:
    """Return rows (n_rows, n_features) and what is said about them as an npz.

    Raises ValueError if there is no row or an answer is not finite.
    """
    answers = _answers(scoring.score(values))
    if not len(values) or not all(np.all(np.isfinite(answer)) for answer in answers.values()):
        raise ValueError("golden rows need at least one row, and finite answers")
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, values=values, **answers)
    return content.getvalue()


def check_golden(scoring: Scoring, content: bytes) -> int:
    """Return how many golden rows were recomputed and agree within 1e-9.

    Raises ValueError if there is none or one differs, ValueError or KeyError if the bytes hold something else.
    """
    arrays = _arrays(content)
    answers = _answers(scoring.score(arrays["values"]))
    rows = len(arrays["values"])
    for name, answer in answers.items():
        expected = arrays[name]
        if not rows or expected.shape != answer.shape or not np.all(np.abs(answer - expected) <= TOLERANCE):
            raise ValueError(f"the {name} of the golden rows are not what they were when the bundle was made")
    return rows


def _arrays(content: bytes) -> dict[str, NDArray[np.float64]]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return {name: np.asarray(stored[name], dtype=np.float64) for name in ("values", *_ANSWERS)}
    except (EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"the golden rows cannot be read ({error})") from error


def _answers(scores: Scores) -> dict[str, NDArray[np.float64]]:
    return {name: np.asarray(getattr(scores, name), dtype=np.float64) for name in _ANSWERS}
