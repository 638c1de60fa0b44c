"""The decision that a probability leads to."""

from enum import StrEnum


class Decision(StrEnum):
    """What the lender is told to do."""

    APPROVE = "APPROVE"
    REFUSE = "REFUSE"


def decide(probability: float, threshold: float) -> Decision:
    """Return REFUSE if and only if the probability of default reaches the threshold."""
    return Decision.REFUSE if probability >= threshold else Decision.APPROVE
