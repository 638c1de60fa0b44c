"""The commands of `counterfoil model` that look at where versions come from and what their trainings left."""

from pathlib import Path

import click

from counterfoil.cli.files import write_file
from counterfoil.cli.names import CHAMPION, DEFAULT_MODEL, dataset_name, lineage_name, model_version_name
from counterfoil.cli.options import examples
from counterfoil.cli.output import json_option, json_wanted, say, show, show_json
from counterfoil.cli.session import Session, pass_session, trainer_calls
from counterfoil.cli.views.provenance import artifact_list_view, comparison_view, lineage_view
from counterfoil.trainer.v1 import artifact_pb2, lineage_pb2


@click.command(epilog=examples("counterfoil model artifacts credit-default/champion"))
@click.argument("version", metavar="VERSION", default=f"{DEFAULT_MODEL}/{CHAMPION}")
@json_option
@pass_session
def artifacts(session: Session, /, version: str) -> None:
    """List what the training of VERSION left to read: its model document, figures and tables."""
    request = artifact_pb2.ListModelArtifactsRequest(parent=model_version_name(version))
    with trainer_calls(session) as trainer:
        found = trainer.ListModelArtifacts(request)
    show(found, lambda listed: artifact_list_view(listed.model_artifacts))


@click.command(
    epilog=examples(
        "counterfoil model artifact credit-default/1 model_document.md --output credit-default-1.md",
        "counterfoil model artifact credit-default/1 figures/roc_curve.png --output roc.png",
    )
)
@click.argument("version", metavar="VERSION")
@click.argument("artifact", metavar="NAME")
@click.option(
    "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Where to write."
)
@json_option
@pass_session
def artifact(session: Session, /, version: str, artifact: str, *, output: Path) -> None:
    """Write the artifact NAME of VERSION to a file; `model artifacts` lists the names."""
    request = artifact_pb2.ReadModelArtifactRequest(name=model_version_name(version), artifact=artifact)
    with trainer_calls(session) as trainer:
        size = write_file(output, (each.chunk for each in trainer.ReadModelArtifact(request)))
    if json_wanted():
        show_json({"model_version": request.name, "artifact": artifact, "file": str(output), "bytes": size})
    say(f"wrote {output} ({size:,} bytes)")


@click.command(epilog=examples("counterfoil model compare ds-0123456789ab"))
@click.argument("dataset", metavar="DATASET")
@json_option
@pass_session
def compare(session: Session, /, dataset: str) -> None:
    """Set every model that was trained on DATASET beside its dummy, which refuses nobody; the cheapest first."""
    with trainer_calls(session) as trainer:
        found = trainer.CompareRuns(lineage_pb2.CompareRunsRequest(dataset=dataset_name(dataset)))
    show(found, comparison_view)


@click.command(
    epilog=examples("counterfoil model lineage credit-default/champion", "counterfoil model lineage ds-0123456789ab")
)
@click.argument("name", metavar="NAME")
@json_option
@pass_session
def lineage(session: Session, /, name: str) -> None:
    """Show where the version NAME comes from, or what the data set NAME (ds-…) has led to."""
    with trainer_calls(session) as trainer:
        found = trainer.GetLineage(lineage_pb2.GetLineageRequest(name=lineage_name(name)))
    show(found, lineage_view)
