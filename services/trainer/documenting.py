"""The model document of a training, put together and logged to its run."""

import tempfile
from pathlib import Path

from services.trainer.adapters.dataset_files import StoredDataset
from services.trainer.adapters.tracking import RunLog
from services.trainer.domain.artifacts import MODEL_DOCUMENT
from services.trainer.domain.bundling import promotion_obstacle
from services.trainer.domain.model_document import ModelFacts, model_document
from services.trainer.domain.plan import TrainingPlan
from services.trainer.domain.slices import Attribute, Rated, judged_split, repeated, slice_applicants
from services.trainer.domain.training import Training
from services.trainer.finished import FinishedDataset
from shared.bundle.writing import BundleContents


def log_document(
    run: RunLog,
    *,
    plan: TrainingPlan,
    source: FinishedDataset,
    dataset: StoredDataset,
    training: Training,
    contents: BundleContents,
) -> None:
    """Write the document of what was trained into the run's own folder."""
    judged_on = judged_split(training.scored)
    facts = ModelFacts(
        job=contents.training_job,
        plan=plan,
        dataset=source.result,
        record=dataset.record,
        training=training,
        features=list(zip(contents.schema.features, contents.profile.mean_absolute_contributions, strict=True)),
        attributes=_attributes(dataset, training, contents, judged_on),
        judged_on=judged_on,
        library_versions=contents.library_versions,
        promotion_obstacle=promotion_obstacle(contents.model),
        barred_columns=source.plan.barred_columns,
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / MODEL_DOCUMENT).write_text(model_document(facts), encoding="utf-8")
        run.folder(Path(folder))


def _attributes(
    dataset: StoredDataset, training: Training, contents: BundleContents, judged_on: str
) -> tuple[Attribute, ...]:
    scored = training.scored[judged_on]
    frame = dataset.test.frame if judged_on == "test" else repeated(dataset.train.frame, len(scored.targets))
    rated = Rated(frame, scored.targets, scored.probabilities, training.threshold.value)
    return slice_applicants(rated, dataset.features, contents.schema.names)
