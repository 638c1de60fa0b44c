"""Looking at data over the wire: raw tables and splits of a real data set, bounded, and refused where they are not."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import grpc
import numpy as np
import polars as pl
import pytest
from google.protobuf.message import Message

from counterfoil.trainer.v1 import dataset_pb2, inspection_pb2
from services.trainer.domain.inspection import DescriptionQuery, SampleQuery, TableAt
from services.trainer.inspection import Inspector
from services.trainer.turns import looking_turns
from shared.errors import Exhausted, InvalidInput
from shared.turns import AT_ONCE
from tests.service.trainer import TABLES, Trainer, dataset_request, refusal_of


@pytest.fixture(scope="module")
def applications(trainer: Trainer) -> pl.DataFrame:
    """Return application_train as it is stored."""
    return pl.read_parquet(trainer.settings.tables_root / TABLES / "application_train.parquet")


def _split(
    dataset: dataset_pb2.Dataset, split: dataset_pb2.Split.ValueType = dataset_pb2.SPLIT_TRAIN
) -> inspection_pb2.DatasetSplit:
    return inspection_pb2.DatasetSplit(dataset=dataset.name, split=split)


def test_the_tables_of_a_folder_are_listed_with_their_columns(trainer: Trainer, applications: pl.DataFrame) -> None:
    """What a form offers to choose from, and where to find it again."""
    listed = trainer.stub.ListTables(inspection_pb2.ListTablesRequest(directory=TABLES))

    assert len(listed.tables) == 8
    first = listed.tables[0]
    assert (first.path, first.format, first.rows) == (f"{TABLES}/application_train.parquet", "parquet", 518)
    assert [column.name for column in first.columns] == applications.columns
    assert first.columns[1].meaning == "later payment difficulty"
    root = trainer.stub.ListTables(inspection_pb2.ListTablesRequest())
    assert TABLES in root.directories


def test_a_sample_of_a_table_shows_numbers_levels_and_what_is_missing(
    trainer: Trainer, applications: pl.DataFrame
) -> None:
    """The three are told apart, so that a zero is never taken for nothing."""
    columns = ["SK_ID_CURR", "NAME_CONTRACT_TYPE", "OWN_CAR_AGE"]

    sample = trainer.stub.SampleTable(
        inspection_pb2.SampleTableRequest(table=f"{TABLES}/application_train", columns=columns)
    )

    shown = [
        [None if cell.HasField("missing") else getattr(cell, cell.WhichOneof("value") or "") for cell in row.cells]
        for row in sample.rows
    ]
    assert list(sample.columns) == columns
    assert shown == [list(row) for row in applications.select(columns).head(20).rows()]
    assert (sample.rows_used.total, sample.rows_used.used) == (518, 20)


def test_a_random_sample_is_the_seeds(trainer: Trainer) -> None:
    """Two people who name the same seed talk about the same rows."""
    request = inspection_pb2.SampleTableRequest(
        table=f"{TABLES}/bureau", row_count=5, choice=inspection_pb2.ROW_CHOICE_RANDOM, seed=3
    )

    first, again = trainer.stub.SampleTable(request), trainer.stub.SampleTable(request)
    request.seed = 4
    other = trainer.stub.SampleTable(request)

    assert len(first.rows) == 5
    assert first == again
    assert first.rows != other.rows


def test_a_sample_of_a_split_has_applicants_targets_and_features(
    trainer: Trainer, dataset: dataset_pb2.Dataset
) -> None:
    """Features as they are before cleaning; production has no targets."""
    samples = {
        split: trainer.stub.SampleDataset(
            inspection_pb2.SampleDatasetRequest(
                name=dataset.name, split=split, columns=["AMT_CREDIT", "EXT_SOURCE_1"], row_count=1000
            )
        )
        for split in (dataset_pb2.SPLIT_TRAIN, dataset_pb2.SPLIT_PRODUCTION)
    }

    train, production = samples.values()
    assert (len(train.applicants), len(production.applicants)) == (414, 82)
    assert list(train.columns) == ["AMT_CREDIT", "EXT_SOURCE_1"]
    assert {applicant.target for applicant in train.applicants} == {0, 1}
    assert not any(applicant.HasField("target") for applicant in production.applicants)
    assert all(applicant.values[0].number > 0 for applicant in train.applicants)
    assert any(applicant.values[1].HasField("missing") for applicant in train.applicants)
    assert len({applicant.applicant_id for applicant in train.applicants}) == 414


def test_every_feature_is_shown_where_none_is_named(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """Also those that cleaning dropped, since their values are why."""
    request = inspection_pb2.SampleDatasetRequest(name=dataset.name, split=dataset_pb2.SPLIT_TEST, row_count=1)

    sample = trainer.stub.SampleDataset(request)

    assert len(sample.columns) == len(sample.applicants[0].values) == dataset.feature_count


def test_a_numeric_column_is_described_by_figures_and_histogram(trainer: Trainer, applications: pl.DataFrame) -> None:
    """All that a chart needs, with the rows that it stands on."""
    request = inspection_pb2.DescribeColumnRequest(
        table=f"{TABLES}/application_train", column="OWN_CAR_AGE", bin_count=7
    )

    told = trainer.stub.DescribeColumn(request)

    column = applications["OWN_CAR_AGE"].drop_nulls().to_numpy()
    assert (told.rows_used.total, told.rows_used.used) == (518, 518)
    assert told.missing_count == 518 - len(column)
    assert told.missing_share == pytest.approx(1 - len(column) / 518)
    assert (told.numbers.minimum, told.numbers.maximum) == (column.min(), column.max())
    assert told.numbers.standard_deviation == pytest.approx(column.std(ddof=1))
    assert (len(told.numbers.counts), sum(told.numbers.counts)) == (7, len(column))
    assert [quantile.value for quantile in told.numbers.quantiles if quantile.share == 0.5] == [np.median(column)]


def test_a_text_column_is_described_by_its_levels(trainer: Trainer, applications: pl.DataFrame) -> None:
    """The most frequent apart, the rest as one."""
    request = inspection_pb2.DescribeColumnRequest(
        table=f"{TABLES}/application_train", column="ORGANIZATION_TYPE", level_count=2
    )

    told = trainer.stub.DescribeColumn(request)

    counts = applications["ORGANIZATION_TYPE"].value_counts(sort=True)
    assert told.distinct_count == counts.height == told.texts.other_level_count + 2
    assert [level.count for level in told.texts.levels] == counts["count"].head(2).to_list()
    assert told.texts.other_row_count == 518 - sum(level.count for level in told.texts.levels)


def test_the_target_of_a_split_is_a_column_like_any_other(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """Its mean is the share of defaults; where there are no labels there is no such column."""
    told = trainer.stub.DescribeColumn(
        inspection_pb2.DescribeColumnRequest(dataset_split=_split(dataset), column="target")
    )

    train = dataset.splits[0]
    assert told.numbers.mean == pytest.approx(train.defaults / train.rows)
    production = _split(dataset, dataset_pb2.SPLIT_PRODUCTION)
    said = _refusal(
        trainer.stub.DescribeColumn,
        inspection_pb2.DescribeColumnRequest(dataset_split=production, column="target"),
    )
    assert said == ("INVALID_ARGUMENT", "COLUMN_UNKNOWN", ["column"])


def test_the_strongest_correlations_of_a_table_come_first(trainer: Trainer, applications: pl.DataFrame) -> None:
    """Pearson's, as pandas would compute them."""
    request = inspection_pb2.ListCorrelationsRequest(table=f"{TABLES}/application_train", pair_count=5)

    told = trainer.stub.ListCorrelations(request)

    strengths = [abs(pair.correlation) for pair in told.correlations]
    assert len(strengths) == 5
    assert strengths == sorted(strengths, reverse=True)
    pair = told.correlations[0]
    complete = applications.select(pair.column, pair.other_column).drop_nulls().to_numpy()
    assert pair.common_rows == len(complete)
    assert pair.correlation == pytest.approx(np.corrcoef(complete.T)[0, 1], abs=1e-9)
    assert told.column_count == sum(dtype.is_numeric() for dtype in applications.dtypes)


