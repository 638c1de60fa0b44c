"""`counterfoil tables` and `counterfoil dataset`, where they look at data: what they ask and what they print."""

import json
from collections.abc import Iterator

import pytest

from counterfoil.trainer.v1 import dataset_pb2, inspection_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def test_list_shows_tables_problems_and_folders(services: FakeServices) -> None:
    """What is absent, and what is wrong with what is there."""
    services.answer("ListTables", samples.tables())

    outcome = services.run("tables", "list", "first")

    assert services.asked("ListTables") == [inspection_pb2.ListTablesRequest(directory="first")]
    assert "about 27,299,925" in outcome.stdout
    assert "absent" in outcome.stdout
    assert "COLUMN_MISSING" in outcome.stdout
    assert "folders  2026, 2027" in outcome.stdout


def test_list_without_a_folder_lists_the_root(services: FakeServices) -> None:
    """There somebody begins who knows no folder yet."""
    services.answer("ListTables", samples.tables())

    services.run("tables", "list")

    assert services.asked("ListTables") == [inspection_pb2.ListTablesRequest()]


def test_sample_of_a_table_sends_columns_rows_and_seed(services: FakeServices) -> None:
    """Numbers, levels and missing values are told apart."""
    services.answer("SampleTable", samples.table_sample())

    options = ("--columns", "AMT,KIND", "--rows", "2", "--random", "--seed", "9")
    outcome = services.run("tables", "sample", "first/bureau", *options)

    assert services.asked("SampleTable") == [
        inspection_pb2.SampleTableRequest(
            table="first/bureau",
            columns=["AMT", "KIND"],
            row_count=2,
            choice=inspection_pb2.ROW_CHOICE_RANDOM,
            seed=9,
        )
    ]
    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert ["1000000.5", "Cash", "loans"] in lines
    assert ["-", "-"] in lines
    assert "2 of 1,716,428" in outcome.stdout


def test_sample_of_a_data_set_shows_applicants_and_targets(services: FakeServices) -> None:
    """The split is named, the first rows are the default."""
    services.answer("SampleDataset", samples.dataset_sample())

    outcome = services.run("dataset", "sample", "ds-0123456789ab", "--split", "production")

    assert services.asked("SampleDataset") == [
        inspection_pb2.SampleDatasetRequest(
            name=samples.DATASET,
            split=dataset_pb2.SPLIT_PRODUCTION,
            row_count=20,
            choice=inspection_pb2.ROW_CHOICE_FIRST,
        )
    ]
    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert ["100001", "1", *["0.25"] * 12] in lines
    assert ["100002", "-", *["-"] * 12] in lines
    assert "3 more: name some with --columns" in outcome.stdout


def test_describe_draws_a_bar_for_each_bin(services: FakeServices) -> None:
    """The fullest bin has the longest bar, an empty one none."""
    services.answer("DescribeColumn", samples.number_description())

    outcome = services.run("tables", "describe", "first/bureau", "AMT", "--bins", "3", "--levels", "4", "--seed", "5")

    assert services.asked("DescribeColumn") == [
        inspection_pb2.DescribeColumnRequest(table="first/bureau", column="AMT", bin_count=3, level_count=4, seed=5)
    ]
    bars = {line.split()[-2]: line.count("█") for line in outcome.stdout.splitlines() if "█" in line}
    assert bars == {"40": 40, "20": 20}
    assert "10 (12.5%)" in outcome.stdout
    assert "1,000,000 of 5,000,000 or more" in outcome.stdout


def test_describe_of_a_data_set_names_its_split_and_shows_levels(services: FakeServices) -> None:
    """The rest of the levels is one line."""
    services.answer("DescribeColumn", samples.text_description())

    outcome = services.run("dataset", "describe", "ds-0123456789ab", "KIND", "--split", "test")

    (request,) = services.asked("DescribeColumn")
    assert request.dataset_split == inspection_pb2.DatasetSplit(dataset=samples.DATASET, split=dataset_pb2.SPLIT_TEST)
    assert (request.column, request.bin_count, request.level_count) == ("KIND", 20, 20)
    assert "Cash loans" in outcome.stdout
    assert "(7 others)" in outcome.stdout


def test_column_without_values_is_described_without_a_chart(services: FakeServices) -> None:
    """All that is told is that everything is missing."""
    empty = inspection_pb2.DescribeColumnResponse(missing_count=5, missing_share=1.0)
    services.answer("DescribeColumn", empty)

    outcome = services.run("tables", "describe", "t", "c")

    assert outcome.exit_code == 0
    assert "5 (100.0%)" in outcome.stdout
    assert "█" not in outcome.stdout


