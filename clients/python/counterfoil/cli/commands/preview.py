"""`counterfoil dataset preview`: what cleaning would keep, of a data set or of tables of which none is made."""

from typing import Any

import click

from counterfoil.cli.cleaning import cleaning_bounds
from counterfoil.cli.names import dataset_name
from counterfoil.cli.options import SEED, examples
from counterfoil.cli.output import console, json_option, json_wanted, show
from counterfoil.cli.session import Session, pass_session, trainer_calls
from counterfoil.cli.sources import optional_source_options
from counterfoil.cli.views.cleaning import dropped_columns_view
from counterfoil.cli.views.inspection import preview_view
from counterfoil.trainer.v1 import dataset_pb2, inspection_pb2


@click.command(
    "preview",
    epilog=examples(
        "counterfoil dataset preview ds-0123456789ab --max-missing-share 0.3 --dropped",
        "counterfoil dataset preview --tables first --features extended --max-abs-correlation 0.9",
        "counterfoil dataset preview --prepared own.csv --id client --target outcome --max-missing-share 0.3",
    ),
)
@click.argument("name", metavar="[DATASET]", default="")
@optional_source_options
@cleaning_bounds
@click.option("--test-share", type=float, metavar="SHARE", help="Of tables: rows to leave out.  [default: 0.2]")
@click.option("--bar", "barred_columns", multiple=True, metavar="COLUMN", help="Of tables: a raw column not to use.")
@click.option("--dropped", is_flag=True, help="Name every column that would go with rule, figure and bound.")
@click.option("--seed", type=SEED, default=0, show_default=True, metavar="N", help="Which rows are drawn, and split.")
@json_option
@pass_session
def preview_cleaning(
    session: Session,
    /,
    *,
    name: str,
    source: dataset_pb2.CreateDatasetRequest | None,
    cleaning: dataset_pb2.CleaningOptions,
    dropped: bool,
    **plain: Any,
) -> None:
    """Show how many columns of DATASET, or of one that tables would make, cleaning would keep; nothing is made."""
    if bool(name) == (source is not None):
        raise click.UsageError("give either DATASET or one of --tables and --prepared")
    request = inspection_pb2.PreviewCleaningRequest(options=cleaning, view=dataset_pb2.DATASET_VIEW_FULL, **plain)
    if source is None:
        request.dataset = dataset_name(name)
    elif source.HasField("prepared"):
        request.prepared.CopyFrom(source.prepared)
    else:
        request.home_credit.CopyFrom(source.home_credit)
    with trainer_calls(session) as trainer:
        told = trainer.PreviewCleaning(request)
    show(told, preview_view)
    if dropped and not json_wanted():
        console().print(dropped_columns_view(told.columns))
