"""How often verdicts are right on windows that are known to have shifted or not, for benchmarks.drift."""

import numpy as np

from benchmarks.drift_data import MISSING_NOW, Training, shifted_rows
from services.monitor.domain.drift_judging import DriftLimits, judge
from services.monitor.domain.drift_verdict import DriftKind, DriftVerdict, WindowKind
from services.monitor.domain.histograms import Decisions
from services.monitor.domain.reference import Reference
from shared.bundle.profile import BINS

SIZES = (50, 500, 5_000)
SHIFT = 0.2


def false_alarms(
    training: Training,
    reference: Reference,
    limits: DriftLimits,
    *,
    rows: int,
    windows: int,
    random: np.random.Generator,
) -> float:
    """Return the share of windows of so many resampled training rows in which anything is called drifted."""
    alarms = 0
    for _ in range(windows):
        verdict = verdict_on(training.decisions(random.integers(0, len(training.values), rows)), reference, limits)
        score = verdict.score is not None and verdict.score.drifted
        alarms += bool(verdict.data_drifted or score or verdict.contributions_drifted)
    return alarms / windows


def shifts_found(training: Training, reference: Reference, *, windows: int, random: np.random.Generator) -> float:
    """Return the share of windows in which the one feature that was shifted is called drifted.

    It is another feature each time, of those with ten bins.
    """
    profiles = training.facts.profile.features
    wide = [place for place, profile in enumerate(profiles) if len(profile.counts) == BINS]
    found = 0
    for place in random.choice(wide, windows):
        column = training.values[:, place]
        rows = shifted_rows(column, profiles[place], psi=SHIFT, rows=SIZES[-1], random=random)
        name = training.facts.schema.names[place]
        found += DriftKind.VALUES in _kinds(verdict_on(training.decisions(rows), reference, DriftLimits()), name)
    return found / windows


def missing_found(
    training: Training, reference: Reference, *, rows: int, windows: int, random: np.random.Generator
) -> float:
    """Return the share of windows in which the feature whose values go missing is called drifted for it."""
    before = float(np.isnan(training.values[:, training.hidden]).mean())
    name, found = training.facts.schema.names[training.hidden], 0
    for _ in range(windows):
        decisions = training.decisions(random.integers(0, len(training.values), rows))
        lost = random.uniform(size=rows) < (MISSING_NOW - before) / (1 - before)
        decisions.values[lost, training.hidden] = np.nan
        found += DriftKind.MISSING in _kinds(verdict_on(decisions, reference, DriftLimits()), name)
    return found / windows


def verdict_on(decisions: Decisions, reference: Reference, limits: DriftLimits) -> DriftVerdict:
    """Return the verdict of the fast path on a window."""
    sketch = reference.bins.sketch(decisions)
    return judge(reference, sketch, limits, window=WindowKind.LAST_COUNT, start_time=None)


def _kinds(verdict: DriftVerdict, feature: str) -> tuple[DriftKind, ...]:
    return next((found.kinds for found in verdict.features if found.feature == feature), ())