def test_features_of_a_split_are_held_against_the_target(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """The quickest look for a leak."""
    told = trainer.stub.ListCorrelations(
        inspection_pb2.ListCorrelationsRequest(
            dataset_split=_split(dataset), column="target", pair_count=1000, min_common_rows=100
        )
    )

    assert {pair.column for pair in told.correlations} == {"target"}
    assert "target" not in {pair.other_column for pair in told.correlations}
    assert all(pair.common_rows >= 100 for pair in told.correlations)
    assert told.column_count == dataset.feature_count + 1


def test_a_prepared_table_is_looked_at_as_well(trainer: Trainer) -> None:
    """Any CSV or Parquet file below the root, by its path."""
    folder = trainer.settings.tables_root / "own"
    folder.mkdir(exist_ok=True)
    pl.DataFrame({"id": ["x1", "x2", "x3"], "age": [30, None, 50], "bad": [0, 1, 0]}).write_csv(folder / "german.csv")

    told = trainer.stub.DescribeColumn(inspection_pb2.DescribeColumnRequest(table="own/german.csv", column="age"))

    assert (told.missing_count, told.numbers.mean) == (1, 40.0)


def test_a_long_text_is_cut(trainer: Trainer) -> None:
    """A cell that holds a book does not fill the answer."""
    pl.DataFrame({"text": ["y" * 1000, "y" * 200]}).write_parquet(trainer.settings.tables_root / "long.parquet")

    sample = trainer.stub.SampleTable(inspection_pb2.SampleTableRequest(table="long"))

    assert [row.cells[0].category for row in sample.rows] == ["y" * 199 + "…", "y" * 200]


Refused = tuple[str, str, list[str]]


def _refusal(call: Callable[..., Message], request: Message) -> Refused:
    with pytest.raises(grpc.RpcError) as refusal:
        call(request)
    said = refusal_of(refusal.value)
    return said.code, said.reason, [problem.field for problem in said.fields]


_TABLE = f"{TABLES}/application_train"
_SAMPLE, _DESCRIBE, _CORRELATE = (
    inspection_pb2.SampleTableRequest,
    inspection_pb2.DescribeColumnRequest,
    inspection_pb2.ListCorrelationsRequest,
)


@pytest.mark.parametrize(
    ("method", "request_", "reason", "field"),
    [
        ("ListTables", inspection_pb2.ListTablesRequest(directory="gone"), "DIRECTORY_MISSING", "directory"),
        ("ListTables", inspection_pb2.ListTablesRequest(directory=".."), "PATH_OUTSIDE_ROOT", "directory"),
        ("SampleTable", _SAMPLE(table="gone/at/all"), "TABLE_MISSING", "table"),
        ("SampleTable", _SAMPLE(table="../x"), "PATH_OUTSIDE_ROOT", "table"),
        ("SampleTable", _SAMPLE(table=_TABLE, row_count=1001), "INVALID_FIELD", "row_count"),
        ("SampleTable", _SAMPLE(table=_TABLE, row_count=-1), "INVALID_FIELD", "row_count"),
        ("SampleTable", _SAMPLE(table=_TABLE, seed=-1), "INVALID_FIELD", "seed"),
        ("SampleTable", _SAMPLE(table=_TABLE, choice=99), "INVALID_FIELD", "choice"),  # type: ignore[arg-type]
        ("SampleTable", _SAMPLE(table=_TABLE, columns=["TARGET", "NONE"]), "COLUMN_UNKNOWN", "columns[1]"),
        ("DescribeColumn", _DESCRIBE(column="TARGET"), "INVALID_FIELD", "table"),
        ("DescribeColumn", _DESCRIBE(table=_TABLE), "INVALID_FIELD", "column"),
        ("DescribeColumn", _DESCRIBE(table=_TABLE, column="NONE"), "COLUMN_UNKNOWN", "column"),
        ("DescribeColumn", _DESCRIBE(table=_TABLE, column="TARGET", bin_count=201), "INVALID_FIELD", "bin_count"),
        ("DescribeColumn", _DESCRIBE(table=_TABLE, column="TARGET", level_count=-1), "INVALID_FIELD", "level_count"),
        ("ListCorrelations", _CORRELATE(), "INVALID_FIELD", "table"),
        ("ListCorrelations", _CORRELATE(table=_TABLE, column="NONE"), "COLUMN_UNKNOWN", "column"),
        ("ListCorrelations", _CORRELATE(table=_TABLE, column="CODE_GENDER"), "COLUMN_NOT_NUMERIC", "column"),
        ("ListCorrelations", _CORRELATE(table=_TABLE, min_common_rows=1), "INVALID_FIELD", "min_common_rows"),
        ("ListCorrelations", _CORRELATE(table=_TABLE, pair_count=1001), "INVALID_FIELD", "pair_count"),
    ],
)
def test_what_cannot_be_shown_is_refused_by_its_field(
    trainer: Trainer, method: str, request_: Message, reason: str, field: str
) -> None:
    """With a reason that a program can act on."""
    assert _refusal(getattr(trainer.stub, method), request_) == ("INVALID_ARGUMENT", reason, [field])


def test_a_split_must_be_named_and_its_data_set_be_there(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """A data set that is still being made has nothing to look at."""
    request = inspection_pb2.SampleDatasetRequest
    waiting = trainer.stub.CreateDataset(dataset_request(display_name="too early")).name
    trainer.stub.CancelDataset(dataset_pb2.CancelDatasetRequest(name=waiting))
    train = dataset_pb2.SPLIT_TRAIN

    assert _refusal(trainer.stub.SampleDataset, request(name=dataset.name)) == (
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ["split"],
    )
    assert _refusal(trainer.stub.SampleDataset, request(name="x", split=train))[2] == ["name"]
    assert _refusal(trainer.stub.SampleDataset, request(name="datasets/gone", split=train))[0] == "NOT_FOUND"
    assert _refusal(trainer.stub.SampleDataset, request(name=waiting, split=train))[:2] == (
        "FAILED_PRECONDITION",
        "DATASET_NOT_READY",
    )
    nameless = inspection_pb2.DatasetSplit(dataset=dataset.name)
    assert _refusal(trainer.stub.DescribeColumn, _DESCRIBE(dataset_split=nameless, column="target"))[2] == [
        "dataset_split.split"
    ]


def _options(bounds: Mapping[str, float]) -> dataset_pb2.CleaningOptions:
    options = dataset_pb2.CleaningOptions()
    for bound, value in bounds.items():
        setattr(options, bound, value)
    return options


def _preview(
    dataset: dataset_pb2.Dataset,
    bounds: Mapping[str, float],
    view: dataset_pb2.DatasetView.ValueType = dataset_pb2.DATASET_VIEW_BASIC,
) -> inspection_pb2.PreviewCleaningRequest:
    return inspection_pb2.PreviewCleaningRequest(dataset=dataset.name, options=_options(bounds), view=view)


def test_a_preview_keeps_what_a_data_set_with_these_options_keeps(
    trainer: Trainer, dataset: dataset_pb2.Dataset
) -> None:
    """Column for column, with the same rules and figures."""
    bounds = {
        "max_missing_share": 0.6,
        "min_variance": 1e-4,
        "max_target_eta_squared": 0.05,
        "max_target_cramers_v": 0.1,
        "max_categorical_association": 0.3,
        "max_abs_correlation": 0.9,
    }
    told = trainer.stub.PreviewCleaning(_preview(dataset, bounds, dataset_pb2.DATASET_VIEW_FULL))

    made = trainer.make_dataset(dataset_request(options=_options(bounds)))
    full = trainer.stub.GetDataset(dataset_pb2.GetDatasetRequest(name=made.name, view=dataset_pb2.DATASET_VIEW_FULL))
    assert list(told.columns) == list(full.columns)
    assert (told.feature_count, told.kept_feature_count) == (full.feature_count, full.kept_feature_count)
    assert told.feature_count == told.kept_feature_count + sum(each.dropped_count for each in told.dropped_counts)
    assert len(told.dropped_counts) >= 5
    assert (told.rows_used.total, told.rows_used.used) == (414, 414)


def test_a_preview_over_tables_keeps_what_a_data_set_of_them_keeps(
    trainer: Trainer, dataset: dataset_pb2.Dataset
) -> None:
    """With the same share and seed; and it leaves no data set behind."""
    before = trainer.stub.ListDatasets(dataset_pb2.ListDatasetsRequest())
    request = inspection_pb2.PreviewCleaningRequest(
        home_credit=dataset_pb2.HomeCreditTables(directory=TABLES),
        options=_options({"min_variance": 0.0}),
        view=dataset_pb2.DATASET_VIEW_FULL,
    )

    told = trainer.stub.PreviewCleaning(request)

    full = trainer.stub.GetDataset(dataset_pb2.GetDatasetRequest(name=dataset.name, view=dataset_pb2.DATASET_VIEW_FULL))
    assert list(told.columns) == list(full.columns)
    assert (told.rows_used.total, told.rows_used.used) == (414, 414)
    assert trainer.stub.ListDatasets(dataset_pb2.ListDatasetsRequest()) == before


def test_a_preview_over_tables_leaves_barred_columns_out(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """With all that they have a part in; a misspelt one is refused, and a data set has its own."""
    request = inspection_pb2.PreviewCleaningRequest(
        home_credit=dataset_pb2.HomeCreditTables(directory=TABLES),
        view=dataset_pb2.DATASET_VIEW_FULL,
        barred_columns=["CODE_GENDER", "DAYS_BIRTH"],
    )
    misspelt = inspection_pb2.PreviewCleaningRequest(home_credit=request.home_credit, barred_columns=["GENDER"])
    made = inspection_pb2.PreviewCleaningRequest(dataset=dataset.name, barred_columns=["CODE_GENDER"])

    told = trainer.stub.PreviewCleaning(request)

    gone = {"CODE_GENDER", "DAYS_BIRTH", "DAYS_EMPLOYED_PERC"}
    assert told.feature_count == dataset.feature_count - len(gone)
    assert not gone & {column.column for column in told.columns}
    assert _refusal(trainer.stub.PreviewCleaning, misspelt)[1:] == ("COLUMN_MISSING", ["barred_columns[0]"])
    assert _refusal(trainer.stub.PreviewCleaning, made)[2] == ["barred_columns"]


def test_a_preview_over_a_prepared_table_counts_its_one_hot_columns(trainer: Trainer) -> None:
    """Of the applicants with an outcome; the share and the seed are those of the request."""
    table = pl.DataFrame(
        {
            "client": range(60),
            "late": [row % 5 == 0 for row in range(60)],
            "job": [("clerk", "nurse", "judge")[row % 3] for row in range(60)],
            "constant": [1.0] * 60,
        }
    )
    table.write_parquet(trainer.settings.tables_root / "previewed.parquet")
    request = inspection_pb2.PreviewCleaningRequest(
        prepared=dataset_pb2.PreparedTable(path="previewed.parquet", id_column="client", target_column="late"),
        options=_options({"min_variance": 0.01}),
        test_share=0.5,
    )

    told = trainer.stub.PreviewCleaning(request)

    assert (told.feature_count, told.kept_feature_count) == (4, 3)
    assert [(each.rule, each.dropped_count) for each in told.dropped_counts] == [
        (dataset_pb2.CLEANING_RULE_VARIANCE, 1)
    ]
    assert (told.rows_used.total, told.rows_used.used) == (30, 30)


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (inspection_pb2.PreviewCleaningRequest(test_share=1.0), "INVALID_FIELD", "test_share"),
        (inspection_pb2.PreviewCleaningRequest(seed=-1), "INVALID_FIELD", "seed"),
        (
            inspection_pb2.PreviewCleaningRequest(options=dataset_pb2.CleaningOptions(max_missing_share=2.0)),
            "INVALID_FIELD",
            "options.max_missing_share",
        ),
        (
            inspection_pb2.PreviewCleaningRequest(home_credit=dataset_pb2.HomeCreditTables(directory="nowhere")),
            "DIRECTORY_MISSING",
            "home_credit.directory",
        ),
    ],
)
def test_a_preview_over_tables_refuses_what_creating_would_refuse(
    trainer: Trainer, request_: inspection_pb2.PreviewCleaningRequest, reason: str, field: str
) -> None:
    """By the same field and reason."""
    asked = inspection_pb2.PreviewCleaningRequest(home_credit=dataset_pb2.HomeCreditTables(directory=TABLES))
    asked.MergeFrom(request_)

    assert _refusal(trainer.stub.PreviewCleaning, asked) == ("INVALID_ARGUMENT", reason, [field])


def test_a_preview_takes_the_columns_that_the_data_set_itself_dropped(
    trainer: Trainer, dataset: dataset_pb2.Dataset
) -> None:
    """Stored are the features before cleaning, so looser options can be tried as well."""
    told = trainer.stub.PreviewCleaning(_preview(dataset, {}))

    assert told.feature_count == dataset.feature_count
    assert told.kept_feature_count >= dataset.kept_feature_count
    assert not told.columns


def test_options_that_would_keep_nothing_are_told_as_such(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """A preview is a question; the data set is refused with the same counts, before there is a job."""
    told = trainer.stub.PreviewCleaning(_preview(dataset, {"min_variance": 1e300}))

    variance = dataset_pb2.CLEANING_RULE_VARIANCE
    assert told.kept_feature_count == 0
    assert {each.rule for each in told.dropped_counts} <= {variance, dataset_pb2.CLEANING_RULE_ALL_MISSING}
    counts = {each.rule: each.dropped_count for each in told.dropped_counts}
    before = trainer.stub.ListDatasets(dataset_pb2.ListDatasetsRequest())
    with pytest.raises(grpc.RpcError) as refusal:
        trainer.stub.CreateDataset(dataset_request(options=dataset_pb2.CleaningOptions(min_variance=1e300)))
    said = refusal_of(refusal.value)
    assert (said.code, said.reason) == ("FAILED_PRECONDITION", "NO_COLUMN_LEFT")
    assert f"VARIANCE dropped {counts[variance]} at min_variance 1e+300" in said.message
    assert trainer.stub.ListDatasets(dataset_pb2.ListDatasetsRequest()) == before


@pytest.mark.parametrize(
    ("bound", "value"),
    [
        ("max_missing_share", 1.1),
        ("min_variance", -1.0),
        ("max_abs_correlation", 0.0),
        ("max_target_eta_squared", 2.0),
        ("max_target_cramers_v", float("nan")),
        ("max_categorical_association", -0.5),
    ],
)
def test_a_preview_refuses_what_creating_would_refuse(
    trainer: Trainer, dataset: dataset_pb2.Dataset, bound: str, value: float
) -> None:
    """By the same field."""
    said = _refusal(trainer.stub.PreviewCleaning, _preview(dataset, {bound: value}))

    assert said == ("INVALID_ARGUMENT", "INVALID_FIELD", [f"options.{bound}"])


def test_a_preview_needs_a_source(trainer: Trainer, dataset: dataset_pb2.Dataset) -> None:
    """A data set that is there, by its name, and with the split that it has; or tables."""
    request = inspection_pb2.PreviewCleaningRequest

    assert _refusal(trainer.stub.PreviewCleaning, request())[2] == ["source"]
    assert _refusal(trainer.stub.PreviewCleaning, request(dataset="x"))[2] == ["dataset"]
    assert _refusal(trainer.stub.PreviewCleaning, request(dataset=dataset.name, test_share=0.5))[2] == ["test_share"]
    assert _refusal(trainer.stub.PreviewCleaning, request(dataset="datasets/gone"))[0] == "NOT_FOUND"


def test_more_cells_than_a_message_holds_are_refused(tmp_path: Path) -> None:
    """The caller learns that fewer columns would do."""
    pl.DataFrame({f"c{place}": [0.0] for place in range(1001)}).write_parquet(tmp_path / "wide.parquet")
    inspector = Inspector(None, tmp_path, None, looking_turns())  # type: ignore[arg-type]  # neither is asked for a table

    with pytest.raises(InvalidInput, match="name fewer columns") as refusal:
        inspector.sample_table("wide", SampleQuery((), 1000, random=False, seed=0))

    assert refusal.value.reason == "TOO_MANY_CELLS"


def test_who_waits_too_long_for_a_turn_is_told_so(tmp_path: Path) -> None:
    """Jobs and other calls keep the machine; nobody waits for ever."""
    pl.DataFrame({"a": [1.0]}).write_parquet(tmp_path / "small.parquet")
    turns = looking_turns(patience_s=0.01)
    inspector = Inspector(None, tmp_path, None, turns)  # type: ignore[arg-type]  # as above
    query = DescriptionQuery(TableAt("small"), "a", 1, 1, 0)

    with ExitStack() as looking:
        for _ in range(AT_ONCE):
            looking.enter_context(turns.turn())
        with pytest.raises(Exhausted) as refusal:
            inspector.describe(query)

    assert refusal.value.reason == "INSPECTIONS_BUSY"
    assert inspector.describe(query)[0].rows == 1
