"""How well a model version did in a window of its decisions: plain values that others may hold, compare and act on."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from services.monitor.domain.window import Window

DEFAULT_MINIMUM_ROWS = 100


class Labelled(StrEnum):
    """Among whom outcomes are known. A lender learns them of those whom it approved, and rarely of anybody else."""

    APPROVED_ONLY = "APPROVED_ONLY"
    ALL_DECISIONS = "ALL_DECISIONS"


@dataclass(frozen=True)
class Estimate:
    """An expected figure and the interval in which the realised one lies 19 times in 20 if the probabilities hold.

    The interval covers what chance does to the outcomes of these very applicants, and no error of the probabilities.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Confusion:
    """Applicants by decision and outcome, counted or expected: a positive is a default, and refusing calls it one."""

    refused_defaulted: float
    refused_repaid: float
    approved_defaulted: float
    approved_repaid: float

    @property
    def recall(self) -> float | None:
        """Share of the defaults that were refused (true positive rate); None without a default."""
        return _share(self.refused_defaulted, self.approved_defaulted)

    @property
    def false_positive_rate(self) -> float | None:
        """Share of those who repaid that were refused; None without any."""
        return _share(self.refused_repaid, self.approved_repaid)

    @property
    def bad_rate(self) -> float | None:
        """Share of the approved that defaulted; None where nobody was approved."""
        return _share(self.approved_defaulted, self.approved_repaid)


@dataclass(frozen=True)
class CalibrationBin:
    """Labelled applicants of about one probability: their number, mean probability and share of defaults."""

    rows: int
    probability: float
    default_share: float


@dataclass(frozen=True)
class Realised:
    """What happened to the labelled applicants, whatever was decided about them; None where a figure cannot be told.

    `approved`, `refused` and `referred` count the labelled ones. Areas need a default and a repaid loan. `cost` is per
    labelled applicant who was approved or refused and whose stake is known: `cost_rows` of them.
    """

    among: Labelled
    approved: int
    refused: int
    referred: int
    default_rate: float
    auc: float | None
    ks: float | None
    brier: float
    calibration_error: float
    calibration: tuple[CalibrationBin, ...]
    confusion: Confusion
    cost: float | None
    cost_rows: int

    @property
    def rows(self) -> int:
        """Applicants whose outcome is known."""
        return self.approved + self.refused + self.referred

    @property
    def gini(self) -> float | None:
        """Twice the area less one; None where there is no area."""
        return None if self.auc is None else 2.0 * self.auc - 1.0


@dataclass(frozen=True)
class Estimated:
    """What the probabilities let expect of `rows` applicants before any outcome is known; `cost` as in Realised."""

    rows: int
    default_rate: Estimate
    auc: Estimate | None
    bad_rate: Estimate | None
    confusion: Confusion
    cost: Estimate | None
    cost_rows: int


@dataclass(frozen=True)
class Measured:
    """The figures of a group of decisions; the three at the end are None for a group that is too small to be told of.

    `estimated` is of all decisions, `estimated_labelled` of those that `realised` stands on: compare with that one.
    `realised` and `estimated_labelled` are None as well without enough outcomes.
    """

    rows: int
    approved: int
    refused: int
    realised: Realised | None
    estimated: Estimated | None
    estimated_labelled: Estimated | None
    labelled: int = 0

    @property
    def approval_rate(self) -> float | None:
        """Share of the decisions that approve; None without decisions."""
        return self.approved / self.rows if self.rows else None

    @property
    def coverage(self) -> float | None:
        """Share of the decisions whose outcome is known; None without decisions."""
        return self.labelled / self.rows if self.rows else None

    @property
    def withheld(self) -> bool:
        """Whether the group is too small for any figure."""
        return self.estimated is None


@dataclass(frozen=True)
class Slice:
    """The decisions about one group of applicants."""

    label: str
    measured: Measured


@dataclass(frozen=True)
class GroupDifference:
    """A group beside the reference: its approval rate over that one's, and its figures less that one's.

    None where one of the two cannot be told; recall, false-positive rate and calibration error are realised ones.
    """

    label: str
    approval_ratio: float | None
    approval_rate: float | None
    recall: float | None
    false_positive_rate: float | None
    calibration_error: float | None


@dataclass(frozen=True)
class Comparison:
    """How groups compare; `impact_ratio` is the smallest approval rate over the largest, None where nobody is approved.

    `groups` are all that have figures, the reference among them.
    """

    reference: str
    least_approved: str
    most_approved: str
    impact_ratio: float | None
    groups: tuple[GroupDifference, ...]


@dataclass(frozen=True)
class Sliced:
    """A window divided: `comparison` is None where fewer than two groups are large enough."""

    name: str
    slices: tuple[Slice, ...]
    comparison: Comparison | None


class Held(StrEnum):
    """Whether an assumption holds as far as can be seen."""

    HOLDS = "HOLDS"
    DOUBTFUL = "DOUBTFUL"
    NOT_CHECKED = "NOT_CHECKED"


class Premise(StrEnum):
    """What the figures rest on."""

    ENOUGH_DECISIONS = "ENOUGH_DECISIONS"
    CALIBRATED = "CALIBRATED"
    SCORES_STABLE = "SCORES_STABLE"
    INPUTS_STABLE = "INPUTS_STABLE"
    LABELS_UNSELECTED = "LABELS_UNSELECTED"
    CONCEPT_STABLE = "CONCEPT_STABLE"


@dataclass(frozen=True)
class Assumption:
    """One premise, whether it holds, and why in a sentence; `figure` was held against `bound` where there is one."""

    premise: Premise
    held: Held
    detail: str
    figure: float | None = None
    bound: float | None = None


@dataclass(frozen=True)
class Expected:
    """What training said of the model on applicants it had not seen, `split` of them; None where it said nothing."""

    split: str
    auc: float | None
    cost: float | None
    calibration_error: float | None
    approval_rate: float | None
    bad_rate: float | None


@dataclass(frozen=True)
class Performance:
    """How a model version did in a window, beside what training let expect.

    `start_time` and `end_time` are those of its first and last decision, None where it holds none.
    """

    model_version: str
    window: Window
    start_time: dt.datetime | None
    end_time: dt.datetime | None
    overall: Measured
    assumptions: tuple[Assumption, ...]
    expected: Expected
    slicings: tuple[Sliced, ...] = ()

    @property
    def doubts(self) -> tuple[Assumption, ...]:
        """Return the assumptions that do not hold."""
        return tuple(each for each in self.assumptions if each.held is Held.DOUBTFUL)


def _share(part: float, rest: float) -> float | None:
    return part / (part + rest) if part + rest else None
