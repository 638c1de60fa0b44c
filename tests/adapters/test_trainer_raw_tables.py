"""Tables below the tables root: found by path and by folder, opened unread, refused where they lead out."""

from pathlib import Path

import polars as pl
import pytest

from services.trainer.adapters.raw_tables import list_folder, open_table
from services.trainer.adapters.tables_listing import list_tables
from services.trainer.domain.rows import first_rows, random_rows
from services.trainer.domain.tables import ColumnKind, ListedTable
from shared.errors import InvalidInput
from tests.synthetic_tables import write_tables

_LOANS = pl.DataFrame({"id": ["a", "b", "c"], "amount": [1.5, None, 3.0], "paid": [True, False, None]})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root with a folder of a lender's own tables; beside it lies a table that is not for callers."""
    root = tmp_path / "root"
    (root / "own" / "2026").mkdir(parents=True)
    _LOANS.write_parquet(root / "own" / "loans.parquet")
    _LOANS.write_csv(root / "own" / "loans.csv")
    _LOANS.write_csv(root / "own" / "v1.2.csv")
    _LOANS.write_csv(tmp_path / "secret.csv")
    (root / "own" / "notes.txt").write_text("no table")
    (root / "own" / "out.csv").symlink_to(tmp_path / "secret.csv")
    (root / "own" / "latest.csv").symlink_to("loans.csv")
    return root


def _listed(root: Path, directory: str) -> dict[str, ListedTable]:
    return {table.name: table for table in list_tables(root, directory)[0]}


@pytest.mark.parametrize(
    ("path", "inferred"),
    [
        ("own/loans", False),
        ("own/loans.parquet", False),
        ("own/loans.csv", True),
        ("own/../own/v1.2", True),
        ("own/latest", True),
    ],
)
def test_a_table_is_found_with_and_without_its_ending(root: Path, path: str, inferred: bool) -> None:
    """Parquet goes before CSV, as for data sets; the rows are the same either way."""
    rows = open_table(root, path)

    assert (rows.total, rows.columns, rows.inferred) == (3, ("id", "amount", "paid"), inferred)
    frame = first_rows(rows, ["id", "amount"], 9).frame
    assert frame.rows() == [("a", 1.5), ("b", None), ("c", 3.0)]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../secret.csv", "PATH_OUTSIDE_ROOT"),
        ("../secret", "PATH_OUTSIDE_ROOT"),
        ("own/out.csv", "PATH_OUTSIDE_ROOT"),
        ("own/out", "PATH_OUTSIDE_ROOT"),
        ("/etc/passwd", "PATH_OUTSIDE_ROOT"),
        ("own/gone", "TABLE_MISSING"),
        ("own/notes.txt", "TABLE_MISSING"),
        ("own", "TABLE_MISSING"),
        ("", "TABLE_MISSING"),
        ("a\0b", "PATH_INVALID"),
        ("x" * 5000, "PATH_INVALID"),
    ],
)
def test_what_is_no_table_inside_the_root_is_refused(root: Path, path: str, reason: str) -> None:
    """Whether or not anything is there, and also through a link."""
    with pytest.raises(InvalidInput) as refusal:
        open_table(root, path)

    assert refusal.value.reason == reason
    assert [violation.field for violation in refusal.value.violations] == ["table"]


def test_random_rows_of_csv_and_parquet_are_the_same_rows(root: Path) -> None:
    """The seed chooses among the rows, not among the bytes."""
    drawn = [random_rows(open_table(root, f"own/loans.{end}"), ["id"], 2, 7).frame for end in ("csv", "parquet")]

    assert drawn[0].equals(drawn[1])


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "TABLE_EMPTY"), (b"PAR1 but not really", "TABLE_UNREADABLE")],
)
def test_a_broken_file_is_refused_as_such(root: Path, content: bytes, reason: str) -> None:
    """What Polars says of it stays in the log."""
    (root / "own" / "broken.parquet").write_bytes(content)
    (root / "own" / "broken_too.csv").write_bytes(b"")

    refusals = []
    for path in ("own/broken", "own/broken_too"):
        with pytest.raises(InvalidInput) as refusal:
            open_table(root, path)
        refusals.append(refusal.value.reason)

    assert refusals[0] in {reason, "TABLE_UNREADABLE"}
    assert refusals[1] == "TABLE_EMPTY"


def test_nested_columns_are_listed_and_cannot_be_looked_at(root: Path) -> None:
    """There is no cell that could hold them."""
    pl.DataFrame({"plain": [1], "nested": [[1, 2]], "bytes": [b"x"]}).write_parquet(root / "own" / "odd.parquet")

    columns = {column.name: column.kind for column in _listed(root, "own")["odd"].columns}

    assert columns == {"plain": ColumnKind.NUMBER, "nested": ColumnKind.OTHER, "bytes": ColumnKind.OTHER}
    assert open_table(root, "own/odd").columns == ("plain",)


