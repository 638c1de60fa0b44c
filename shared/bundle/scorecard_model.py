"""A scorecard as numbers: bins of each feature, the weight of evidence of each bin, and a coefficient a feature."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

FILE = "scorecard.json"


@dataclass(frozen=True)
class Characteristic:
    """What one feature is worth: coefficient times the weight of evidence (WOE) of the bin that its value lies in.

    `edges` never fall; a bin begins at an edge, that edge included, and ends before the next: one WOE more than edges.
    `missing_woe` is that of a missing value. Raises ValueError for other lengths or orders and numbers not finite.
    """

    coefficient: float
    edges: tuple[float, ...]
    woes: tuple[float, ...]
    missing_woe: float

    def __post_init__(self) -> None:
        if len(self.woes) != len(self.edges) + 1 or list(self.edges) != sorted(self.edges):
            raise ValueError("a characteristic's edges must not fall, and its bins must be one more")
        if not all(map(math.isfinite, (self.coefficient, *self.edges, *self.woes, self.missing_woe))):
            raise ValueError("a characteristic's numbers must be finite")

    def terms(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what values (n_rows,), NaN where one is missing, add to the margin."""
        worth = self.coefficient * np.array([*self.woes, self.missing_woe])
        bins = np.searchsorted(np.array(self.edges), values, side="right")
        return worth[np.where(np.isnan(values), len(self.woes), bins)]


@dataclass(frozen=True)
class ScorecardModel:
    """Margin = intercept + the sum of what each feature is worth. A missing value has a bin of its own.

    One characteristic a feature, in column order; one that the scorecard does not ask for has coefficient 0.
    """

    kind: ClassVar[str] = "scorecard"
    kernel_id: ClassVar[str] = "scorecard-1"
    explains: ClassVar[bool] = True

    intercept: float
    characteristics: tuple[Characteristic, ...]

    def __post_init__(self) -> None:
        if not math.isfinite(self.intercept):
            raise ValueError("a scorecard's intercept must be finite")

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "ScorecardModel":
        """Return the model that `files` gave; raises ValueError, KeyError or TypeError if they hold none."""
        document = json.loads(files[FILE])
        return cls(float(document["intercept"]), tuple(_characteristic(each) for each in document["characteristics"]))

    @property
    def n_features(self) -> int:
        """The number of input columns."""
        return len(self.characteristics)

    def margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of rows, (n_rows, n_features) to (n_rows,), summed from the intercept in column order."""
        contributions = self.contributions(values)
        # A running sum has one order of additions whatever the number of rows; np.sum may choose others.
        terms = np.column_stack([contributions[:, -1], contributions[:, :-1]])
        return np.ascontiguousarray(np.add.accumulate(terms, axis=1)[:, -1])

    def contributions(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each feature adds to the margin, (n_rows, n_features + 1); the last column is the intercept.

        A feature adds nothing in a bin where as many default as among all.
        """
        if values.ndim != 2 or values.shape[1] != self.n_features:  # noqa: PLR2004  # rows and columns
            raise ValueError(f"rows must have {self.n_features} columns")
        contributions = np.zeros((len(values), self.n_features + 1))
        for place, characteristic in enumerate(self.characteristics):
            if characteristic.coefficient != 0.0:
                contributions[:, place] = characteristic.terms(values[:, place])
        contributions[:, -1] = self.intercept
        return contributions

    def explain(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins and contributions."""
        return self.margins(values), self.contributions(values)[:, :-1]

    def files(self) -> Mapping[str, bytes]:
        """Return the contents of the files that keep the model, by name; JSON keeps every bit of a float64."""
        document = {"intercept": self.intercept, "characteristics": [asdict(each) for each in self.characteristics]}
        return {FILE: json.dumps(document, allow_nan=False).encode()}


def _characteristic(document: Mapping[str, Any]) -> Characteristic:
    edges, woes = (tuple(map(float, document[name])) for name in ("edges", "woes"))
    return Characteristic(float(document["coefficient"]), edges, woes, float(document["missing_woe"]))
