"""A scorecard in points, as lenders print it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.bundle.scorecard_model import Characteristic, ScorecardModel

# 600 points at odds of 50 who pay to 1 who defaults, and 20 more whenever the odds double: Siddiqi (2006), "Credit Risk
# Scorecards".
_POINTS, _ODDS, _DOUBLING = 600.0, 50.0, 20.0
_FACTOR = _DOUBLING / math.log(2.0)


@dataclass(frozen=True)
class Line:
    """What a bin of a feature is worth: the more points, the less risk.

    `points` add up over the base (no feature and no bin) and one bin a feature to the score. `woe` is None at the base.
    """

    feature: str
    bin: str
    woe: float | None
    points: float


def lines_of(model: ScorecardModel, names: Sequence[str]) -> list[Line]:
    """Return the scorecard line by line: the base points, then the bins of every feature that it asks for.

    Points are of the margin, before calibration: base + points = 600 + 20 / ln 2 * (-margin - ln 50).
    """
    base = _POINTS - _FACTOR * (math.log(_ODDS) + model.intercept)
    lines = [Line("", "", None, base)]
    for name, characteristic in zip(names, model.characteristics, strict=True):
        if characteristic.coefficient != 0.0:
            lines += _bins(name, characteristic)
    return lines


def _bins(name: str, characteristic: Characteristic) -> Iterator[Line]:
    labels = [*_labels(characteristic.edges), "missing"]
    for label, woe in zip(labels, (*characteristic.woes, characteristic.missing_woe), strict=True):
        # Not -0.0, which would be printed so.
        yield Line(name, label, woe, 0.0 - _FACTOR * characteristic.coefficient * woe)


def _labels(edges: Sequence[float]) -> list[str]:
    if not edges:
        return ["any"]
    inner = [f"from {low!r} to below {high!r}" for low, high in pairwise(edges)]
    return [f"below {edges[0]!r}", *inner, f"from {edges[-1]!r}"]
