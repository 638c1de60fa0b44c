"""The work of a training job: from a stored data set to a registered bundle."""

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import polars as pl

from services.trainer.adapters.code_version import origin_tags
from services.trainer.adapters.curves import draw_curves
from services.trainer.adapters.dataset_files import ARTIFACTS, StoredDataset, read_dataset
from services.trainer.adapters.figures import draw_figures
from services.trainer.adapters.memory import available_memory
from services.trainer.adapters.optuna_study import open_study
from services.trainer.adapters.scored_files import ARTIFACTS as SCORED
from services.trainer.adapters.scored_files import write_scored
from services.trainer.adapters.tracking import KIND_TAG, RunLog, Tracking
from services.trainer.adapters.versions import version_tags
from services.trainer.connecting import connect_tracking
from services.trainer.documenting import log_document
from services.trainer.domain.amounts import check_amounts
from services.trainer.domain.bundling import Provenance, bundle_contents, promotion_obstacle
from services.trainer.domain.cv_results import cv_results
from services.trainer.domain.imbalance import categorical_columns, check_memory
from services.trainer.domain.plan import TrainingPlan, oversampling_bytes, plan_from_json
from services.trainer.domain.points import lines_of
from services.trainer.domain.results import TrainingResult, training_result_from_json
from services.trainer.domain.sources import HomeCreditTables
from services.trainer.domain.training import Listeners, Training, train_model
from services.trainer.domain.trials import Trial
from services.trainer.finished import FinishedDataset, finished_dataset
from services.trainer.settings import Settings
from shared.bundle.registry import ModelRegistry
from shared.bundle.scorecard_model import ScorecardModel
from shared.bundle.writing import BundleContents, write_bundle
from shared.jobs.child import JobContext

_LIBRARIES = ("imbalanced-learn", "lightgbm", "numpy", "optbinning", "polars", "scikit-learn", "scipy")
# Each write of trials so far is one to disk, and grows with their number.
_SECONDS_BETWEEN_TRIALS = 1.0


