"""The little Markdown that documents are written in; whatever is in a text, a table stays a table."""

from collections.abc import Iterable, Sequence
from typing import Final

ABSENT: Final = "-"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table with an empty one after it; a cell keeps to its line."""
    lines = [_row(headings), "|" + " --- |" * len(headings), *(_row(row) for row in rows)]
    return [*lines, ""]


def section(title: str, *parts: Iterable[str]) -> list[str]:
    """Return the lines of a section: its title and its parts, each as many lines."""
    return [f"## {title}", "", *(line for part in parts for line in part)]


def paragraph(*sentences: str) -> list[str]:
    """Return the lines of a paragraph."""
    return [" ".join(sentences), ""]


def bullets(items: Iterable[str]) -> list[str]:
    """Return the lines of a list."""
    return [*(f"- {item}" for item in items), ""]


def figure(value: float | None) -> str:
    """Return a number with four digits after the point; a dash for one that is not there."""
    return ABSENT if value is None else f"{value:.4f}"


def share(value: float | None) -> str:
    """Return a share of 1 as a percentage; a dash for one that is not there."""
    return ABSENT if value is None else f"{value:.1%}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())
