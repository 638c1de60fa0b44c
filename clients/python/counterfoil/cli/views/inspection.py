"""What people see of data: tables of a folder, rows, a column's figures with bars, and correlations."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from rich.console import RenderableType

from counterfoil.cli.views.cleaning import rules_view
from counterfoil.cli.views.layout import ABSENT, facts, figure, listing, share, stacked, whole
from counterfoil.trainer.v1 import inspection_pb2
from counterfoil.types.v1 import feature_pb2

_BAR_WIDTH: Final = 40
_SHOWN_COLUMNS: Final = 12


def tables_view(found: inspection_pb2.ListTablesResponse) -> RenderableType:
    """Return one line for each table, what makes tables unusable, and the folders to go on into."""
    headings = ("table", "format", "rows", "columns", "ignored columns")
    rows = [
        (
            table.name,
            table.format if table.present else "absent",
            _row_count(table),
            str(len(table.columns)) if table.present else ABSENT,
            ", ".join(table.ignored_columns),
        )
        for table in found.tables
    ]
    problems = [
        (table.name, each.column, each.reason, each.description) for table in found.tables for each in table.problems
    ]
    return stacked(
        listing(headings, rows, right=("rows", "columns")),
        listing(("table", "column", "reason", "what is wrong"), problems, title="problems") if problems else None,
        facts([("folders", ", ".join(found.directories))]) if found.directories else None,
    )


def rows_view(sample: inspection_pb2.SampleTableResponse) -> RenderableType:
    """Return the rows, the first columns of a wide table alone."""
    return _grid(sample.columns, (row.cells for row in sample.rows), sample.rows_used, ())


def applicants_view(sample: inspection_pb2.SampleDatasetResponse) -> RenderableType:
    """Return the applicants with target and features, the first ones of many alone."""
    leads = [
        (applicant.applicant_id, str(applicant.target) if applicant.HasField("target") else ABSENT)
        for applicant in sample.applicants
    ]
    cells = (applicant.values for applicant in sample.applicants)
    return _grid(sample.columns, cells, sample.rows_used, ("applicant", "target"), leads)


def description_view(told: inspection_pb2.DescribeColumnResponse) -> RenderableType:
    """Return the figures of a column, and a bar for each bin or level."""
    common = [
        ("rows", _rows_used(told.rows_used)),
        ("missing", f"{whole(told.missing_count)} ({share(told.missing_share)})"),
        ("different values", whole(told.distinct_count)),
    ]
    if told.HasField("numbers"):
        return stacked(facts([*common, *_figures(told.numbers)]), _histogram(told.numbers))
    return stacked(facts(common), _levels(told.texts) if told.HasField("texts") else None)


def correlations_view(told: inspection_pb2.ListCorrelationsResponse) -> RenderableType:
    """Return one line for each pair, the strongest first."""
    rows = [
        (pair.column, pair.other_column, f"{pair.correlation:+.4f}", whole(pair.common_rows))
        for pair in told.correlations
    ]
    headings = ("column", "other column", "correlation", "common rows")
    return stacked(
        facts([("rows", _rows_used(told.rows_used)), ("numeric columns", whole(told.column_count))]),
        listing(headings, rows, right=("correlation", "common rows")),
    )


def preview_view(told: inspection_pb2.PreviewCleaningResponse) -> RenderableType:
    """Return how many columns would be kept, and how many each rule would drop."""
    return stacked(
        facts(
            [
                ("columns", f"{told.kept_feature_count} kept of {told.feature_count}"),
                ("applicants", _rows_used(told.rows_used)),
            ]
        ),
        rules_view(told.columns),
    )


def _row_count(table: inspection_pb2.Table) -> str:
    if not table.present:
        return ABSENT
    return f"about {whole(table.rows)}" if table.rows_estimated else whole(table.rows)


def _rows_used(used: inspection_pb2.RowsUsed) -> str:
    total = f"{whole(used.total)} or more" if used.truncated else whole(used.total)
    return whole(used.used) if used.used == used.total and not used.truncated else f"{whole(used.used)} of {total}"


def _grid(
    columns: Sequence[str],
    rows: Iterable[Sequence[feature_pb2.FeatureValue]],
    used: inspection_pb2.RowsUsed,
    lead_headings: Sequence[str],
    leads: Sequence[Sequence[str]] = (),
) -> RenderableType:
    shown = [[_cell(cell) for cell in row[:_SHOWN_COLUMNS]] for row in rows]
    lines = [(*lead, *row) for lead, row in zip(leads, shown, strict=True)] if leads else shown
    hidden = len(columns) - _SHOWN_COLUMNS
    more = f"{whole(hidden)} more: name some with --columns, or use --json" if hidden > 0 else ""
    return stacked(
        listing((*lead_headings, *columns[:_SHOWN_COLUMNS]), lines),
        facts([("rows", _rows_used(used)), ("columns", more)]),
    )


def _cell(cell: feature_pb2.FeatureValue) -> str:
    kind = cell.WhichOneof("value")
    if kind == "number":
        return f"{cell.number:.10g}"
    return cell.category if kind == "category" else ABSENT


def _figures(numbers: inspection_pb2.NumberDescription) -> Iterator[tuple[str, str]]:
    yield "minimum", figure(numbers.minimum)
    yield "maximum", figure(numbers.maximum)
    yield "mean", figure(numbers.mean)
    yield "standard deviation", figure(numbers.standard_deviation) if numbers.HasField("standard_deviation") else ""
    for quantile in numbers.quantiles:
        yield f"quantile {quantile.share:g}", figure(quantile.value)
    yield "infinite", whole(numbers.infinite_count) if numbers.infinite_count else ""


def _histogram(numbers: inspection_pb2.NumberDescription) -> RenderableType:
    labels = [f"{figure(low)} to {figure(high)}" for low, high in pairwise(numbers.edges)]
    return _bars("values", list(zip(labels, numbers.counts, strict=True)))


def _levels(texts: inspection_pb2.TextDescription) -> RenderableType:
    counts = [(level.level, level.count) for level in texts.levels]
    others = [(f"({whole(texts.other_level_count)} others)", texts.other_row_count)] if texts.other_level_count else []
    return _bars("level", counts + others)


def _bars(heading: str, counts: Sequence[tuple[str, int]]) -> RenderableType:
    largest = max((count for _, count in counts), default=0) or 1
    rows = [(label, whole(count), "█" * round(_BAR_WIDTH * count / largest)) for label, count in counts]
    return listing((heading, "rows", ""), rows, right=("rows",))
