"""Looking at data: commands that `counterfoil tables` and `counterfoil dataset` share, over gRPC to the trainer."""

from collections.abc import Callable
from typing import Any, Final

import click

from counterfoil.cli.commands.preview import preview_cleaning
from counterfoil.cli.names import dataset_name
from counterfoil.cli.options import SEED, examples
from counterfoil.cli.output import json_option, show
from counterfoil.cli.session import Session, pass_session, trainer_calls
from counterfoil.cli.views.inspection import (
    applicants_view,
    correlations_view,
    description_view,
    rows_view,
    tables_view,
)
from counterfoil.trainer.v1 import dataset_pb2, inspection_pb2

_SPLITS: Final = {
    "train": dataset_pb2.SPLIT_TRAIN,
    "test": dataset_pb2.SPLIT_TEST,
    "production": dataset_pb2.SPLIT_PRODUCTION,
}
_ROWS: Final = click.IntRange(1, 1000)
Command = Callable[..., Any]


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return one decorator for several options, shown in this order."""

    def decorate(command: Command) -> Command:
        """Add them."""
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_SPLIT: Final = click.option(
    "--split", type=click.Choice(list(_SPLITS)), default="train", show_default=True, help="Which applicants."
)
_SEED: Final = click.option(
    "--seed", type=SEED, default=0, show_default=True, metavar="N", help="Which rows are drawn."
)
_sampling: Final = _options(
    click.option("--columns", default="", metavar="A,B", help="Columns to show.  [default: all]"),
    click.option("--rows", type=_ROWS, default=20, show_default=True, metavar="N", help="Most to show."),
    click.option("--random", is_flag=True, help="Draw rows by the seed; without it the first ones are shown."),
    _SEED,
    json_option,
)
_describing: Final = _options(
    click.option("--bins", type=click.IntRange(1, 200), default=20, show_default=True, metavar="N", help="Of numbers."),
    click.option("--levels", type=_ROWS, default=20, show_default=True, metavar="N", help="Of text, to count apart."),
    _SEED,
    json_option,
)
_correlating: Final = _options(
    click.option("--column", default="", metavar="NAME", help="Hold this column against all others."),
    click.option("--pairs", type=_ROWS, default=20, show_default=True, metavar="N", help="Most to show."),
    click.option("--min-rows", type=click.IntRange(2), default=30, show_default=True, metavar="N", help="Common rows."),
    _SEED,
    json_option,
)


@click.command("list")
@click.argument("directory", metavar="[DIR]", default="")
@json_option
@pass_session
def list_tables(session: Session, /, *, directory: str) -> None:
    """List the tables in DIR, a folder below the trainer's tables root, and what makes them unusable."""
    with trainer_calls(session) as trainer:
        found = trainer.ListTables(inspection_pb2.ListTablesRequest(directory=directory))
    show(found, tables_view)


@click.command("sample", epilog=examples("counterfoil tables sample first/bureau --columns CREDIT_TYPE --random"))
@click.argument("table")
@_sampling
@pass_session
def sample_table(session: Session, /, *, table: str, **sampling: Any) -> None:
    """Show rows of TABLE, a path below the trainer's tables root, with or without its ending."""
    request = inspection_pb2.SampleTableRequest(table=table, **_sample(**sampling))
    with trainer_calls(session) as trainer:
        show(trainer.SampleTable(request), rows_view)


@click.command("sample", epilog=examples("counterfoil dataset sample ds-0123456789ab --columns AMT_CREDIT,DAYS_BIRTH"))
@click.argument("name", metavar="DATASET")
@_SPLIT
@_sampling
@pass_session
def sample_dataset(session: Session, /, *, name: str, split: str, **sampling: Any) -> None:
    """Show applicants of a split of DATASET, their values before cleaning."""
    request = inspection_pb2.SampleDatasetRequest(name=dataset_name(name), split=_SPLITS[split], **_sample(**sampling))
    with trainer_calls(session) as trainer:
        show(trainer.SampleDataset(request), applicants_view)


@click.command("describe", epilog=examples("counterfoil tables describe first/application_train AMT_CREDIT"))
@click.argument("table")
@click.argument("column")
@_describing
@pass_session
def describe_table(session: Session, /, *, table: str, **describing: Any) -> None:
    """Show what COLUMN of TABLE holds: what is missing, figures and a histogram, or the counts of its levels."""
    _describe(session, inspection_pb2.DescribeColumnRequest(table=table), **describing)


@click.command("describe", epilog=examples("counterfoil dataset describe ds-0123456789ab target"))
@click.argument("name", metavar="DATASET")
@click.argument("column")
@_SPLIT
@_describing
@pass_session
def describe_dataset(session: Session, /, *, name: str, split: str, **describing: Any) -> None:
    """Show what COLUMN of a split of DATASET holds; "target" is a column as well."""
    _describe(session, inspection_pb2.DescribeColumnRequest(dataset_split=_split(name, split)), **describing)


@click.command(
    "correlations", epilog=examples("counterfoil tables correlations first/application_train --column TARGET")
)
@click.argument("table")
@_correlating
@pass_session
def correlate_table(session: Session, /, *, table: str, **correlating: Any) -> None:
    """Show the strongest correlations between numeric columns of TABLE."""
    _correlate(session, inspection_pb2.ListCorrelationsRequest(table=table), **correlating)


@click.command("correlations", epilog=examples("counterfoil dataset correlations ds-0123456789ab --column target"))
@click.argument("name", metavar="DATASET")
@_SPLIT
@_correlating
@pass_session
def correlate_dataset(session: Session, /, *, name: str, split: str, **correlating: Any) -> None:
    """Show the strongest correlations between columns of a split of DATASET; "target" is a column as well."""
    _correlate(session, inspection_pb2.ListCorrelationsRequest(dataset_split=_split(name, split)), **correlating)


TABLE_COMMANDS: Final = (list_tables, sample_table, describe_table, correlate_table)
DATASET_COMMANDS: Final = (sample_dataset, describe_dataset, correlate_dataset, preview_cleaning)


def _sample(*, columns: str, rows: int, random: bool, seed: int) -> dict[str, Any]:
    choice = inspection_pb2.ROW_CHOICE_RANDOM if random else inspection_pb2.ROW_CHOICE_FIRST
    names = columns.split(",") if columns else []
    return {"columns": names, "row_count": rows, "choice": choice, "seed": seed}


def _split(name: str, split: str) -> inspection_pb2.DatasetSplit:
    return inspection_pb2.DatasetSplit(dataset=dataset_name(name), split=_SPLITS[split])


def _describe(
    session: Session,
    place: inspection_pb2.DescribeColumnRequest,
    *,
    column: str,
    bins: int,
    levels: int,
    seed: int,
) -> None:
    place.MergeFrom(inspection_pb2.DescribeColumnRequest(column=column, bin_count=bins, level_count=levels, seed=seed))
    with trainer_calls(session) as trainer:
        show(trainer.DescribeColumn(place), description_view)


def _correlate(
    session: Session,
    place: inspection_pb2.ListCorrelationsRequest,
    *,
    column: str,
    pairs: int,
    min_rows: int,
    seed: int,
) -> None:
    place.MergeFrom(
        inspection_pb2.ListCorrelationsRequest(column=column, pair_count=pairs, min_common_rows=min_rows, seed=seed)
    )
    with trainer_calls(session) as trainer:
        show(trainer.ListCorrelations(place), correlations_view)
