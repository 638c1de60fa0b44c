"""From what a training learnt to a sealed bundle in a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.bundle.calibration import Calibrator
from shared.bundle.dataset import DatasetReference, SplitReference
from shared.bundle.facts import CALIBRATOR, CLEANING, PROFILE, RAW_FEATURES, SCHEMA
from shared.bundle.golden import FILE as GOLDEN
from shared.bundle.golden import golden_bytes
from shared.bundle.manifest import Manifest, json_bytes, open_sealed, seal
from shared.bundle.model import Model
from shared.bundle.models import read_model
from shared.bundle.profile import Profile
from shared.bundle.schema import FeatureSchema
from shared.bundle.scoring import Scoring

__all__ = ["BundleContents", "DatasetReference", "SplitReference", "reseal", "write_bundle"]


@dataclass(frozen=True)
class BundleContents:
    """Everything that is served together.

    `cleaning` is the data set's record as JSON, `threshold` a probability and `costs` what it was tuned for.
    `golden_values` are uncleaned inputs, (n_rows, n_features) with NaN where a value is missing; at least one row, and
    the model must give each a finite answer. `raw_features` says how features are made of raw rows (`set`, the feature
    set's name, and `levels`), None where they are columns of the lender's own table.
    """

    model_name: str
    classifier: str
    training_job: str
    schema: FeatureSchema
    cleaning: Mapping[str, Any]
    model: Model
    calibrator: Calibrator
    threshold: float
    costs: Mapping[str, float | str]
    dataset: DatasetReference
    profile: Profile
    golden_values: NDArray[np.float64]
    metrics: Mapping[str, float]
    library_versions: Mapping[str, str]
    raw_features: Mapping[str, Any] | None = None


def write_bundle(folder: Path, contents: BundleContents) -> str:
    """Write the bundle into a new or empty folder and return its digest, the SHA-256 (hex) of its manifest.

    Raises ValueError if a number is not finite or the parts do not fit together, FileExistsError if the folder holds
    something.
    """
    model_files = contents.model.files()
    # The golden answers come from the model as it will be read, not from the one in memory.
    model = read_model(contents.model.kind, model_files)
    golden = golden_bytes(Scoring.of(contents.schema, model, contents.calibrator), contents.golden_values)
    if contents.profile.names != contents.schema.names:
        raise ValueError("the profile is of other features than the schema")
    documents = {
        SCHEMA: json_bytes(contents.schema.to_json()),
        CLEANING: json_bytes(contents.cleaning),
        CALIBRATOR: json_bytes(contents.calibrator.to_json()),
        PROFILE: json_bytes(contents.profile.to_json()),
    }
    if contents.raw_features is not None:
        documents[RAW_FEATURES] = json_bytes(contents.raw_features)
    return seal(folder, _manifest(contents), {**model_files, **documents, GOLDEN: golden})


def reseal(source: Path, folder: Path, *, digest: str, threshold: float, metrics: Mapping[str, float]) -> str:
    """Write the bundle of that digest anew with another threshold, every other file the same; return the new digest.

    Raises BundleRejected if the source is not that bundle, FileExistsError if the folder holds something.
    """
    sealed = open_sealed(source, digest)
    return seal(folder, replace(sealed.manifest, threshold=threshold, metrics=metrics), sealed.files)


def _manifest(contents: BundleContents) -> Manifest:
    return Manifest(
        model_name=contents.model_name,
        classifier=contents.classifier,
        training_job=contents.training_job,
        model_kind=contents.model.kind,
        kernel_id=contents.model.kernel_id,
        threshold=contents.threshold,
        costs=contents.costs,
        dataset=contents.dataset,
        metrics=contents.metrics,
        library_versions=contents.library_versions,
    )
