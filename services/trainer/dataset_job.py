"""The work of a data set's job: from tables to stored splits with a baseline."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.trainer.adapters.code_version import origin_tags
from services.trainer.adapters.dataset_files import (
    ARTIFACTS,
    DatasetContents,
    DatasetFiles,
    split_file,
    write_dataset,
)
from services.trainer.adapters.tracking import KIND_TAG, RunLog, Tracking
from services.trainer.connecting import connect_tracking
from services.trainer.dataset_sources import SourceRows, read_rows
from services.trainer.domain.cleaning import CleaningRecord
from services.trainer.domain.cleaning_rules import fit_cleaning
from services.trainer.domain.dataset import LABEL, DatasetPlan, Splits, plan_from_json, split_rows
from services.trainer.domain.evaluation import evaluate_most_frequent, named
from services.trainer.domain.results import SPLITS, DatasetResult, SplitName, SplitSummary, TableSummary
from services.trainer.domain.sources import source_parameters
from services.trainer.domain.threshold import Costs
from services.trainer.settings import Settings
from shared.jobs.child import JobContext

_LIBRARIES = ("numpy", "polars", "scikit-learn")


@dataclass(frozen=True)
class _Made:
    """A data set before it is stored; the splits are numbers of its rows."""

    rows: SourceRows
    splits: Splits
    record: CleaningRecord


def make_dataset(settings: Settings, context: JobContext) -> str:
    """Make the data set of the job, store it in MLflow, and return its result as JSON."""
    plan = plan_from_json(json.loads(context.job.payload))
    made = _make(plan, settings.tables_root, context)
    context.report(0.75, "opening the experiment")
    tracking = connect_tracking(settings, context)
    context.report(0.8, "storing the splits")
    origin = origin_tags(settings.code_version, _LIBRARIES)
    return json.dumps(_store(tracking, context, plan, made, origin).to_json(), allow_nan=False)


def baseline_metrics(labels: pl.Series, splits: Splits) -> dict[str, float]:
    """Return the metrics of the most frequent answer on the train split and, if it has rows, on the test split."""
    train, test = _targets(labels, splits["train"]), _targets(labels, splits["test"])
    metrics = named("train", evaluate_most_frequent(train, train, Costs()))
    if len(test):
        metrics |= named("test", evaluate_most_frequent(train, test, Costs()))
    return metrics


def _make(plan: DatasetPlan, tables_root: Path, context: JobContext) -> _Made:
    rows = read_rows(plan.source, tables_root, context.report).without(plan.barred_columns)
    context.report(0.55, "splitting applicants")
    splits = split_rows(rows.frame[LABEL], plan)
    context.report(0.6, "fitting the cleaning record on the train split")
    train = splits["train"]
    record = fit_cleaning(
        rows.frame[train],
        [feature.name for feature in rows.features],
        plan.cleaning,
        targets=_targets(rows.frame[LABEL], train),
        variables={feature.name: feature.group for feature in rows.features if feature.group},
    )
    return _Made(rows, splits, record)


def _store(
    tracking: Tracking, context: JobContext, plan: DatasetPlan, made: _Made, origin: Mapping[str, str]
) -> DatasetResult:
    metrics = baseline_metrics(made.rows.frame[LABEL], made.splits)
    dataset = context.job.id
    experiment_id = tracking.experiment(dataset)
    tags = {KIND_TAG: "dataset", **origin}
    with tracking.run(experiment_id=experiment_id, name="DummyClassifier", job=dataset, tags=tags) as run:
        run.params(_parameters(plan, made.record))
        with tempfile.TemporaryDirectory() as folder:
            contents = DatasetContents(made.rows.frame, made.splits, made.rows.levels, made.rows.features, made.record)
            written = write_dataset(Path(folder), contents)
            context.report(0.9, "logging the baseline")
            run.folder(Path(folder), ARTIFACTS)
        for split in SPLITS:
            digest = written.files[split_file(split)]
            run.split(f"{dataset}-{split}", context=split, digest=digest, source=f"datasets/{dataset}")
        run.metrics(metrics)
        return _result(made, written, run, metrics)


def _parameters(plan: DatasetPlan, record: CleaningRecord) -> dict[str, object]:
    return {
        "classifier": "DummyClassifier(most_frequent)",
        **source_parameters(plan.source),
        "test_share": plan.test_share,
        "seed": plan.seed,
        **{name: value for name, value in plan.cleaning.__dict__.items() if value is not None},
        **({"barred_columns": ", ".join(plan.barred_columns)} if plan.barred_columns else {}),
        "features": len(record.columns),
        "features_kept": len(record.kept),
    }


def _result(made: _Made, written: DatasetFiles, run: RunLog, metrics: Mapping[str, float]) -> DatasetResult:
    return DatasetResult(
        splits={split: _summary(split, made, written.files[split_file(split)]) for split in SPLITS},
        tables=tuple(
            TableSummary(
                table=report.table,
                present=report.present,
                format=report.format or "",
                rows=report.rows,
                ignored_columns=report.extra_columns,
                digest=report.digest,
            )
            for report in made.rows.reports
        ),
        columns=made.record.columns,
        dropped_applications=made.rows.dropped,
        digest=written.digest,
        experiment_id=run.experiment_id,
        baseline_run_id=run.run_id,
        baseline_metrics=metrics,
    )


def _summary(split: SplitName, made: _Made, digest: str) -> SplitSummary:
    rows = made.splits[split]
    # Production has no labels at all, which is not the same as no defaults.
    defaults = None if split == "production" else int(_targets(made.rows.frame[LABEL], rows).sum())
    return SplitSummary(len(rows), defaults, digest)


def _targets(labels: pl.Series, rows: NDArray[np.intp]) -> NDArray[np.int8]:
    return labels[rows].to_numpy().astype(np.int8)
