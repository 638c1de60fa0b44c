"""From a folder to a bundle that may serve: sealed as written, of a known kind, and answering as it did when made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.bundle.calibration import Calibrator
from shared.bundle.dataset import DatasetReference
from shared.bundle.facts import CALIBRATOR, RAW_FEATURES, BundleFacts, facts_of, rejecting
from shared.bundle.golden import FILE as GOLDEN
from shared.bundle.golden import check_golden
from shared.bundle.manifest import BundleRejected, Sealed, open_sealed, read_json
from shared.bundle.model import Model
from shared.bundle.models import read_model
from shared.bundle.profile import Profile
from shared.bundle.schema import FeatureSchema
from shared.bundle.scoring import Scores, Scoring

__all__ = ["Bundle", "BundleRejected", "Scores", "load_bundle"]


@dataclass(frozen=True)
class Bundle:
    """A verified bundle; safe to use by many threads.

    `digest` is the SHA-256 (hex) of its manifest, `threshold` a probability, `kernel_id` what computes its answers in
    this process, `golden_rows` how many golden rows were recomputed. `raw_features` says how features are made of raw
    rows (`set`, `levels`), None where the bundle does not.
    """

    digest: str
    model_name: str
    classifier: str
    training_job: str
    dataset: DatasetReference
    schema: FeatureSchema
    profile: Profile
    threshold: float
    costs: Mapping[str, float | str]
    metrics: Mapping[str, float]
    golden_rows: int
    scoring: Scoring
    raw_features: Mapping[str, Any] | None

    @property
    def model(self) -> Model:
        """The model behind the fallbacks; its inputs have no missing value where the schema has a fallback."""
        return self.scoring.model

    @property
    def calibrator(self) -> Calibrator:
        """What turns margins into probabilities."""
        return self.scoring.calibrator

    @property
    def kernel_id(self) -> str:
        """What computes margins and contributions; equal kernels give equal bits."""
        return self.scoring.model.kernel_id

    def score(self, values: NDArray[np.float64]) -> Scores:
        """Return the scores of uncleaned rows, (n_rows, n_features) in the schema's order, NaN where one is missing.

        Infinity must be refused before. Raises ValueError for another shape, and Precondition REASONS_NOT_EXACT where
        the model has no reasons.
        """
        return self.scoring.score(values)

    def predict(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins and probabilities alone, (n_rows,) each, of rows as `score` takes them."""
        return self.scoring.predict(values)


def load_bundle(folder: Path, *, digest: str | None = None) -> Bundle:
    """Return the bundle of a folder, which must be the one of `digest` if that is given.

    Digests are checked before anything is parsed, and the golden rows recomputed. Raises BundleRejected.
    """
    sealed = open_sealed(folder, digest)
    facts = facts_of(sealed)
    with rejecting():
        scoring = Scoring.of(facts.schema, _model(sealed), Calibrator.from_json(read_json(sealed.files[CALIBRATOR])))
        raw = read_json(sealed.files[RAW_FEATURES]) if RAW_FEATURES in sealed.files else None
        return _bundle(facts, scoring, check_golden(scoring, sealed.files[GOLDEN]), raw)


def _model(sealed: Sealed) -> Model:
    return read_model(sealed.manifest.model_kind, sealed.files)


def _bundle(facts: BundleFacts, scoring: Scoring, golden_rows: int, raw: Mapping[str, Any] | None) -> Bundle:
    manifest = facts.manifest
    return Bundle(
        digest=facts.digest,
        model_name=manifest.model_name,
        classifier=manifest.classifier,
        training_job=manifest.training_job,
        dataset=manifest.dataset,
        schema=facts.schema,
        profile=facts.profile,
        threshold=manifest.threshold,
        costs=manifest.costs,
        metrics=manifest.metrics,
        golden_rows=golden_rows,
        scoring=scoring,
        raw_features=raw,
    )
