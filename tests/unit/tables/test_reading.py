"""Tables that can be used are read to the same frames from either format, and their state is reported."""

from pathlib import Path

import polars as pl
import pytest

from shared.errors import InvalidInput
from shared.tables.reading import open_tables
from shared.tables.schema import TABLES
from shared.tables.sources import MISSING_TEXTS
from tests.unit.tables.conftest import Copy
from tests.unit.tables.copies import append, edit, fill, rewrite


def test_csv_and_parquet_read_to_identical_frames(small_directories: dict[str, Path]) -> None:
    """Values to the last bit, types, missing cells, order of columns and rows."""
    parquet, csv = (open_tables(small_directories[kind]).frames for kind in ("parquet", "csv"))

    for name, schema in TABLES.items():
        frame = parquet[name].collect()
        assert dict(frame.schema) == {column: dtype() for column, dtype in schema.columns.items()}
        assert frame.equals(csv[name].collect(), null_equal=True), name


def test_each_table_is_reported_with_its_size(small_directories: dict[str, Path]) -> None:
    """A caller learns what was found before anything is built from it."""
    reports = {report.table: report for report in open_tables(small_directories["csv"]).reports}

    assert list(reports) == list(TABLES)
    assert reports["application_train"].rows + reports["application_test"].rows == 120
    assert {(report.present, report.format) for report in reports.values()} == {(True, "csv")}
    assert reports["bureau"].columns == 17
    assert reports["bureau"].size_bytes == (small_directories["csv"] / "bureau.csv").stat().st_size


@pytest.mark.parametrize("table", [name for name in TABLES if name != "application_train"])
def test_a_missing_satellite_is_reported_and_left_out(copy: Copy, table: str) -> None:
    """Its features are then left out; nothing fails."""
    directory = copy("parquet")
    (directory / f"{table}.parquet").unlink()

    tables = open_tables(directory)

    assert set(tables.frames) == set(TABLES) - {table}
    assert [(r.table, r.rows, r.size_bytes) for r in tables.reports if not r.present] == [(table, 0, 0)]


def test_a_table_in_both_formats_is_read_from_parquet(copy: Copy) -> None:
    """The other file is named, so that nobody wonders which one counted."""
    directory = copy("parquet")
    (directory / "bureau.csv").write_text("anything")

    reports = {report.table: report for report in open_tables(directory).reports}

    assert reports["bureau"].format == "parquet"
    assert reports["bureau"].ignored_files == ("bureau.csv",)


def test_columns_beyond_the_schema_are_named_and_not_read(copy: Copy) -> None:
    """Lenders add columns of their own."""
    directory = copy("parquet")
    fill(directory, "bureau", BRANCH=pl.lit("north"))

    tables = open_tables(directory)

    assert next(r for r in tables.reports if r.table == "bureau").extra_columns == ("BRANCH",)
    assert "BRANCH" not in tables.frames["bureau"].collect_schema()


def test_columns_in_another_order_are_read_in_the_schemas(copy: Copy) -> None:
    """Columns go by name."""
    directory = copy("parquet")
    rewrite(directory, "bureau", lambda frame: frame.select(reversed(frame.columns)))

    assert open_tables(directory).frames["bureau"].collect_schema().names() == list(TABLES["bureau"].columns)


@pytest.mark.parametrize("text", MISSING_TEXTS)
def test_texts_that_pandas_takes_for_missing_are_missing_in_both_formats(copy: Copy, text: str) -> None:
    """In a text column Polars alone would keep them as levels."""
    directory = copy("parquet")
    fill(directory, "bureau", CREDIT_TYPE=pl.lit(text))
    (directory / "bureau_balance.parquet").unlink()
    (directory / "bureau_balance.csv").write_text(f"SK_ID_BUREAU,MONTHS_BALANCE,STATUS\n1,-1,{text}\n2,-2,0\n")

    frames = open_tables(directory).frames

    assert frames["bureau"].collect()["CREDIT_TYPE"].null_count() == frames["bureau"].collect().height
    assert frames["bureau_balance"].collect()["STATUS"].to_list() == [None, "0"]


def test_numbers_may_be_written_in_any_way_that_keeps_their_value(copy: Copy) -> None:
    """Where a value is missing pandas writes floats; files from elsewhere have a byte order mark and CRLF."""
    directory = copy("csv")
    lines = ["SK_ID_BUREAU,MONTHS_BALANCE,STATUS", '1.0,"-2",C', "2,-3e0,X", "3,,0"]
    edit(directory, "bureau_balance", lambda _: "\r\n".join(["\ufeff" + lines[0], *lines[1:], ""]).encode())

    frame = open_tables(directory).frames["bureau_balance"].collect()

    assert frame["SK_ID_BUREAU"].to_list() == [1, 2, 3]
    assert frame["MONTHS_BALANCE"].to_list() == [-2, -3, None]
    assert frame["STATUS"].to_list() == ["C", "X", "0"]


def test_narrow_numbers_and_categories_of_parquet_widen_to_the_schema(copy: Copy) -> None:
    """An Int32 sum would wrap around; a Float32 spoils variances."""
    directory = copy("parquet")
    before = open_tables(directory).frames["bureau"].collect()
    rewrite(
        directory,
        "bureau",
        lambda frame: frame.with_columns(
            pl.col("SK_ID_CURR").cast(pl.UInt32),
            pl.col("DAYS_CREDIT").cast(pl.Float64),
            pl.col("CREDIT_TYPE").cast(pl.Categorical),
        ),
    )

    assert open_tables(directory).frames["bureau"].collect().equals(before)


def test_nan_in_parquet_is_missing(copy: Copy) -> None:
    """A mean over NaN would be NaN."""
    directory = copy("parquet")
    fill(directory, "bureau", AMT_ANNUITY=pl.lit(float("nan")), CNT_CREDIT_PROLONG=pl.lit(float("nan")))

    frame = open_tables(directory).frames["bureau"].collect()

    assert frame["AMT_ANNUITY"].null_count() == frame["CNT_CREDIT_PROLONG"].null_count() == frame.height


def test_quoted_separators_are_no_damage(copy: Copy) -> None:
    """Real levels hold commas ("Spouse, partner") and a line break is legal inside quotes."""
    directory = copy("csv")
    append(directory, "bureau_balance", "7", "-1", '"a, b"')
    append(directory, "bureau_balance", "7", "-2", '"a\nb"')

    assert open_tables(directory).frames["bureau_balance"].collect()["STATUS"].to_list()[-2:] == ["a, b", "a\nb"]


def test_no_error_holds_a_value_of_a_client(copy: Copy) -> None:
    """Errors reach the caller and the log."""
    directory = copy("csv")
    append(directory, "bureau_balance", "7", "4711secret", "C")

    with pytest.raises(InvalidInput) as caught:
        open_tables(directory)

    assert "4711" not in str(caught.value)
