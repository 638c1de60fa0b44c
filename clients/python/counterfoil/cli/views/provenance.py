"""What people see of where models come from: lineage, comparison, and what trainings left to read."""

from collections.abc import Iterable, Iterator
from typing import Final

from rich.console import RenderableType

from counterfoil.cli.views.jobs import state_word
from counterfoil.cli.views.layout import (
    ABSENT,
    facts,
    identifier,
    listing,
    moment,
    share,
    short_version,
    stacked,
    whole,
)
from counterfoil.cli.views.metrics import DUMMY, compared
from counterfoil.cli.views.models import alias_moves_view
from counterfoil.trainer.v1 import artifact_pb2, dataset_pb2, lineage_pb2

_SHORT_DIGEST: Final = 12


def artifact_list_view(artifacts: Iterable[artifact_pb2.ModelArtifact]) -> RenderableType:
    """Return one line for each artifact."""
    rows = [(each.artifact, each.content_type, whole(each.size_bytes)) for each in artifacts]
    return listing(("artifact", "type", "bytes"), rows, right=("bytes",))


def comparison_view(found: lineage_pb2.CompareRunsResponse) -> RenderableType:
    """Return the dummy and every model of a data set side by side, the best figure of a line marked with *."""
    columns = [
        (DUMMY, found.baseline_metrics),
        *((f"{_name(run)}\n{run.classifier}", run.metrics) for run in found.runs),
    ]
    shares = [
        (_name(run), *(_share(run, split) for split in ("cv", "test")), ", ".join(run.aliases)) for run in found.runs
    ]
    title = f"models of {found.dataset}; costs are per applicant, * is the best of a line"
    return stacked(
        compared(columns, title=title),
        listing(
            ("model", "cv", "test", "aliases"), shares, title="cost as a share of the dummy's", right=("cv", "test")
        ),
    )


def lineage_view(found: lineage_pb2.Lineage) -> RenderableType:
    """Return tables, data set, trainings and versions, one below the other."""
    dataset = found.dataset
    moves = [
        (f"{short_version(version.name)}: aliases given (+) and taken (-)", version.alias_moves)
        for run in found.runs
        for version in run.model_versions
        if version.alias_moves
    ]
    return stacked(
        listing(("table", "format", "rows", "SHA-256"), _tables(dataset), title="tables", right=("rows",))
        if dataset.tables
        else None,
        facts(
            [
                ("data set", f"{dataset.name}{' (deleted)' if found.dataset_deleted else ''}"),
                ("SHA-256", dataset.digest),
                ("made", moment(dataset.job.create_time)),
                ("made by", dataset.job.caller),
                ("MLflow experiment", dataset.experiment_id),
            ]
        ),
        listing(
            ("training", "state", "by", "MLflow run", "version", "threshold", "aliases"), _runs(found), title="models"
        ),
        *(alias_moves_view(each, title=title) for title, each in moves),
    )


def _tables(dataset: dataset_pb2.Dataset) -> Iterator[tuple[str, ...]]:
    for table in dataset.tables:
        if table.present:
            yield table.table, table.format, whole(table.rows), table.digest[:_SHORT_DIGEST]


def _runs(found: lineage_pb2.Lineage) -> Iterator[tuple[str, ...]]:
    for run in found.runs:
        job = run.training_job
        training = identifier(job.name), state_word(job.job) if job.HasField("job") else ABSENT, job.job.caller
        for version in run.model_versions:
            named = short_version(version.name), f"{version.threshold:.4f}", ", ".join(version.aliases)
            yield *training, version.run_id, *named
        if not run.model_versions:
            yield *training, job.run_id, ABSENT, ABSENT, ""


def _name(run: lineage_pb2.ComparedRun) -> str:
    return short_version(run.model_version) if run.model_version else identifier(run.training_job)


def _share(run: lineage_pb2.ComparedRun, split: str) -> str:
    return share(run.relative_costs[split]) if split in run.relative_costs else ABSENT
