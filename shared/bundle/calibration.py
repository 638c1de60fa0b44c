"""From the model's margin to a probability of default."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

CalibratorKind = Literal["identity", "sigmoid"]
_KINDS = ("identity", "sigmoid")


@dataclass(frozen=True)
class Calibrator:
    """Probability = expit(slope * margin + intercept); of kind "identity" that is the plain link, expit(margin).

    Raises ValueError for another kind, for a slope that is not above 0 (a larger margin would mean less risk) and for
    an identity with figures of its own.
    """

    kind: CalibratorKind
    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"{self.kind!r} is no kind of calibrator; known are {', '.join(_KINDS)}")
        if not (0.0 < self.slope < np.inf and np.isfinite(self.intercept)):
            raise ValueError("a calibrator's slope must be finite and above 0, its intercept finite")
        if self.kind == "identity" and (self.slope, self.intercept) != (1.0, 0.0):
            raise ValueError("an identity has slope 1 and intercept 0")

    def probabilities(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities of margins (log-odds) of any shape; NaN stays NaN."""
        return np.asarray(expit(self.slope * margins + self.intercept), dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict that `from_json` turns back into an equal calibrator."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Calibrator":
        """Return the calibrator that `to_json` wrote; raises ValueError or TypeError if it is none."""
        return cls(**document)
