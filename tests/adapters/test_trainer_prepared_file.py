"""The file of a prepared table is read as it is, or refused by what is wrong with it."""

from pathlib import Path

import polars as pl
import pytest

from services.trainer.adapters.prepared_file import is_inferred, read_cells, read_header, report_of
from shared.errors import InvalidInput


def _file(folder: Path, content: bytes | str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_csv_file_is_text_until_someone_says_otherwise(tmp_path: Path) -> None:
    """Leading zeros of an identifier are part of it; commas and line breaks may stand in quotes."""
    path = _file(tmp_path, '\ufeffid,job,age\n007,"clerk, ""senior""",30\n008,"a\nb",\n')

    assert read_header(path) == [("id", pl.String()), ("job", pl.String()), ("age", pl.String())]
    assert read_cells(path).rows() == [("007", 'clerk, "senior"', "30"), ("008", "a\nb", None)]
    assert is_inferred(path)


def test_a_parquet_file_keeps_its_types(tmp_path: Path) -> None:
    """Its ending may be in capitals."""
    table = pl.DataFrame({"id": [7], "job": ["07"], "member": [True]})
    table.write_parquet(tmp_path / "Table.PARQUET")

    assert read_header(tmp_path / "Table.PARQUET") == list(table.schema.items())
    assert read_cells(tmp_path / "Table.PARQUET").equals(table)
    assert not is_inferred(tmp_path / "Table.PARQUET")


def test_the_report_names_the_table_by_its_file(tmp_path: Path) -> None:
    """Without folder and ending."""
    path = _file(tmp_path, "id,age\n1,2\n3,4\n", "loans 2026.csv")

    report = report_of(path, read_cells(path))

    assert (report.table, report.present, report.format, report.rows) == ("loans 2026", True, "csv", 2)
    assert (report.columns, report.size_bytes) == (2, path.stat().st_size)


def test_equal_names_in_a_header_stay_equal(tmp_path: Path) -> None:
    """A reader that renames the second would hide the mistake."""
    assert [name for name, _ in read_header(_file(tmp_path, "id,age,age\n1,2,3\n"))] == ["id", "age", "age"]


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        ("", "table.csv", "TABLE_EMPTY"),
        ("\n", "table.csv", "TABLE_EMPTY"),
        ("id;größe\n".encode("latin-1"), "table.csv", "TABLE_UNREADABLE"),
        ("id,age\n1,2\n", "table.parquet", "TABLE_UNREADABLE"),
        ("", "table.parquet", "TABLE_UNREADABLE"),
    ],
)
def test_a_file_without_a_header_is_refused(tmp_path: Path, content: bytes | str, name: str, reason: str) -> None:
    """Before a job is made of it."""
    with pytest.raises(InvalidInput) as refusal:
        read_header(_file(tmp_path, content, name))

    assert (refusal.value.reason, [each.field for each in refusal.value.violations]) == (reason, ["prepared.path"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("id,age\n", "TABLE_EMPTY"),
        ("id,age\n1,2\n3\n", "TABLE_UNREADABLE"),
        ("id,age\n1,2\n3,4,5\n", "TABLE_UNREADABLE"),
        (b"id,age\n1,gr\xf6\xdfe\n", "TABLE_UNREADABLE"),
    ],
)
def test_rows_that_are_missing_or_broken_are_refused(tmp_path: Path, content: bytes | str, reason: str) -> None:
    """A file that was cut short must not become a smaller data set."""
    with pytest.raises(InvalidInput) as refusal:
        read_cells(_file(tmp_path, content))

    assert (refusal.value.reason, [each.field for each in refusal.value.violations]) == (reason, ["prepared.path"])


def test_a_parquet_file_without_rows_is_refused(tmp_path: Path) -> None:
    """There is nobody in it."""
    pl.DataFrame({"id": [], "age": []}).write_parquet(tmp_path / "t.parquet")

    with pytest.raises(InvalidInput, match="no rows"):
        read_cells(tmp_path / "t.parquet")
