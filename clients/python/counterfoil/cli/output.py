"""What commands print: tables for people or, with --json, exactly one JSON document on standard output."""

import json
import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console, RenderableType

_JSON: Final = "counterfoil.json"
# Width of what is not shown on a terminal: wide enough for the tables, so that no name is cut off in a log.
_PLAIN_WIDTH: Final = 140

Function = TypeVar("Function", bound=Callable[..., Any])
Kind = TypeVar("Kind", bound=Message)


def json_option(command: Function) -> Function:
    """Give a command the flag --json, which `json_wanted` then answers."""
    option = click.option(
        "--json",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_remember,
        help="Print one JSON document (protobuf's JSON form) and nothing else; errors as JSON on stderr.",
    )
    return option(command)


def json_wanted() -> bool:
    """Return whether the running command was called with --json."""
    context = click.get_current_context(silent=True)
    return bool(context is not None and context.meta.get(_JSON))


def _remember(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.meta[_JSON] = True


def document(message: Message) -> dict[str, Any]:
    """Return a message in protobuf's JSON form, with the contract's field names and no field left out for being zero.

    Whole numbers of 64 bits are strings in it, bytes are base64, times are RFC 3339.
    """
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def show(message: Kind, view: Callable[[Kind], RenderableType]) -> None:
    """Print a message: as JSON when that is wanted, else as `view` renders it."""
    if json_wanted():
        show_json(document(message))
    else:
        console().print(view(message))


def show_json(content: dict[str, Any]) -> None:
    """Print the one JSON document."""
    click.echo(json.dumps(content, indent=2))


def say(text: str = "") -> None:
    """Print a line for people on stderr: a hint, a path. With --json nothing is printed."""
    if not json_wanted():
        console(stderr=True).print(text, soft_wrap=True)


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints text as it is, without markup."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr, markup=False, highlight=False, emoji=False, width=None if stream.isatty() else _PLAIN_WIDTH
    )
