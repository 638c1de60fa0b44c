"""What follows projections in tests that are about something else, or that look at what it is told."""

import numpy as np

from services.monitor.domain.histograms import Decisions
from services.monitor.domain.model import ModelFacts


class Listener:
    """Remembers the decisions that it was told, by model version, and how often it was to resume."""

    def __init__(self) -> None:
        self.told: dict[str, list[Decisions]] = {}
        self.resumed = 0

    def resume(self) -> None:
        """Count the call."""
        self.resumed += 1

    def follow(self, model: ModelFacts, decisions: Decisions) -> None:
        """Keep the decisions."""
        self.told.setdefault(model.model_version, []).append(decisions)

    def values(self, model_version: str) -> np.ndarray:
        """Return the values of every decision on a model version, (n_rows, n_features), in the order told."""
        return np.concatenate([decisions.values for decisions in self.told[model_version]])
