"""Options that every command has that asks for scores."""

from typing import Final

import click

from counterfoil.cli.output import Function
from counterfoil.types.v1 import prediction_pb2

PURPOSES: Final = {
    "decision": prediction_pb2.PURPOSE_DECISION,
    "test": prediction_pb2.PURPOSE_TEST,
    "what-if": prediction_pb2.PURPOSE_WHAT_IF,
}


def purpose_option(command: Function) -> Function:
    """Give a command the option --purpose, a key of PURPOSES."""
    # No default: what is logged as a decision counts in drift and performance for good.
    option = click.option(
        "--purpose",
        required=True,
        type=click.Choice(list(PURPOSES)),
        help="What the score is for; it is logged, and only decisions count in drift and performance.",
    )
    return option(command)


def model_option(command: Function) -> Function:
    """Give a command the option --model, empty for the scorer's own."""
    option = click.option("--model", default="", metavar="MODEL", help="Registered model.  [default: the scorer's own]")
    return option(command)