@pytest.mark.parametrize("where", [("tables", "correlations", "t"), ("dataset", "correlations", "ds-0123456789ab")])
def test_correlations_show_sign_and_common_rows(services: FakeServices, where: tuple[str, ...]) -> None:
    """Of a table and of a split alike."""
    services.answer("ListCorrelations", samples.correlations())

    outcome = services.run(*where, "--column", "target", "--pairs", "5", "--min-rows", "100", "--seed", "2")

    (request,) = services.asked("ListCorrelations")
    assert (request.column, request.pair_count, request.min_common_rows, request.seed) == ("target", 5, 100, 2)
    assert request.WhichOneof("source") == ("table" if where[0] == "tables" else "dataset_split")
    assert ["target", "EXT_SOURCE_3", "-0.2132", "4,025"] in [line.split() for line in outcome.stdout.splitlines()]


def test_preview_sends_the_bounds_and_shows_what_each_rule_would_drop(services: FakeServices) -> None:
    """Without an imputation, which has no part in what is kept."""
    services.answer("PreviewCleaning", samples.preview())

    bounds = ("--max-missing-share", "0.3", "--max-target-cramers-v", "0.5")
    outcome = services.run("dataset", "preview", "ds-0123456789ab", *bounds, "--seed", "4", "--dropped")

    assert services.asked("PreviewCleaning") == [
        inspection_pb2.PreviewCleaningRequest(
            dataset=samples.DATASET,
            options=dataset_pb2.CleaningOptions(max_missing_share=0.3, max_target_cramers_v=0.5),
            view=dataset_pb2.DATASET_VIEW_FULL,
            seed=4,
        )
    ]
    assert "2 kept of 4" in outcome.stdout
    assert "12,970 of 246,009" in outcome.stdout
    assert "dropped: share of missing values above 0.3" in outcome.stdout
    (dropped,) = (line for line in outcome.stdout.splitlines() if line.startswith("AMT_GOODS_PRICE"))
    assert dropped.split()[-3:] == ["0.95", "0.987", "AMT_CREDIT"]


def test_preview_takes_tables_of_which_no_data_set_is_made(services: FakeServices) -> None:
    """With the options that would make one."""
    services.answer("PreviewCleaning", samples.preview())

    services.run(
        "dataset", "preview", "--tables", "first", "--features", "extended", "--test-share", "0.3", "--bar", "X"
    )
    services.run("dataset", "preview", "--prepared", "own.csv", "--id", "client", "--target", "late")

    of_tables, of_prepared = services.asked("PreviewCleaning")
    extended = dataset_pb2.FEATURE_SET_EXTENDED
    assert of_tables.home_credit == dataset_pb2.HomeCreditTables(directory="first", features=extended)
    assert (of_tables.test_share, list(of_tables.barred_columns)) == (0.3, ["X"])
    assert of_prepared.prepared == dataset_pb2.PreparedTable(path="own.csv", id_column="client", target_column="late")
    assert not of_prepared.HasField("test_share")


@pytest.mark.parametrize(
    "arguments",
    [
        ("tables", "sample", "t", "--rows", "0"),
        ("tables", "sample", "t", "--rows", "1001"),
        ("tables", "describe", "t", "c", "--bins", "201"),
        ("dataset", "describe", "d", "c", "--split", "all"),
        ("dataset", "correlations", "d", "--min-rows", "1"),
        ("dataset", "sample", "d", "--seed", "-1"),
        ("dataset", "preview"),
        ("dataset", "preview", "d", "--tables", "t"),
        ("dataset", "preview", "--features", "extended"),
    ],
)
def test_what_the_service_would_refuse_is_wrong_usage(services: FakeServices, arguments: tuple[str, ...]) -> None:
    """Nobody is asked."""
    assert services.run(*arguments).exit_code == 2


def test_json_is_the_answer_of_the_service(services: FakeServices) -> None:
    """Edges and counts for a program to draw."""
    services.answer("DescribeColumn", samples.number_description())

    document = json.loads(services.run("tables", "describe", "t", "c", "--json").stdout)

    assert document["numbers"]["counts"] == ["40", "0", "20"]
    assert document["numbers"]["edges"] == [0.0, 1.0, 2.0, 3.0]
