"""Applicants whose outcomes are known, as a model judged them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

ScoredName = Literal["cv", "train", "test"]


@dataclass(frozen=True)
class Scored:
    """Targets of a split, the probabilities that its applicants are given, and what is at stake with each."""

    targets: NDArray[np.int8]
    probabilities: NDArray[np.float64]
    amounts: NDArray[np.float64]
