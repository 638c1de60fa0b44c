"""What benchmarks.drift looks at: synthesized applications, a model on them, and windows that have shifted."""

from dataclasses import dataclass, replace

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from benchmarks.calibration import drawn_applications
from services.monitor.domain.histograms import Decisions
from services.monitor.domain.model import ModelFacts
from services.trainer.domain.describing import described
from shared.bundle.dataset import DatasetReference
from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.profile import FeatureProfile, fit_profile
from shared.bundle.schema import Feature, FeatureSchema
from shared.features.building import build_features
from shared.features.columns import feature_columns
from shared.features.levels import fit_levels
from shared.features.specification import TARGET

MODEL_VERSION = "models/credit-default/versions/1"
MISSING_BEFORE, MISSING_NOW = 0.40, 0.95
_TREES = {"objective": "binary", "num_leaves": 8, "verbosity": -1, "deterministic": True, "force_col_wise": True}
_CONTINUOUS = 1_000  # different values from which a feature is one that values can be hidden of

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Training:
    """Training data (n_rows, n_features) with what its model makes of it; contributions are without the baseline.

    The feature at `hidden` is missing in 40 % of the rows, by chance.
    """

    facts: ModelFacts
    values: Floats
    margins: Floats
    contributions: Floats
    hidden: int

    def decisions(self, rows: Rows) -> Decisions:
        """Return rows of the training data as decisions, one a second."""
        times = np.arange(len(rows), dtype=np.float64)
        return Decisions(times, self.values[rows], self.margins[rows], self.contributions[rows])


def synthesized(rows: int, columns: int, *, seed: int) -> Training:
    """Return so many synthesized applicants with so many of their application's features, and LightGBM trained on them.

    Raises ValueError if there are not as many features that vary.
    """
    # A few applicants of a rare level are dropped, as the reference features have it.
    frames = drawn_applications(rows * 101 // 100, seed=seed)
    levels = fit_levels(frames)
    frame = build_features(frames, levels).frame[:rows]
    varying = [column for column in feature_columns(levels) if frame[column.name].n_unique() > 1][:columns]
    if len(varying) < columns:
        raise ValueError(f"the application has {len(varying)} features that vary, not {columns}")
    values = frame.select(column.name for column in varying).to_numpy().astype(np.float64)
    hidden = _complete(values)
    values[np.random.default_rng(seed).uniform(size=rows) < MISSING_BEFORE, hidden] = np.nan
    features = [_measured(described(column), found) for column, found in zip(varying, values.T, strict=True)]
    return _trained(values, frame[TARGET].to_numpy(), FeatureSchema(tuple(features)), hidden=hidden, seed=seed)


def shifted_rows(
    column: Floats, profile: FeatureProfile, *, psi: float, rows: int, random: np.random.Generator
) -> Rows:
    """Return places of rows, drawn so that the known values of a column have moved up by this stability index.

    Rows are drawn with odds that grow from bin to bin of the profile; those without a value as before.
    """
    counts = np.array(profile.counts, dtype=np.float64)
    before = counts / counts.sum()
    steps = np.linspace(-1.0, 1.0, len(before))

    def tilted(strength: float) -> Floats:
        odds = before * np.exp(strength * steps)
        now: Floats = odds / odds.sum()
        return now

    def missed(strength: float) -> float:
        now = tilted(strength)
        return float(((now - before) * np.log(now / before)).sum()) - psi

    ratio = tilted(brentq(missed, 0.0, 20.0)) / before
    known = ~np.isnan(column)
    weights = np.ones(len(column))
    weights[known] = ratio[np.searchsorted(profile.edges, column[known], side="left")]
    drawn: Rows = random.choice(len(column), size=rows, p=weights / weights.sum())
    return drawn


def _trained(values: Floats, targets: NDArray[np.int8], schema: FeatureSchema, *, hidden: int, seed: int) -> Training:
    trees = lightgbm.train({**_TREES, "seed": seed}, lightgbm.Dataset(values, targets), num_boost_round=60)
    contributions = LightGbmModel.from_text(trees.model_to_string()).contributions(values)
    facts = ModelFacts(
        MODEL_VERSION,
        "b" * 64,
        schema,
        fit_profile(values, contributions, schema.names),
        DatasetReference("ds-1", "d" * 64, "1", "r", {}),
    )
    return Training(facts, values, contributions.sum(axis=1), np.ascontiguousarray(contributions[:, :-1]), hidden)


def _complete(values: Floats) -> int:
    """Return the place of the first feature that is continuous and always known."""
    complete = np.flatnonzero(~np.isnan(values).any(axis=0))
    return next(int(place) for place in complete if len(np.unique(values[:, place])) >= _CONTINUOUS)


def _measured(feature: Feature, column: Floats) -> Feature:
    return replace(feature, minimum=float(np.nanmin(column)), maximum=float(np.nanmax(column)))
