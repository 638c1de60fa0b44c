"""What the two kinds of jobs leave behind, as stored in the job store."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal

from services.trainer.domain.cleaning import ColumnFate, fate_from_json
from services.trainer.domain.hyperparameters import HyperparameterValue

SplitName = Literal["train", "test", "production"]
SPLITS: tuple[SplitName, ...] = ("train", "test", "production")


@dataclass(frozen=True)
class SplitSummary:
    """Rows, defaults (None without labels) and SHA-256 (hex) of a split's Parquet file."""

    rows: int
    defaults: int | None
    digest: str


@dataclass(frozen=True)
class TableSummary:
    """What was found of one table and the SHA-256 (hex) of its file; `format` is empty and `rows` 0 if it is absent."""

    table: str
    present: bool
    format: str
    rows: int
    ignored_columns: tuple[str, ...]
    digest: str = ""


@dataclass(frozen=True)
class DatasetResult:
    """A finished data set: its splits, tables and columns, and where MLflow keeps it."""

    splits: Mapping[SplitName, SplitSummary]
    tables: tuple[TableSummary, ...]
    columns: tuple[ColumnFate, ...]
    dropped_applications: int
    digest: str
    experiment_id: str
    baseline_run_id: str
    baseline_metrics: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts and lists that `dataset_result_from_json` turns back into an equal result."""
        return asdict(self)


def dataset_result_from_json(document: Mapping[str, Any]) -> DatasetResult:
    """Return the result that `DatasetResult.to_json` wrote."""
    return DatasetResult(
        **{
            **document,
            "splits": {name: SplitSummary(**split) for name, split in document["splits"].items()},
            "tables": tuple(
                TableSummary(**{**table, "ignored_columns": tuple(table["ignored_columns"])})
                for table in document["tables"]
            ),
            "columns": tuple(fate_from_json(fate) for fate in document["columns"]),
        }
    )


class TrialState(StrEnum):
    """How a trial ended: after all folds, given up after some, or because the classifier could not be trained."""

    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class TrialSummary:
    """One trial as callers see it; what one that did not end well has no figure of is None."""

    number: int
    hyperparameters: Mapping[str, HyperparameterValue]
    cost: float | None
    auc: float | None
    auc_deviation: float | None
    training_seconds: float
    state: TrialState = TrialState.COMPLETE
    log_loss: float | None = None
    folds_trained: int = 0
    rounds: int | None = None
    error: str = ""


@dataclass(frozen=True)
class TrainingResult:
    """What is known of a training: its trials while it runs, the rest once it has been registered (version 0: not).

    `calibrator` is "sigmoid" or "isotonic", empty until the search has ended.
    """

    trials: tuple[TrialSummary, ...] = ()
    best_trial: int | None = None
    threshold: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    version: int = 0
    run_id: str = ""
    calibrator: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts and lists that `training_result_from_json` turns back into an equal result."""
        return asdict(self)


def training_result_from_json(document: Mapping[str, Any]) -> TrainingResult:
    """Return the result that `TrainingResult.to_json` wrote."""
    return TrainingResult(**{**document, "trials": tuple(_trial_from_json(trial) for trial in document["trials"])})


def _trial_from_json(document: Mapping[str, Any]) -> TrialSummary:
    return TrialSummary(**{**document, "state": TrialState(document["state"])})
