"""Verdicts as the fast path would come to them."""

from dataclasses import replace

from services.monitor.domain.drift_verdict import DriftKind, DriftVerdict, FeatureDrift, ScoreDrift, WindowKind
from tests.unit.monitor.models import MODEL_VERSION

STABLE = DriftVerdict(
    MODEL_VERSION,
    WindowKind.LAST_COUNT,
    rows=5_000,
    minimum_rows=100,
    data_drifted=False,
    judged_count=6,
    score=ScoreDrift(drifted=False, psi=0.002, jensen_shannon=0.01, wasserstein=0.01, p=0.4),
    contributions_drifted=False,
    contribution_rows=5_000,
)
CREDIT = FeatureDrift(
    "AMT_CREDIT",
    (DriftKind.VALUES,),
    weight=0.4,
    psi=0.25,
    jensen_shannon=0.17,
    wasserstein=0.4,
    values_p=1e-12,
    missing_p=1.0,
    range_p=1.0,
    reference_missing_share=0.0,
    current_missing_share=0.0,
    out_of_bounds_share=0.0,
    out_of_range_share=0.001,
)
DRIFTED = replace(STABLE, data_drifted=True, drifted_count=1, features=(CREDIT,))
