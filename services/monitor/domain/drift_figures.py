"""Verdicts on drift as figures that rules can be held against."""

from collections.abc import Iterator

from services.monitor.domain.alerts import Measurement
from services.monitor.domain.drift_verdict import DriftKind, DriftVerdict, FeatureDrift
from services.monitor.domain.rules import Watch


def measurements_of_drift(verdict: DriftVerdict) -> Iterator[Measurement]:
    """Yield what a verdict says, for each of its parts that could be judged.

    What did not drift measures 0: a figure alone, however large, is no drift that could be told from chance.
    """
    if verdict.data_drifted is not None:
        yield _data(verdict)
        yield _missingness(verdict)
    if verdict.score is not None:
        psi = verdict.score.psi if verdict.score.drifted else 0.0
        yield Measurement(Watch.SCORE_DRIFT, verdict.model_version, psi, verdict.rows)
    if verdict.contributions_drifted is not None:
        yield _contributions(verdict)


def _data(verdict: DriftVerdict) -> Measurement:
    share = verdict.drifted_count / max(1, verdict.judged_count) if verdict.data_drifted else 0.0
    drifted = [found.feature for found in verdict.features if found.kinds]
    said = f"{verdict.drifted_count} of {verdict.judged_count} features drifted, first of all {', '.join(drifted[:3])}"
    return Measurement(Watch.DATA_DRIFT, verdict.model_version, share, verdict.rows, detail=said if drifted else "")


def _missingness(verdict: DriftVerdict) -> Measurement:
    missing = [found for found in verdict.features if DriftKind.MISSING in found.kinds]
    worst = max(missing, key=_rise, default=None)
    if worst is None:
        return Measurement(Watch.MISSINGNESS, verdict.model_version, 0.0, verdict.rows)
    shares = f"from {worst.reference_missing_share:.1%} to {worst.current_missing_share:.1%}"
    said = f"{len(missing)} feature(s), most of all {worst.feature}, {shares}"
    return Measurement(Watch.MISSINGNESS, verdict.model_version, _rise(worst), verdict.rows, detail=said)


def _contributions(verdict: DriftVerdict) -> Measurement:
    drifted = [found.feature for found in verdict.contributions] if verdict.contributions_drifted else []
    share = len(drifted) / max(1, verdict.judged_count)
    said = f"{len(drifted)} feature(s), first of all {', '.join(drifted[:3])}" if drifted else ""
    return Measurement(
        Watch.CONTRIBUTION_DRIFT, verdict.model_version, min(1.0, share), verdict.contribution_rows, detail=said
    )


def _rise(found: FeatureDrift) -> float:
    return max(0.0, found.current_missing_share - found.reference_missing_share)
