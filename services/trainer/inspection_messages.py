"""Looking at data between messages and the domain."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from counterfoil.trainer.v1 import dataset_pb2, inspection_pb2
from counterfoil.types.v1 import feature_pb2
from services.trainer.dataset_messages import (
    DATASETS,
    fate_to_proto,
    options_from_proto,
    plan_of,
    rule_to_proto,
    split_from_proto,
)
from services.trainer.domain.cleaning import CleaningRecord
from services.trainer.domain.dataset import APPLICANT, LABEL, DatasetPlan
from services.trainer.domain.description import Description, Numbers, Texts
from services.trainer.domain.inspection import (
    LONGEST_TEXT,
    MOST_RETURNED_ROWS,
    CorrelationQuery,
    Correlations,
    DescriptionQuery,
    Place,
    PreviewQuery,
    SampleQuery,
    SplitOf,
    TableAt,
)
from services.trainer.domain.rows import Looked, RowsUsed
from services.trainer.domain.tables import ColumnKind, ListedTable
from services.trainer.names import identifier
from shared.errors import InvalidInput

_CHOICES: Mapping[inspection_pb2.RowChoice.ValueType, bool] = {
    inspection_pb2.ROW_CHOICE_UNSPECIFIED: False,
    inspection_pb2.ROW_CHOICE_FIRST: False,
    inspection_pb2.ROW_CHOICE_RANDOM: True,
}
_KINDS: Mapping[ColumnKind, inspection_pb2.ColumnKind.ValueType] = {
    kind: inspection_pb2.ColumnKind.Value(f"COLUMN_KIND_{kind.value}") for kind in ColumnKind
}
RAW_SOURCES = ("home_credit", "prepared")
"""Those of a preview of which no data set is made."""
_DEFAULT = 20
_MOST_BINS = 200
_MOST_LISTED = 1_000
_COMMON_ROWS = 30


def sample_from_proto(request: inspection_pb2.SampleTableRequest | inspection_pb2.SampleDatasetRequest) -> SampleQuery:
    """Return which rows and columns are asked for; raises InvalidInput for what is out of range."""
    if request.choice not in _CHOICES:
        raise InvalidInput.of("choice", "say which rows: FIRST or RANDOM")
    return SampleQuery(
        columns=tuple(request.columns),
        rows=_count(request.row_count, MOST_RETURNED_ROWS, field="row_count"),
        random=_CHOICES[request.choice],
        seed=_seed(request.seed),
    )


def split_of(request: inspection_pb2.SampleDatasetRequest) -> SplitOf:
    """Return the split that a sample is asked of."""
    return SplitOf(identifier(request.name, DATASETS), split_from_proto(request.split, field="split"))


def description_from_proto(request: inspection_pb2.DescribeColumnRequest) -> DescriptionQuery:
    """Return the column and its bounds; raises InvalidInput for what is missing or out of range."""
    if not request.column:
        raise InvalidInput.of("column", "name the column to describe")
    return DescriptionQuery(
        place=_place(request),
        column=request.column,
        bins=_count(request.bin_count, _MOST_BINS, field="bin_count"),
        levels=_count(request.level_count, _MOST_LISTED, field="level_count"),
        seed=_seed(request.seed),
    )


def correlations_from_proto(request: inspection_pb2.ListCorrelationsRequest) -> CorrelationQuery:
    """Return which correlations are asked for; raises InvalidInput for what is missing or out of range."""
    least = request.min_common_rows or _COMMON_ROWS
    if least < 2:  # noqa: PLR2004  # one row has no correlation
        raise InvalidInput.of("min_common_rows", f"must be 2 or more, or 0 for {_COMMON_ROWS}")
    return CorrelationQuery(
        place=_place(request),
        column=request.column,
        pairs=_count(request.pair_count, _MOST_LISTED, field="pair_count"),
        least_rows=least,
        seed=_seed(request.seed),
    )


def preview_from_proto(request: inspection_pb2.PreviewCleaningRequest) -> PreviewQuery:
    """Return which options are to be tried on what; raises InvalidInput for what is missing or out of range."""
    if request.WhichOneof("source") is None:
        raise InvalidInput.of("source", "name what to try the options on: set dataset, home_credit or prepared")
    if request.HasField("test_share"):
        raise InvalidInput.of("test_share", "goes with tables; a data set has its split: leave it out")
    if request.barred_columns:
        raise InvalidInput.of("barred_columns", "go with tables; a data set has its own: leave them out")
    dataset = identifier(request.dataset, DATASETS, field="dataset")
    return PreviewQuery(dataset, options_from_proto(_tried(request.options)), _seed(request.seed))


def previewed_plan_from_proto(request: inspection_pb2.PreviewCleaningRequest) -> DatasetPlan:
    """Return the plan of the data set that is not made; raises InvalidInput for what is missing."""
    return replace(plan_of(request, _tried(request.options)), barred_columns=tuple(request.barred_columns))


def _tried(given: dataset_pb2.CleaningOptions) -> dataset_pb2.CleaningOptions:
    options = dataset_pb2.CleaningOptions()
    options.CopyFrom(given)
    options.imputation = options.imputation or dataset_pb2.IMPUTATION_NONE
    return options


def preview_to_proto(
    record: CleaningRecord, used: RowsUsed, view: dataset_pb2.DatasetView.ValueType
) -> inspection_pb2.PreviewCleaningResponse:
    """Return what the options would do; each column's fate in view FULL only."""
    shown = record.columns if view == dataset_pb2.DATASET_VIEW_FULL else ()
    return inspection_pb2.PreviewCleaningResponse(
        feature_count=len(record.columns),
        kept_feature_count=len(record.kept),
        dropped_counts=[
            inspection_pb2.RuleCount(rule=rule_to_proto(rule), dropped_count=count)
            for rule, count in record.dropped_counts.items()
        ],
        columns=[fate_to_proto(fate, record.options.imputation) for fate in shown],
        rows_used=_rows_used_to_proto(used),
    )


