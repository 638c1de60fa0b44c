"""Decisions whose applicants default just as often as their probabilities say."""

import numpy as np

from services.monitor.domain.decided import Decided

MISSED, LOST, THRESHOLD = 10.0, 1.0, 0.1


def decided(probabilities: np.ndarray, labels: np.ndarray | None = None, *, threshold: float = THRESHOLD) -> Decided:
    """Return decisions at a threshold, by default without any outcome."""
    rows = len(probabilities)
    return Decided(
        probabilities=probabilities,
        approved=probabilities < threshold,
        refused=probabilities >= threshold,
        labels=np.full(rows, np.nan) if labels is None else labels.astype(np.float64),
        missed=np.full(rows, MISSED),
        lost=np.full(rows, LOST),
    )


def calibrated(rows: int, seed: int) -> Decided:
    """Return decisions on applicants of whom about one in twelve defaults, all outcomes known."""
    generator = np.random.default_rng(seed)
    probabilities = generator.beta(1.2, 13.0, rows)
    return decided(probabilities, outcomes(probabilities, seed + 1))


def outcomes(chances: np.ndarray, seed: int) -> np.ndarray:
    """Return 1 for a default and 0 for a repaid loan, drawn with the chances."""
    return (np.random.default_rng(seed).uniform(size=len(chances)) < chances).astype(np.float64)
