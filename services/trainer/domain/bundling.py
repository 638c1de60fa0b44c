"""What a training learnt, put together as the contents of the bundle that will be served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.cleaning import CleaningRecord, ColumnFate, to_values
from services.trainer.domain.dataset import LabelledRows
from services.trainer.domain.plan import TrainingPlan
from services.trainer.domain.training import Training
from shared.bundle.model import Model
from shared.bundle.profile import fit_profile
from shared.bundle.schema import Feature, FeatureSchema
from shared.bundle.writing import BundleContents, DatasetReference

_GOLDEN_ROWS = 16


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from: the training job's resource name, the data set, and the libraries' versions.

    `raw_features` is how the data set's features are made of raw rows, None where they are columns of a prepared table.
    """

    training_job: str
    dataset: DatasetReference
    library_versions: Mapping[str, str]
    raw_features: Mapping[str, Any] | None = None


def bundle_contents(
    plan: TrainingPlan,
    training: Training,
    *,
    train: LabelledRows,
    record: CleaningRecord,
    features: Sequence[Feature],
    provenance: Provenance,
) -> BundleContents:
    """Return everything that is served together; `features` are the data set's before cleaning."""
    values = to_values(train.frame, [fate.column for fate in record.kept])
    schema = schema_of(features, record, values)
    return BundleContents(
        model_name=plan.model,
        classifier=plan.classifier,
        training_job=provenance.training_job,
        schema=schema,
        cleaning=record.to_json(),
        model=training.model,
        calibrator=training.calibrator,
        threshold=training.threshold.value,
        costs=plan.costs.to_json(),
        dataset=provenance.dataset,
        profile=fit_profile(
            values,
            _contributions(training.model, training.train_values),
            schema.names,
            unseen_margins=training.test_margins,
        ),
        golden_values=golden_values(values),
        metrics=training.metrics,
        library_versions=provenance.library_versions,
        raw_features=provenance.raw_features,
    )


def schema_of(features: Sequence[Feature], record: CleaningRecord, values: NDArray[np.float64]) -> FeatureSchema:
    """Return the schema of the kept columns, whose uncleaned train values are (n_rows, n_kept) with NaN = missing."""
    by_name = {feature.name: feature for feature in features}
    kept = tuple(_measured(by_name[fate.column], fate, values[:, place]) for place, fate in enumerate(record.kept))
    return FeatureSchema(kept, tuple(fate.column for fate in record.columns if not fate.kept))


def golden_values(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return up to 16 rows spread over the train split, and one in which every value is missing."""
    places = np.unique(np.linspace(0, len(values) - 1, _GOLDEN_ROWS).round().astype(np.intp))
    return np.vstack([values[places], np.full((1, values.shape[1]), np.nan)])


def promotion_obstacle(model: Model) -> str:
    """Return why the model must not decide on applicants, in a sentence; empty if it may."""
    if model.explains:
        return ""
    return "trees on principal components give no reasons that are exact in the features; train it without PCA"


def _contributions(model: Model, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the model's contributions; without any, its margins as a baseline to which no feature adds."""
    if model.explains:
        return model.contributions(values)
    return np.column_stack([np.zeros(values.shape), model.margins(values)])


def _measured(feature: Feature, fate: ColumnFate, values: NDArray[np.float64]) -> Feature:
    return replace(
        feature,
        minimum=float(np.nanmin(values)),
        maximum=float(np.nanmax(values)),
        missing_share=fate.missing_share,
        fallback=fate.fallback,
    )
