"""`counterfoil dataset`: data sets out of the eight tables, or of one of the lender's own."""

from typing import Any

import click

from counterfoil.cli.cleaning import cleaning_options
from counterfoil.cli.commands.inspection import DATASET_COMMANDS
from counterfoil.cli.failures import check_ended_well
from counterfoil.cli.jobs import wait_for
from counterfoil.cli.names import dataset_name
from counterfoil.cli.options import SEED, examples, page_options, request_id_option, wait_option
from counterfoil.cli.output import console, json_option, json_wanted, say, show
from counterfoil.cli.session import Session, pass_session, trainer_calls
from counterfoil.cli.sources import source_options
from counterfoil.cli.views.cleaning import dropped_columns_view
from counterfoil.cli.views.datasets import dataset_list_view, dataset_report_view, dataset_view
from counterfoil.trainer.v1 import dataset_pb2, refresh_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceStub


@click.group()
def dataset() -> None:
    """Make data sets out of tables and look at them.

    A data set is immutable: features of three splits (train, test, production) and one cleaning record.
    """


for _command in DATASET_COMMANDS:
    dataset.add_command(_command)


@dataset.command(
    epilog=examples(
        "counterfoil dataset create --tables first --imputation none",
        "counterfoil dataset create --tables first --features extended --imputation none",
        "counterfoil dataset create --tables first --imputation median --max-missing-share 0.3",
        "counterfoil dataset create --tables first --imputation none --bar CODE_GENDER --bar DAYS_BIRTH",
        "counterfoil dataset create --prepared own.csv --id client --target outcome --positive bad --imputation none",
    )
)
@source_options
@cleaning_options
@click.option("--test-share", type=float, metavar="SHARE", help="Labelled rows to hold out.  [default: 0.2]")
@click.option("--seed", type=SEED, metavar="N", help="Seed of the split.  [default: 0]")
@click.option("--name", "display_name", default="", metavar="TEXT", help="A name for people.")
@click.option(
    "--bar",
    "barred_columns",
    multiple=True,
    metavar="COLUMN",
    help="Use no feature that COLUMN has any part in, such as CODE_GENDER or bureau.CREDIT_TYPE; repeatable.",
)
@request_id_option
@wait_option
@json_option
@pass_session
def create(
    session: Session,
    /,
    *,
    source: dataset_pb2.CreateDatasetRequest,
    cleaning: dataset_pb2.CleaningOptions,
    wait: bool,
    **plain: Any,
) -> None:
    """Make a data set out of a folder of the eight tables, or of one table of your own."""
    # What is left has the request's own names: test_share, seed, display_name, barred_columns, request_id.
    request = dataset_pb2.CreateDatasetRequest(options=cleaning, **plain)
    request.MergeFrom(source)
    with trainer_calls(session) as trainer:
        made = trainer.CreateDataset(request)
        say(f"{made.name} is being made")
        if wait:
            made = _wait(trainer, made.name)
    _show(made)


@dataset.command()
@click.argument("name", metavar="DATASET")
@json_option
@pass_session
def watch(session: Session, /, name: str) -> None:
    """Follow the making of DATASET until it ends; exit code 3 if it ends badly."""
    with trainer_calls(session) as trainer:
        made = _wait(trainer, dataset_name(name))
    _show(made)


@dataset.command(
    epilog=examples(
        "counterfoil dataset get ds-0123456789ab --dropped",
        "counterfoil dataset get ds-0123456789ab --json | jq '.columns[] | select(.kept | not)'",
    )
)
@click.argument("name", metavar="DATASET")
@click.option("--dropped", is_flag=True, help="Name every dropped column with rule, figure and bound.")
@json_option
@pass_session
def get(session: Session, /, name: str, *, dropped: bool) -> None:
    """Show the report of DATASET: splits, tables, and the columns that cleaning kept and dropped."""
    request = dataset_pb2.GetDatasetRequest(name=dataset_name(name), view=dataset_pb2.DATASET_VIEW_FULL)
    with trainer_calls(session) as trainer:
        found = trainer.GetDataset(request)
    show(found, dataset_report_view)
    if dropped and not json_wanted():
        console().print(dropped_columns_view(found.columns))


@dataset.command("list")
@page_options
@json_option
@pass_session
def list_(session: Session, /, *, page_size: int, page_token: str) -> None:
    """List data sets, newest first."""
    request = dataset_pb2.ListDatasetsRequest(page_size=page_size, page_token=page_token)
    with trainer_calls(session) as trainer:
        page = trainer.ListDatasets(request)
    show(page, lambda found: dataset_list_view(found.datasets))
    if page.next_page_token:
        say(f"there are more: --page-token {page.next_page_token}")


@dataset.command()
@click.argument("name", metavar="DATASET")
@json_option
@pass_session
def cancel(session: Session, /, name: str) -> None:
    """Stop the making of DATASET; one that has ended stays as it is."""
    with trainer_calls(session) as trainer:
        found = trainer.CancelDataset(dataset_pb2.CancelDatasetRequest(name=dataset_name(name)))
    show(found, dataset_view)


@dataset.command(epilog=examples('counterfoil dataset delete ds-0123456789ab --reason "retention: two years"'))
@click.argument("name", metavar="DATASET")
@click.option("--reason", default="", metavar="TEXT", help="Why, in words for an auditor.")
@json_option
@pass_session
def delete(session: Session, /, name: str, *, reason: str) -> None:
    """Delete DATASET and its files for good; one that registered versions were trained on is kept."""
    full = dataset_name(name)
    with trainer_calls(session) as trainer:
        gone = trainer.DeleteDataset(dataset_pb2.DeleteDatasetRequest(name=full, reason=reason))
    show(gone, lambda _: f"{full} is deleted")


@dataset.command(epilog=examples("counterfoil dataset refresh ds-0123456789ab --model credit-default"))
@click.argument("name", metavar="DATASET")
@click.option("--model", required=True, metavar="NAME", help="The registered model whose scorers are told.")
@click.option("--reason", default="", metavar="TEXT", help="Why, in words for an auditor.")
@json_option
@pass_session
def refresh(session: Session, /, name: str, *, model: str, reason: str) -> None:
    """Have scorers take the stored features of applicants from DATASET, without a restart; the model stays."""
    request = refresh_pb2.RefreshApplicantsRequest(dataset=dataset_name(name), model=model, reason=reason)
    with trainer_calls(session) as trainer:
        told = trainer.RefreshApplicants(request)
    show(told, lambda _: f"applicants of {told.dataset} stand in for those of {told.instead_of}")


def _wait(trainer: TrainerServiceStub, name: str) -> dataset_pb2.Dataset:
    news = wait_for(
        name,
        lambda: trainer.WatchDataset(dataset_pb2.WatchDatasetRequest(name=name)),
        job=lambda each: each.dataset.job,
        later=f"counterfoil dataset watch {name}",
    )
    return news.dataset


def _show(made: dataset_pb2.Dataset) -> None:
    show(made, dataset_view)
    check_ended_well(made.name, made.job)
