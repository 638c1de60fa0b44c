"""`counterfoil model`: registered versions, their comparison, and promotion."""

from typing import Final

import click

from counterfoil.cli.bounds import parse_bounds
from counterfoil.cli.commands.provenance import artifact, artifacts, compare, lineage
from counterfoil.cli.names import CHAMPION, DEFAULT_MODEL, dataset_name, model_name, model_version_name
from counterfoil.cli.options import examples, page_options, request_id_option
from counterfoil.cli.output import json_option, say, show
from counterfoil.cli.session import Session, pass_session, trainer_calls
from counterfoil.cli.views.models import model_version_list_view, model_version_view
from counterfoil.cli.views.thresholds import thresholds_view
from counterfoil.trainer.v1 import threshold_pb2, training_pb2

_SPLITS: Final = {
    "cv": threshold_pb2.SCORED_SPLIT_CV,
    "test": threshold_pb2.SCORED_SPLIT_TEST,
    "train": threshold_pb2.SCORED_SPLIT_TRAIN,
}
_GRID: Final = 19


@click.group()
def model() -> None:
    """Look at registered model versions, compare them, and choose which one serves.

    A VERSION is written credit-default/2, credit-default/champion, or 2 for a version of credit-default.
    """


@model.command(
    "list",
    epilog=examples(
        "counterfoil model list --alias champion",
        "counterfoil model list --at-least test_auc=0.75 --order-by test_business_cost --ascending",
    ),
)
@click.option("--model", default=DEFAULT_MODEL, show_default=True, metavar="MODEL", help="Whose versions.")
@click.option("--classifier", default="", metavar="ID", help="Only versions of this classifier.")
@click.option("--dataset", default="", metavar="DATASET", help="Only versions that were trained on it.")
@click.option("--alias", default="", metavar="ALIAS", help="Only the version that it points to.")
@click.option("--at-least", multiple=True, metavar="METRIC=V", help="Only versions with this metric or a larger one.")
@click.option("--at-most", multiple=True, metavar="METRIC=V", help="Only versions with this metric or a smaller one.")
@click.option("--order-by", default="", metavar="WORD", help="version, create_time or a metric.  [default: version]")
@click.option("--ascending", is_flag=True, help="Smallest first.")
@page_options
@json_option
@pass_session
def list_(
    session: Session,
    /,
    *,
    model: str,
    classifier: str,
    dataset: str,
    alias: str,
    at_least: tuple[str, ...],
    at_most: tuple[str, ...],
    order_by: str,
    ascending: bool,
    page_size: int,
    page_token: str,
) -> None:
    """List the versions of a model, by default all, newest first."""
    wanted = training_pb2.ModelVersionFilter(
        classifier=classifier,
        dataset=dataset_name(dataset) if dataset else "",
        alias=alias,
        metrics=parse_bounds(at_least, at_most),
    )
    request = training_pb2.ListModelVersionsRequest(
        parent=model_name(model),
        filter=wanted,
        order=training_pb2.ModelVersionOrder(by=order_by, ascending=ascending),
        page_size=page_size,
        page_token=page_token,
    )
    with trainer_calls(session) as trainer:
        page = trainer.ListModelVersions(request)
    show(page, lambda found: model_version_list_view(found.model_versions))
    if page.next_page_token:
        say(f"there are more: --page-token {page.next_page_token}")


@model.command(epilog=examples("counterfoil model get credit-default/champion", "counterfoil model get 2 --json"))
@click.argument("version", metavar="VERSION", default=f"{DEFAULT_MODEL}/{CHAMPION}")
@json_option
@pass_session
def get(session: Session, /, version: str) -> None:
    """Show VERSION, by default credit-default's champion."""
    with trainer_calls(session) as trainer:
        found = trainer.GetModelVersion(training_pb2.GetModelVersionRequest(name=model_version_name(version)))
    show(found, model_version_view)


@model.command(
    epilog=examples(
        'counterfoil model promote credit-default/2 --reason "cheaper by 4 % on test, approved by the committee"',
        "counterfoil score reload",
    )
)
@click.argument("version", metavar="VERSION")
@click.option("--alias", default=CHAMPION, show_default=True, metavar="ALIAS", help="The alias to move.")
@click.option("--etag", default="", metavar="ETAG", help="Fail if an alias has moved since `model get` showed this.")
@click.option("--reason", default="", metavar="TEXT", help="Why, in words for an auditor.")
@json_option
@pass_session
def promote(session: Session, /, version: str, *, alias: str, etag: str, reason: str) -> None:
    """Point an alias to VERSION; the scorer serves the champion from its next reload on."""
    request = training_pb2.PromoteModelVersionRequest(
        name=model_version_name(version), alias=alias, etag=etag, reason=reason
    )
    with trainer_calls(session) as trainer:
        promoted = trainer.PromoteModelVersion(request)
    show(promoted, model_version_view)
    say("the scorer takes it over with: counterfoil score reload")


