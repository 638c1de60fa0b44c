"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

SEED: Final = click.IntRange(0, 2**31 - 1)

Function = TypeVar("Function", bound=Callable[..., Any])


def request_id_option(command: Function) -> Function:
    """Give a command --request-id, passed as `request_id` (empty: none)."""
    option = click.option(
        "--request-id",
        default="",
        metavar="ID",
        help="Makes the call idempotent for 24 hours: sent again with the same content it returns the first answer.",
    )
    return option(command)


def wait_option(command: Function) -> Function:
    """Give a command --wait/--no-wait, passed as `wait` (true by default)."""
    option = click.option(
        "--wait/--no-wait",
        default=True,
        show_default=True,
        help="Follow the job until it ends, with its progress on stderr; or return as soon as it is stored.",
    )
    return option(command)


def page_options(command: Function) -> Function:
    """Give a command --page-size and --page-token, passed as `page_size` (0: the service's 50) and `page_token`."""
    size = click.option(
        "--page-size", type=click.IntRange(1, 1000), default=50, show_default=True, metavar="N", help="Most to show."
    )
    token = click.option("--page-token", default="", metavar="TOKEN", help="Where to go on, as the last page said.")
    return size(token(command))


def examples(*lines: str) -> str:
    """Return the epilog that shows these commands below a command's options."""
    # click leaves the lines of a paragraph alone when a backspace stands before it.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
