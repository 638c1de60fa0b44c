"""What a person reads of a view."""

import io

from rich.console import Console, RenderableType


def text(view: RenderableType) -> str:
    """Return a view as it is printed where there is no terminal, wide enough that no line is folded."""
    console = Console(file=io.StringIO(), width=240, markup=False, highlight=False)
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def words(view: RenderableType) -> list[list[str]]:
    """Return the words of each line that has any."""
    return [line.split() for line in text(view).splitlines() if line.strip()]


def fact(view: RenderableType, label: str) -> str:
    """Return what stands behind a label; empty when the view does not have it."""
    found = [line.strip().removeprefix(label).strip() for line in text(view).splitlines() if line.startswith(label)]
    return found[0] if found else ""
