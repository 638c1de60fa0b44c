"""How a model treats groups of applicants beside each other."""

from collections.abc import Callable, Sequence

from services.monitor.domain.performance import Comparison, GroupDifference, Measured, Realised, Slice
from services.monitor.domain.slicing import MISSING


def compare_groups(slices: Sequence[Slice], reference: str = "") -> Comparison | None:
    """Return how the groups compare with the reference, "" the largest; None below two groups that have figures.

    The impact ratio is the smallest approval rate over the largest: below four fifths the Uniform Guidelines (29 CFR
    1607.4 D) see evidence of adverse impact. Those of whom the feature is not known are no group. A reference that has
    no figures is replaced by the largest group.
    """
    groups = [each for each in slices if not each.measured.withheld and each.label != MISSING]
    if len(groups) < 2:  # noqa: PLR2004  to compare
        return None
    base = max(groups, key=lambda each: (each.label == reference, each.measured.rows))
    ordered = sorted(groups, key=lambda each: each.measured.approval_rate or 0.0)
    least, most = ordered[0], ordered[-1]
    return Comparison(
        reference=base.label,
        least_approved=least.label,
        most_approved=most.label,
        impact_ratio=_ratio(least.measured.approval_rate, most.measured.approval_rate),
        groups=tuple(_difference(each, base.measured) for each in groups),
    )


def _difference(group: Slice, base: Measured) -> GroupDifference:
    mine, theirs = group.measured.realised, base.realised
    return GroupDifference(
        label=group.label,
        approval_ratio=_ratio(group.measured.approval_rate, base.approval_rate),
        approval_rate=_less(group.measured.approval_rate, base.approval_rate),
        recall=_realised_less(mine, theirs, lambda each: each.confusion.recall),
        false_positive_rate=_realised_less(mine, theirs, lambda each: each.confusion.false_positive_rate),
        calibration_error=_realised_less(mine, theirs, lambda each: each.calibration_error),
    )


def _realised_less(
    mine: Realised | None, theirs: Realised | None, figure: Callable[[Realised], float | None]
) -> float | None:
    return None if mine is None or theirs is None else _less(figure(mine), figure(theirs))


def _less(figure: float | None, base: float | None) -> float | None:
    return None if figure is None or base is None else figure - base


def _ratio(figure: float | None, base: float | None) -> float | None:
    return figure / base if figure is not None and base else None
