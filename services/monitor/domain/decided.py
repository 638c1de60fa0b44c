"""The decisions that performance is measured on, as arrays."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Decided:
    """Decisions, all arrays (n_rows,); who is neither approved nor refused was referred to a person.

    `labels` are 1 for a default, 0 for a repaid loan and NaN while the outcome is not known. `missed` is what it costs
    to approve an applicant who defaults, `lost` to refuse one who would have paid; NaN where it is not known.
    """

    probabilities: Floats
    approved: Flags
    refused: Flags
    labels: Floats
    missed: Floats
    lost: Floats

    @property
    def rows(self) -> int:
        """Number of decisions."""
        return len(self.probabilities)

    def take(self, rows: Flags) -> "Decided":
        """Return the decisions that are flagged."""
        return Decided(*(values[rows] for values in vars(self).values()))

    def labelled(self) -> "Decided":
        """Return the decisions whose outcome is known."""
        return self.take(~np.isnan(self.labels))

    def costs_if(self, defaulted: Floats) -> Floats:
        """Return what each decision costs where the applicant defaults with the given chances (0 and 1: outcomes).

        NaN where the applicant was referred, or where either stake is not known: costs of approvals alone, or of
        refusals, would look like those of a model.
        """
        costs = np.where(self.approved, self.missed * defaulted, self.lost * (1.0 - defaulted))
        told = (self.approved | self.refused) & ~np.isnan(self.missed) & ~np.isnan(self.lost)
        return np.where(told, costs, np.nan)


@dataclass(frozen=True)
class Stakes:
    """What wrong answers cost: a number each, or a factor of what a feature says of the applicant.

    The business cost that thresholds are tuned for, as the bundle's manifest has it.
    """

    missed: float
    lost: float
    missed_feature: str = ""
    lost_feature: str = ""

    @classmethod
    def from_costs(cls, costs: Mapping[str, float | str]) -> "Stakes":
        """Return the stakes in a manifest's costs; what they do not say is NaN, not known."""
        return cls(
            float(costs.get("false_negative", math.nan)),
            float(costs.get("false_positive", math.nan)),
            str(costs.get("false_negative_column", "")),
            str(costs.get("false_positive_column", "")),
        )

    def known(self, features: Collection[str]) -> "Stakes":
        """Return the stakes where only these features are logged: what depends on another one is NaN, not known."""
        missed, lost = (
            (factor, name) if not name or name in features else (math.nan, "")
            for factor, name in ((self.missed, self.missed_feature), (self.lost, self.lost_feature))
        )
        return Stakes(missed[0], lost[0], missed[1], lost[1])

    @property
    def features(self) -> tuple[str, ...]:
        """The features that are named, each once."""
        return tuple(dict.fromkeys(name for name in (self.missed_feature, self.lost_feature) if name))
