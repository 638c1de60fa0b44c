"""A model with features of every kind, and decisions drawn from its training data and from others."""

from dataclasses import replace
from functools import cache

import numpy as np

from services.monitor.domain.drift_judging import DriftLimits, judge
from services.monitor.domain.drift_verdict import DriftVerdict, FeatureDrift, WindowKind
from services.monitor.domain.histograms import Decisions
from services.monitor.domain.model import ModelFacts
from services.monitor.domain.reference import Reference
from shared.bundle.profile import fit_profile
from shared.bundle.schema import Feature, FeatureSchema
from tests.unit.monitor.models import model_facts

NAMES = ("AMT_CREDIT", "EXT_SOURCE_2", "CNT_CHILDREN", "FLAG_OWN_CAR")
LEVELS = ("cash", "revolving", "consumer")
AMOUNT, SCORE, _, FLAG, FIRST_LEVEL = range(5)
N_FEATURES = FIRST_LEVEL + len(LEVELS)
TRAIN_ROWS = 20_000


def training(rows: int = TRAIN_ROWS, seed: int = 1) -> np.ndarray:
    """Return rows (rows, 7): an amount, a score missing in 40 %, a count, a flag, and one-hots of a text."""
    random = np.random.default_rng(seed)
    score = np.where(random.uniform(size=rows) < 0.4, np.nan, random.uniform(size=rows))
    level = random.choice(len(LEVELS) + 1, rows, p=[0.6, 0.25, 0.148, 0.002])
    return np.column_stack(
        [
            random.lognormal(12, 0.6, rows),
            score,
            random.poisson(1.5, rows),
            random.uniform(size=rows) < 0.3,
            *(level == place for place in range(len(LEVELS))),
        ]
    )


def contributions(values: np.ndarray) -> np.ndarray:
    """Return contributions (n_rows, 7) of a model that weighs the amount, the score and the count."""
    weights = np.array([0.5, 2.0, 0.3, 0.0, 0.05, 0.05, 0.0])
    filled = np.where(np.isnan(values), 0.5, values)
    filled[:, AMOUNT] = np.log(np.maximum(filled[:, AMOUNT], 1.0)) - 12
    parts: np.ndarray = filled * weights
    return parts


@cache
def trained() -> ModelFacts:
    """Return the facts of the model that was trained on `training()`."""
    values = training()
    singles = [_measured(name, values[:, place], place) for place, name in enumerate(NAMES)]
    levels = [
        Feature(
            f"TYPE_{level}",
            "one_hot",
            "application",
            ("application.TYPE",),
            group="TYPE",
            level=level,
            minimum=0.0,
            maximum=1.0,
        )
        for level in LEVELS
    ]
    schema = FeatureSchema((*singles, *levels))
    with_baseline = np.column_stack([contributions(values), np.full(len(values), -2.0)])
    profile = fit_profile(values, with_baseline, schema.names)
    return replace(model_facts(), schema=schema, profile=profile)


def decided(values: np.ndarray, *, start: float = 0.0, explained: bool = True) -> Decisions:
    """Return decisions on rows of values, made a second apart from `start` on."""
    parts = contributions(values)
    return Decisions(
        times=start + np.arange(len(values), dtype=np.float64),
        values=values,
        margins=parts.sum(axis=1) - 2.0,
        contributions=parts if explained else None,
    )


def verdict_on(
    values: np.ndarray, *, limits: DriftLimits | None = None, explained: bool = True, model: ModelFacts | None = None
) -> DriftVerdict:
    """Return the verdict on a window of such decisions."""
    reference = Reference.of(model or trained())
    sketch = reference.bins.sketch(decided(values, explained=explained))
    return judge(reference, sketch, limits or DriftLimits(), window=WindowKind.LAST_COUNT, start_time=None)


def drifted(verdict: DriftVerdict) -> dict[str, FeatureDrift]:
    """Return the features that drifted by name."""
    return {found.feature: found for found in verdict.features if found.kinds}


def _measured(name: str, values: np.ndarray, place: int) -> Feature:
    return Feature(
        name,
        "binary" if place == FLAG else "numeric",
        "application",
        (f"application.{name}",),
        minimum=float(np.nanmin(values)),
        maximum=float(np.nanmax(values)),
        lower_bound=0.0 if place == AMOUNT else None,
    )