@model.command(epilog=examples('counterfoil model demote credit-default/3 --alias challenger --reason "no better"'))
@click.argument("version", metavar="VERSION")
@click.option("--alias", default=CHAMPION, show_default=True, metavar="ALIAS", help="The alias to take away.")
@click.option("--etag", default="", metavar="ETAG", help="Fail if an alias has moved since `model get` showed this.")
@click.option("--reason", default="", metavar="TEXT", help="Why, in words for an auditor.")
@json_option
@pass_session
def demote(session: Session, /, version: str, *, alias: str, etag: str, reason: str) -> None:
    """Take an alias from VERSION; without a champion a scorer that restarts has nothing to serve."""
    request = training_pb2.DemoteModelVersionRequest(
        name=model_version_name(version), alias=alias, etag=etag, reason=reason
    )
    with trainer_calls(session) as trainer:
        demoted = trainer.DemoteModelVersion(request)
    show(demoted, model_version_view)


@model.command(epilog=examples('counterfoil model delete credit-default/3 --reason "trained on the wrong tables"'))
@click.argument("version", metavar="VERSION")
@click.option("--etag", default="", metavar="ETAG", help="Fail if an alias has moved since `model get` showed this.")
@click.option("--reason", default="", metavar="TEXT", help="Why, in words for an auditor.")
@json_option
@pass_session
def delete(session: Session, /, version: str, *, etag: str, reason: str) -> None:
    """Delete VERSION and its bundle for good; one that was ever promoted is kept."""
    name = model_version_name(version)
    with trainer_calls(session) as trainer:
        gone = trainer.DeleteModelVersion(training_pb2.DeleteModelVersionRequest(name=name, etag=etag, reason=reason))
    show(gone, lambda _: f"{name} is deleted")


@model.command(
    epilog=examples(
        "counterfoil model thresholds credit-default/2",
        "counterfoil model thresholds credit-default/champion --split test --threshold 0.08 --threshold 0.12",
    )
)
@click.argument("version", metavar="VERSION", default=f"{DEFAULT_MODEL}/{CHAMPION}")
@click.option(
    "--split",
    type=click.Choice(list(_SPLITS)),
    default="cv",
    show_default=True,
    help="On which applicants; cv has seen neither model nor calibrator.",
)
@click.option("--threshold", "thresholds", type=float, multiple=True, metavar="P", help="A threshold to look at.")
@click.option(
    "--grid", type=click.IntRange(1, 1000), metavar="N", help="So many evenly spaced thresholds.  [default: 19]"
)
@json_option
@pass_session
def thresholds(
    session: Session, /, version: str, *, split: str, thresholds: tuple[float, ...], grid: int | None
) -> None:
    """Show what other thresholds of VERSION would cost and whom they would refuse; nothing is trained."""
    request = threshold_pb2.EvaluateThresholdsRequest(
        name=model_version_name(version),
        split=_SPLITS[split],
        thresholds=thresholds,
        grid_points=grid or (0 if thresholds else _GRID),
    )
    with trainer_calls(session) as trainer:
        found = trainer.EvaluateThresholds(request)
    show(found, thresholds_view)


@model.command(
    epilog=examples('counterfoil model rethreshold credit-default/2 --threshold 0.1 --reason "fewer refusals"')
)
@click.argument("version", metavar="VERSION")
@click.option("--threshold", type=float, required=True, metavar="P", help="The new version's threshold.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, in words for an auditor.")
@request_id_option
@json_option
@pass_session
def rethreshold(session: Session, /, version: str, *, threshold: float, reason: str, request_id: str) -> None:
    """Register the model of VERSION with another threshold, as a version of its own; nothing is trained."""
    request = threshold_pb2.CreateModelVersionRequest(
        request_id=request_id, base_version=model_version_name(version), threshold=threshold, reason=reason
    )
    with trainer_calls(session) as trainer:
        made = trainer.CreateModelVersion(request)
    show(made, model_version_view)


for _command in (compare, lineage, artifacts, artifact):
    model.add_command(_command)