class _Findings:
    """What is known of the training so far, told to the job store as it grows beyond what an earlier attempt told."""

    def __init__(self, context: JobContext, run_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._clock = clock
        self.result = TrainingResult(run_id=run_id)
        self._known = 0
        if context.job.result is not None:
            self._known = len(training_result_from_json(json.loads(context.job.result)).trials)
        self._told = clock()
        if not self._known:
            self._tell()

    def add(self, trial: Trial) -> None:
        """Add a finished trial; it is told at once, or with a later one that comes within a second."""
        self.result = replace(self.result, trials=(*self.result.trials, trial.summary()))
        news = len(self.result.trials) > self._known
        if news and self._clock() - self._told >= _SECONDS_BETWEEN_TRIALS:
            self._tell()

    def finish(self, training: Training) -> None:
        """Add the outcome of the search."""
        self.result = replace(
            self.result,
            best_trial=training.best.number,
            threshold=training.threshold.value,
            metrics=training.metrics,
            calibrator=training.calibrator.kind,
        )
        self._tell()

    def _tell(self) -> None:
        self._context.update_result(json.dumps(self.result.to_json(), allow_nan=False))
        self._told = self._clock()


def train(settings: Settings, context: JobContext) -> str:
    """Train, log and register the model of the job, and return its result as JSON."""
    plan = plan_from_json(json.loads(context.job.payload))
    # The request was checked for a data set that has succeeded; those never change.
    source = finished_dataset(context.store, plan.dataset)
    context.report(0.02, "opening the experiment")
    tracking = connect_tracking(settings, context)
    tags = {KIND_TAG: "training", "counterfoil.dataset_digest": source.result.digest}
    tags |= origin_tags(settings.code_version, _LIBRARIES)
    experiment = source.result.experiment_id
    name = f"{plan.classifier} {context.job.id}"
    with tracking.run(experiment_id=experiment, name=name, job=context.job.id, tags=tags) as run:
        adopted = _adopted(context, run)
        if adopted is not None:
            return adopted
        findings = _Findings(context, run.run_id)
        context.report(0.04, "reading the data set")
        dataset = _read(tracking, source)
        check_amounts(plan.costs, {"train": dataset.train.frame, "test": dataset.test.frame})
        _log_plan(run, plan, source)
        _check_memory(plan, dataset)
        training = train_model(
            plan,
            train=dataset.train,
            test=dataset.test,
            record=dataset.record,
            study=open_study(settings.trial_store_url, name=context.job.id, plan=plan),
            threads=settings.training_threads,
            listeners=Listeners(context.report, findings.add),
        )
        findings.finish(training)
        context.report(0.88, "sealing the bundle")
        contents = _contents(plan, training, dataset, source, context.job.id)
        scored = _log_training(run, plan, training, contents)
        log_document(run, plan=plan, source=source, dataset=dataset, training=training, contents=contents)
        version = _register(settings, context, run, contents, plan=plan, scored=scored)
        return json.dumps(replace(findings.result, version=version).to_json(), allow_nan=False)


def _adopted(context: JobContext, run: RunLog) -> str | None:
    """Return the job's result if an earlier attempt of it registered the model and was killed before it could say so.

    The outcome of the search was stored before, so that nothing is missing but the version.
    """
    version = run.patience(run.version)
    if version is None:
        return None
    found = training_result_from_json(json.loads(context.job.result or ""))
    return json.dumps(replace(found, version=version).to_json(), allow_nan=False)


def _read(tracking: Tracking, source: FinishedDataset) -> StoredDataset:
    with tempfile.TemporaryDirectory() as folder:
        fetch = partial(tracking.fetch, source.result.baseline_run_id, folder=Path(folder))
        return read_dataset(lambda name: fetch(f"{ARTIFACTS}/{name}"), source.result.digest)


def _check_memory(plan: TrainingPlan, dataset: StoredDataset) -> None:
    """Raise Precondition MEMORY_NEEDED before any work; the request was checked without knowing what is categorical."""
    if plan.imbalance.oversamples:
        values = dataset.record.apply(dataset.train.frame)
        rows, columns = values.shape
        categorical = int(categorical_columns(values).sum())
        defaults = int(dataset.train.targets.sum())
        needed = oversampling_bytes(plan, rows=rows, defaults=defaults, columns=columns, categorical=categorical)
        check_memory(needed, available_memory())


def _log_plan(run: RunLog, plan: TrainingPlan, source: FinishedDataset) -> None:
    run.params(
        {
            "dataset": plan.dataset,
            "dataset_digest": source.result.digest,
            "model": plan.model,
            "classifier": plan.classifier,
            "imbalance": plan.imbalance.value,
            "calibration": plan.calibration.value,
            "preprocessing": plan.preprocessing.value,
            **asdict(plan.resampling),
            **{f"search_{name}": value for name, value in plan.search.to_json().items()},
            **{f"cost_{name}": cost for name, cost in plan.costs.to_json().items()},
        }
    )
    for split, context in (("train", "training"), ("test", "evaluation")):
        reference = source.reference.splits[split]
        name = f"{plan.dataset}-{split}"
        run.split(name, context=context, digest=reference.digest, source=f"datasets/{plan.dataset}")


def _contents(
    plan: TrainingPlan, training: Training, dataset: StoredDataset, source: FinishedDataset, job: str
) -> BundleContents:
    libraries = {library: installed_version(library) for library in _LIBRARIES}
    return bundle_contents(
        plan,
        training,
        train=dataset.train,
        record=dataset.record,
        features=dataset.features,
        provenance=Provenance(f"trainingJobs/{job}", source.reference, libraries, _raw_features(source, dataset)),
    )


def _raw_features(source: FinishedDataset, dataset: StoredDataset) -> dict[str, Any] | None:
    """Return how the data set's features are made of raw rows, so that a scorer can make them for one applicant."""
    if not isinstance(source.plan.source, HomeCreditTables):
        return None
    return {"set": source.plan.source.features.value, "levels": dataset.levels.to_json()}


def _log_training(run: RunLog, plan: TrainingPlan, training: Training, contents: BundleContents) -> dict[str, str]:
    """Log what was learnt and return the digests of the outcomes that the run keeps, by split."""
    run.params({f"best_{name}": value for name, value in training.best.hyperparameters.items()})
    run.params({"calibrator": training.calibrator.kind})
    losses = {f"cv_log_loss_{kind}": loss for kind, loss in training.calibrated.losses.items()}
    run.metrics({**training.metrics, **training.timings, **losses, "threshold": training.threshold.value})
    weights = contents.profile.mean_absolute_contributions
    importance = sorted(zip(contents.schema.names, weights, strict=True), key=lambda pair: -pair[1])
    if not contents.model.explains:
        importance.clear()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "figures").mkdir()
        draw_figures(folder / "figures", training.scored, training.threshold.value, importance)
        draw_curves(folder / "figures", training.scored, training.threshold.value, plan.costs, training.trials)
        trials = cv_results(training.trials, plan.search.objective)
        (folder / "trials.json").write_text(json.dumps(trials, indent=1), encoding="utf-8")
        pl.DataFrame(trials, infer_schema_length=None).write_csv(folder / "cv_results.csv")
        columns = {"feature": pl.String, "mean_absolute_contribution": pl.Float64}
        pl.DataFrame(importance, schema=columns, orient="row").write_csv(folder / "feature_importance.csv")
        if isinstance(contents.model, ScorecardModel):
            lines = lines_of(contents.model, contents.schema.names)
            pl.DataFrame([asdict(line) for line in lines]).write_csv(folder / "scorecard.csv")
        (folder / SCORED).mkdir()
        digests = write_scored(folder / SCORED, training.scored)
        run.folder(folder)
        return digests


def _register(
    settings: Settings,
    context: JobContext,
    run: RunLog,
    contents: BundleContents,
    *,
    plan: TrainingPlan,
    scored: Mapping[str, str],
) -> int:
    registry = ModelRegistry(settings.mlflow_uri, cache=settings.state_dir / "trainer" / "cache")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "bundle"
        digest = write_bundle(folder, contents)
        tags = version_tags(
            classifier=contents.classifier,
            dataset=contents.dataset.id,
            training_job=context.job.id,
            threshold=contents.threshold,
            metrics=contents.metrics,
            costs=plan.costs,
            scored=scored,
            creator=context.job.caller,
            on_behalf_of=plan.on_behalf_of,
            promotion_obstacle=promotion_obstacle(contents.model),
        )

        def register() -> int:
            """Register once; a try before this one may have got through without the answer."""
            # This raises if the job was ended by others, so that a left-over process registers nothing.
            context.report(0.95, "registering the model")
            model = contents.model_name
            return registry.register_bundle(folder, model=model, run_id=run.run_id, digest=digest, tags=tags)

        return run.register(register)
