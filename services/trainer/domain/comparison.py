"""The models of a data set beside each other, each held against what giving everybody the same answer would cost."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_SPLITS: Final = ("test", "cv", "train")


@dataclass(frozen=True)
class ComparedRun:
    """A model: `version` is its resource name, empty if that was deleted; `training_job` is an id."""

    training_job: str
    version: str
    classifier: str
    aliases: tuple[str, ...]
    threshold: float
    metrics: Mapping[str, float]
    run_id: str

    @property
    def relative_costs(self) -> Mapping[str, float]:
        """The business cost over the dummy's at the same costs, by split; without splits of which that is not known."""
        return {
            split: self.metrics[f"{split}_business_cost"] / dummy
            for split in _SPLITS
            if (dummy := self.metrics.get(f"{split}_dummy_business_cost", 0.0))
            and f"{split}_business_cost" in self.metrics
        }


def cheapest_first(runs: Iterable[ComparedRun]) -> list[ComparedRun]:
    """Return the runs by relative cost on the test split, out of fold where there is none; unknown costs come last."""

    def rank(run: ComparedRun) -> tuple[float, str, str]:
        """Return what sorts a run, without ties."""
        costs = run.relative_costs
        return costs.get("test", costs.get("cv", math.inf)), run.training_job, run.version

    return sorted(runs, key=rank)
