"""A drift report's documents: what the comparison said, with what could not be compared beside it."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from html import escape

from services.monitor.domain.drift import ColumnDrift, Documents, DriftResult, Outcome

_NOT_COMPARED = {
    "EMPTY": "no value at all on one of the two sides",
    "TOO_FEW": "too few values on one of the two sides",
}
_STYLE = "font-family: sans-serif; margin: 1em 2em; padding: 1em; border: 1px solid #999"


def compose(title: str, result: DriftResult, comparison: Documents | None) -> Documents:
    """Return the documents of a report; `comparison` holds those of the method, None if nothing was compared.

    HTML is the method's page below a summary, which has the figures of all columns if the page draws only some, or the
    summary alone. JSON is an object of `report` (title, outcome,
    each column's verdict and missing shares) and `comparison` (the method's own document or null).
    """
    summary = _summary(title, result, () if comparison is None else comparison.drawn)
    report = {"title": title, **asdict(result)}
    document = {"report": report, "comparison": None if comparison is None else json.loads(comparison.json)}
    page = _page(title, summary) if comparison is None else _below_body(comparison.html, summary)
    return Documents(html=page, json=json.dumps(document, allow_nan=False))


def _summary(title: str, result: DriftResult, drawn: Sequence[str]) -> str:
    rows = f"{result.current_rows:,} rows against {result.reference_rows:,} of the training data"
    parts = [f"<h2>{escape(title)}</h2>", f"<p>{escape(_conclusion(result))}; {rows}.</p>"]
    compared = [column for column in result.columns if column.comparison is not None]
    if len(drawn) < len(compared):
        note = f"{len(compared)} columns were compared; the page below draws {len(drawn)} of them, drifted ones first."
        parts.append(f"<p>{note}</p>{_figures(compared)}")
    left_out = [column for column in result.columns if column.verdict in _NOT_COMPARED]
    if left_out:
        parts.append(f"<p>Not compared: {len(left_out)} column(s).</p>{_table(left_out)}")
    return f'<section id="counterfoil" style="{_STYLE}">{"".join(parts)}</section>'


def _conclusion(result: DriftResult) -> str:
    if result.outcome is Outcome.WINDOW_TOO_SMALL:
        return f"Nothing was compared: the data has fewer than {result.bounds.minimum_rows:,} rows"
    if result.drifted_share is None:
        return "Nothing was compared: no column has enough values on both sides"
    found = "Drift was found" if result.drifted else "No drift was found"
    return (
        f"{found}: {result.drifted_share:.1%} of the compared columns drifted (bound {result.bounds.drifted_share:.1%})"
    )


def _figures(columns: Sequence[ColumnDrift]) -> str:
    head = "<tr><th>column</th><th>found</th><th>method</th><th>figure</th><th>bound</th></tr>"
    rows = (
        f"<tr><td>{escape(column.column)}</td><td>{column.verdict}</td><td>{escape(column.comparison.method)}</td>"
        f"<td>{column.comparison.score:.4g}</td><td>{column.comparison.bound:.4g}</td></tr>"
        for column in columns
        if column.comparison is not None
    )
    return f"<table>{head}{''.join(rows)}</table>"


def _table(columns: Sequence[ColumnDrift]) -> str:
    head = "<tr><th>column</th><th>why</th><th>missing in training</th><th>missing now</th></tr>"
    rows = (
        f"<tr><td>{escape(column.column)}</td><td>{_NOT_COMPARED[column.verdict]}</td>"
        f"<td>{column.reference_missing_share:.1%}</td><td>{column.current_missing_share:.1%}</td></tr>"
        for column in columns
    )
    return f"<table>{head}{''.join(rows)}</table>"


def _page(title: str, body: str) -> str:
    head = f'<head><meta charset="UTF-8"><title>{escape(title)}</title></head>'
    return f'<!DOCTYPE html>\n<html lang="en">{head}<body>{body}</body></html>\n'


def _below_body(page: str, section: str) -> str:
    """Return the page with the section first in its body."""
    start = page.index(">", page.index("<body")) + 1
    return f"{page[:start]}{section}{page[start:]}"
