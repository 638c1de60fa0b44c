"""How views are laid out: facts in two columns, listings with headings, and figures as people read them."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.timestamp_pb2 import Timestamp
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

ABSENT: Final = "-"


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """Return a label and its value a line; a fact whose value is empty is left out."""
    table = Table.grid(padding=(0, 2))
    for label, value in rows:
        if value:
            table.add_row(label, value)
    return table


def listing(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", right: Collection[str] = ()
) -> RenderableType:
    """Return a table with headings, its title in a line above; the columns named in `right` hold figures."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return Group(Text(title, style="bold"), table) if title else table


def stacked(*parts: RenderableType | None) -> Group:
    """Return the parts below each other with a line between, without those that are None."""
    present = [part for part in parts if part is not None]
    return Group(*(piece for part in present for piece in (part, "")))


def figure(value: float) -> str:
    """Return a number with four significant digits."""
    return f"{value:.4g}"


def share(value: float) -> str:
    """Return a share of 1 as a percentage."""
    return f"{value:.1%}"


def whole(value: int) -> str:
    """Return a count with its thousands marked."""
    return f"{value:,}"


def moment(time: Timestamp) -> str:
    """Return a time to the second in UTC; empty for a time that is not set."""
    return f"{time.ToDatetime():%Y-%m-%d %H:%M:%S} UTC" if time.seconds else ""


def word(kind: EnumDescriptor, number: int) -> str:
    """Return an enum value's name in lower case without the enum's own; the number of one that is not known here.

    A later service may send a value that this client's contract lacks.
    """
    if number not in kind.values_by_number:
        return str(number)
    # Each enum of the contract has a zero of this name, and the values share its beginning.
    prefix = kind.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return str(kind.values_by_number[number].name).removeprefix(prefix).lower()


def short_version(name: str) -> str:
    """Return {model}/{n} of a model version's name."""
    return name.removeprefix("models/").replace("/versions/", "/")


def identifier(name: str) -> str:
    """Return the last part of a resource name."""
    return name.rpartition("/")[2]