def tables_to_proto(tables: Iterable[ListedTable], directories: Iterable[str]) -> inspection_pb2.ListTablesResponse:
    """Return the tables of a folder and the folders in it."""
    return inspection_pb2.ListTablesResponse(tables=map(_table_to_proto, tables), directories=directories)


def table_sample_to_proto(looked: Looked) -> inspection_pb2.SampleTableResponse:
    """Return rows of a table."""
    rows = [inspection_pb2.SampledRow(cells=map(_cell, row)) for row in looked.frame.iter_rows()]
    return inspection_pb2.SampleTableResponse(
        columns=looked.frame.columns, rows=rows, rows_used=_rows_used_to_proto(looked.used)
    )


def split_sample_to_proto(looked: Looked) -> inspection_pb2.SampleDatasetResponse:
    """Return applicants of a split."""
    features = looked.frame.drop(APPLICANT, LABEL)
    applicants = [
        inspection_pb2.SampledApplicant(
            applicant_id=applicant, target=None if target is None else int(target), values=map(_cell, row)
        )
        for applicant, target, row in zip(
            looked.frame[APPLICANT], looked.frame[LABEL], features.iter_rows(), strict=True
        )
    ]
    return inspection_pb2.SampleDatasetResponse(
        columns=features.columns, applicants=applicants, rows_used=_rows_used_to_proto(looked.used)
    )


def description_to_proto(description: Description, used: RowsUsed) -> inspection_pb2.DescribeColumnResponse:
    """Return what a column holds."""
    content = description.content
    return inspection_pb2.DescribeColumnResponse(
        rows_used=_rows_used_to_proto(used),
        missing_count=description.missing,
        missing_share=description.missing_share,
        distinct_count=description.distinct,
        numbers=_numbers_to_proto(content) if isinstance(content, Numbers) else None,
        texts=_texts_to_proto(content) if isinstance(content, Texts) else None,
    )


def correlations_to_proto(correlations: Correlations) -> inspection_pb2.ListCorrelationsResponse:
    """Return correlations with the columns' names."""
    names = correlations.columns
    pairs = [
        inspection_pb2.Correlation(
            column=names[pair.left],
            other_column=names[pair.right],
            correlation=pair.strength,
            common_rows=pair.common_rows,
        )
        for pair in correlations.found
    ]
    return inspection_pb2.ListCorrelationsResponse(
        correlations=pairs, rows_used=_rows_used_to_proto(correlations.used), column_count=len(names)
    )


def _place(request: inspection_pb2.DescribeColumnRequest | inspection_pb2.ListCorrelationsRequest) -> Place:
    source = request.WhichOneof("source")
    if source == "table":
        return TableAt(request.table)
    if source == "dataset_split":
        asked = request.dataset_split
        dataset = identifier(asked.dataset, DATASETS, field="dataset_split.dataset")
        return SplitOf(dataset, split_from_proto(asked.split, field="dataset_split.split"))
    raise InvalidInput.of("table", "say where the column is: a table or a dataset_split")


def _count(asked: int, most: int, *, field: str) -> int:
    if not 0 <= asked <= most:
        raise InvalidInput.of(field, f"must be 1 to {most}, or 0 for {_DEFAULT}")
    return asked or _DEFAULT


def _seed(seed: int) -> int:
    if seed < 0:
        raise InvalidInput.of("seed", "must be 0 or more")
    return seed


def _table_to_proto(table: ListedTable) -> inspection_pb2.Table:
    return inspection_pb2.Table(
        path=table.path,
        name=table.name,
        present=table.present,
        format=table.format,
        size_bytes=table.size_bytes,
        rows=table.rows,
        rows_estimated=table.rows_estimated,
        columns=[
            inspection_pb2.TableColumn(name=column.name, kind=_KINDS[column.kind], meaning=column.meaning)
            for column in table.columns
        ],
        ignored_columns=table.ignored_columns,
        problems=[
            inspection_pb2.TableProblem(reason=problem.reason, column=problem.column, description=problem.description)
            for problem in table.problems
        ],
        required=table.required,
    )


def _rows_used_to_proto(used: RowsUsed) -> inspection_pb2.RowsUsed:
    return inspection_pb2.RowsUsed(total=used.total, used=used.used, truncated=used.truncated)


def _cell(value: float | str | None) -> feature_pb2.FeatureValue:
    if value is None:
        return feature_pb2.FeatureValue(missing=feature_pb2.Missing())
    if isinstance(value, str):
        return feature_pb2.FeatureValue(category=_cut(value))
    return feature_pb2.FeatureValue(number=value)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def _numbers_to_proto(numbers: Numbers) -> inspection_pb2.NumberDescription:
    return inspection_pb2.NumberDescription(
        minimum=numbers.minimum,
        maximum=numbers.maximum,
        mean=numbers.mean,
        standard_deviation=numbers.deviation,
        quantiles=[inspection_pb2.Quantile(share=share, value=value) for share, value in numbers.quantiles],
        edges=numbers.edges,
        counts=numbers.counts,
        infinite_count=numbers.infinite,
    )


def _texts_to_proto(texts: Texts) -> inspection_pb2.TextDescription:
    return inspection_pb2.TextDescription(
        levels=[inspection_pb2.LevelCount(level=_cut(level), count=count) for level, count in texts.levels],
        other_level_count=texts.other_levels,
        other_row_count=texts.other_rows,
    )
