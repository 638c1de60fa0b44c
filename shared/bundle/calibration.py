"""From the model's margin to a probability of default."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

CalibratorKind = Literal["identity", "sigmoid", "isotonic"]
_KINDS = ("identity", "sigmoid", "isotonic")


@dataclass(frozen=True)
class Calibrator:
    """Probability = expit(log-odds), where the log-odds are a strictly increasing function of the margin.

    "identity" takes the margin itself, "sigmoid" slope * margin + intercept, "isotonic" straight lines between knots
    (margins, log_odds), and beyond the first and the last one a line of the slope. Raises ValueError for another kind,
    for figures that are not finite or not its own, and where a larger margin would not mean more risk: a slope that is
    not above 0, knots that do not rise.
    """

    kind: CalibratorKind
    slope: float = 1.0
    intercept: float = 0.0
    margins: tuple[float, ...] = ()
    log_odds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"{self.kind!r} is no kind of calibrator; known are {', '.join(_KINDS)}")
        if not (0.0 < self.slope < np.inf and np.isfinite(self.intercept)):
            raise ValueError("a calibrator's slope must be finite and above 0, its intercept finite")
        if self.kind == "identity" and (self.slope, self.intercept) != (1.0, 0.0):
            raise ValueError("an identity has slope 1 and intercept 0")
        if (self.kind == "isotonic") != bool(self.margins) or (self.kind == "isotonic" and self.intercept != 0.0):
            raise ValueError("only the kind isotonic has knots, and it has them in place of an intercept")
        self._check_knots()

    def probabilities(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities of margins (log-odds) of any shape; NaN stays NaN."""
        return np.asarray(expit(self._log_odds_of(margins)), dtype=np.float64)

    def slopes(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how fast the probability rises at margins (n,), per unit of log-odds; at a knot, to its right."""
        probabilities = self.probabilities(margins)
        return probabilities * (1.0 - probabilities) * self._log_odds_slopes(margins)

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts and lists that `from_json` turns back into an equal calibrator."""
        document = {"kind": self.kind, "slope": self.slope, "intercept": self.intercept}
        knots = {"margins": list(self.margins), "log_odds": list(self.log_odds)}
        return document | knots if self.margins else document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Calibrator":
        """Return the calibrator that `to_json` wrote; raises ValueError or TypeError if it is none."""
        knots = {name: tuple(document[name]) for name in ("margins", "log_odds") if name in document}
        return cls(**{**document, **knots})

    def _log_odds_of(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.kind != "isotonic":
            return self.slope * margins + self.intercept
        at, log_odds = self._knots
        beyond = margins - np.clip(margins, at[0], at[-1])
        # NumPy draws each line by the same formula for one margin and for many, so a row has its bits in any batch.
        return np.asarray(np.interp(margins, at, log_odds) + self.slope * beyond, dtype=np.float64)

    def _log_odds_slopes(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.kind != "isotonic":
            return np.full(margins.shape, self.slope)
        at, log_odds = self._knots
        slopes = np.concatenate([[self.slope], np.diff(log_odds) / np.diff(at), [self.slope]])
        return np.asarray(slopes[np.searchsorted(at, margins, side="right")], dtype=np.float64)

    @cached_property
    def _knots(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.array(self.margins, dtype=np.float64), np.array(self.log_odds, dtype=np.float64)

    def _check_knots(self) -> None:
        if len(self.margins) != len(self.log_odds):
            raise ValueError("a calibrator's knots must have a margin and log-odds each")
        for values in (self.margins, self.log_odds):
            if not (np.all(np.isfinite(values)) and all(left < right for left, right in pairwise(values))):
                raise ValueError("a calibrator's knots must be finite, and rise in margin and log-odds alike")