def test_a_folder_lists_its_tables_once_and_its_folders(root: Path) -> None:
    """Of two formats the one that a data set takes; neither other files nor a link that leads out."""
    tables, directories = list_tables(root, "own")

    assert [(table.name, table.path) for table in tables] == [
        ("latest", "own/latest.csv"),
        ("loans", "own/loans.parquet"),
        ("v1.2", "own/v1.2.csv"),
    ]
    assert directories == ["2026"]
    assert list_folder(root, "").directories == ("own",)


def test_a_listed_table_tells_rows_and_kinds(root: Path) -> None:
    """Of a CSV file by its first rows; what a lender's own columns mean is not known."""
    loans, csv = (_listed(root, "own")[name] for name in ("loans", "v1.2"))

    assert (loans.rows, loans.rows_estimated, loans.format, loans.problems) == (3, False, "parquet", ())
    assert [(column.name, column.kind.value, column.meaning) for column in loans.columns] == [
        ("id", "TEXT", ""),
        ("amount", "NUMBER", ""),
        ("paid", "NUMBER", ""),
    ]
    assert [column.kind.value for column in csv.columns] == ["TEXT", "NUMBER", "TEXT"]


def test_the_home_credit_tables_are_known_by_name(tmp_path: Path) -> None:
    """Their columns have meanings, and those that are not there are named."""
    write_tables(tmp_path / "eight", applicants=60)
    (tmp_path / "eight" / "bureau_balance.parquet").unlink()

    listed = _listed(tmp_path, "eight")

    assert list(listed)[:2] == ["application_train", "application_test"]
    assert [name for name, table in listed.items() if not table.present] == ["bureau_balance"]
    assert [name for name, table in listed.items() if table.required] == ["application_train"]
    meanings = {column.name: column.meaning for column in listed["application_train"].columns}
    assert meanings["CODE_GENDER"] == "gender"
    assert all(meanings.values())
    assert all(table.problems == () for table in listed.values())


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_makes_a_home_credit_table_unusable_is_told(tmp_path: Path, ending: str) -> None:
    """Before a job has read all eight for nothing."""
    write_tables(tmp_path, applicants=60)
    bureau = pl.read_parquet(tmp_path / "bureau.parquet")
    balance = pl.read_parquet(tmp_path / "POS_CASH_balance.parquet")
    broken = {
        "bureau": bureau.drop("DAYS_CREDIT").with_columns(NOTE=pl.lit("x")),
        "POS_CASH_balance": balance.with_columns(SK_DPD=pl.lit("late")),
        "credit_card_balance": pl.read_parquet(tmp_path / "credit_card_balance.parquet").clear(),
    }
    for name, frame in broken.items():
        (tmp_path / f"{name}.parquet").unlink()
        frame.write_csv(tmp_path / f"{name}.csv") if ending == "csv" else frame.write_parquet(
            tmp_path / f"{name}.parquet"
        )

    listed = _listed(tmp_path, "")

    found = {name: [(each.reason, each.column) for each in listed[name].problems] for name in broken}
    assert found == {
        "bureau": [("COLUMN_MISSING", "DAYS_CREDIT")],
        "POS_CASH_balance": [("COLUMN_TYPE", "SK_DPD")],
        "credit_card_balance": [("TABLE_EMPTY", "")],
    }
    assert listed["bureau"].ignored_columns == ("NOTE",)


def test_a_file_that_cannot_be_read_is_listed_with_its_problem(root: Path) -> None:
    """One damaged file does not hide the others."""
    (root / "own" / "latin.csv").write_bytes("size\ngroß\n".encode("latin-1"))
    (root / "own" / "cut.parquet").write_bytes(b"PAR1")

    listed = _listed(root, "own")

    assert [problem.reason for problem in listed["cut"].problems] == ["TABLE_UNREADABLE"]
    assert [problem.reason for problem in listed["latin"].problems] == ["TABLE_UNREADABLE"]
    assert listed["loans"].rows == 3


def test_the_lines_of_a_large_csv_file_are_estimated(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting 400 MB at each look would keep callers waiting."""
    monkeypatch.setattr("services.trainer.adapters.tables_listing.LARGEST_COUNTED_BYTES", 1_000_000)
    pl.DataFrame({"number": range(1_000_000, 1_500_000)}).write_csv(root / "large.csv")

    large = _listed(root, "")["large"]

    assert large.rows_estimated
    assert large.rows == pytest.approx(500_000, rel=0.01)


@pytest.mark.parametrize(
    ("directory", "reason"),
    [("..", "PATH_OUTSIDE_ROOT"), ("gone", "DIRECTORY_MISSING"), ("own/loans.csv", "DIRECTORY_MISSING")],
)
def test_what_is_no_folder_inside_the_root_is_refused(root: Path, directory: str, reason: str) -> None:
    """The field is the caller's."""
    with pytest.raises(InvalidInput) as refusal:
        list_tables(root, directory)

    assert refusal.value.reason == reason
    assert [violation.field for violation in refusal.value.violations] == ["directory"]
