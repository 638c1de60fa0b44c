"""Callers reach folders inside the tables root, and nothing else on the machine."""

from pathlib import Path

import pytest

from services.trainer.adapters.tables_root import locate_file, locate_tables
from shared.errors import InvalidInput


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root with two folders, a file, a link inside and a link out; beside it lies another folder."""
    root = tmp_path / "root"
    (root / "tables" / "2026").mkdir(parents=True)
    (root / "file").write_text("not a folder")
    (root / "latest").symlink_to("tables/2026")
    (root / "out").symlink_to(tmp_path / "root-beside")
    (root / "loop").symlink_to("loop")
    (tmp_path / "root-beside").mkdir()
    return root


@pytest.mark.parametrize("directory", ["tables/2026", "latest", "tables/../latest", "./tables/2026/"])
def test_a_folder_inside_is_found(root: Path, directory: str) -> None:
    """Links and dots may be used as long as they end inside."""
    assert locate_tables(root, directory) == root / "tables" / "2026"


def test_an_absolute_path_inside_is_found(root: Path) -> None:
    """It names the same folder as the relative one."""
    assert locate_tables(root, str(root / "tables")) == root / "tables"


@pytest.mark.parametrize(
    "directory", ["..", "../root-beside", "out", "/", "/etc", "tables/../../root-beside", "../gone"]
)
def test_a_path_that_leads_out_is_refused(root: Path, directory: str) -> None:
    """Whether or not anything is there, so that nobody learns what is."""
    with pytest.raises(InvalidInput) as refusal:
        locate_tables(root, directory)

    assert refusal.value.reason == "PATH_OUTSIDE_ROOT"


@pytest.mark.parametrize("target", ["../../elsewhere.parquet", "../../gone.parquet", "/etc/hostname"])
def test_a_folder_with_a_table_that_is_a_link_out_is_refused(root: Path, target: str) -> None:
    """A link to a file leads out as one to a folder does."""
    (root.parent / "elsewhere.parquet").write_text("not for callers")
    (root / "tables" / "bureau.parquet").symlink_to(target)

    with pytest.raises(InvalidInput) as refusal:
        locate_tables(root, "tables")

    assert refusal.value.reason == "PATH_OUTSIDE_ROOT"


def test_a_table_may_be_a_link_to_one_inside(root: Path) -> None:
    """Data sets may share a table."""
    (root / "tables" / "2026" / "bureau.parquet").write_text("a table")
    (root / "tables" / "bureau.parquet").symlink_to("2026/bureau.parquet")

    assert locate_tables(root, "tables") == root / "tables"


@pytest.mark.parametrize(
    ("directory", "reason"),
    [
        ("gone", "DIRECTORY_MISSING"),
        ("file", "DIRECTORY_MISSING"),
        ("loop", "PATH_INVALID"),
        ("a\0b", "PATH_INVALID"),
        ("x" * 300, "PATH_INVALID"),
    ],
)
def test_a_folder_that_is_not_there_is_refused(root: Path, directory: str, reason: str) -> None:
    """Also where the path could never be one; no path of the machine is in the message."""
    with pytest.raises(InvalidInput) as refusal:
        locate_tables(root, directory)

    assert refusal.value.reason == reason
    assert str(root) not in refusal.value.message


def test_a_file_inside_is_found(root: Path) -> None:
    """Also through a link to a folder or to the file itself."""
    table = root / "tables" / "2026" / "clients.csv"
    table.write_text("id\n")
    (root / "clients.csv").symlink_to("tables/2026/clients.csv")

    assert [locate_file(root, path) for path in ("latest/clients.csv", "clients.csv", str(table))] == [table] * 3


@pytest.mark.parametrize("path", ["..", "/etc/hostname", "out/clients.csv", "link.csv", "../gone.csv"])
def test_a_file_outside_is_refused(root: Path, path: str) -> None:
    """Whether or not it is there."""
    (root / "link.csv").symlink_to("/etc/hostname")

    with pytest.raises(InvalidInput) as refusal:
        locate_file(root, path)

    assert refusal.value.reason == "PATH_OUTSIDE_ROOT"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("gone.csv", "FILE_MISSING"),
        ("tables", "FILE_MISSING"),
        ("", "FILE_MISSING"),
        ("loop", "PATH_INVALID"),
        ("a\0b", "PATH_INVALID"),
        ("x" * 300, "PATH_INVALID"),
    ],
)
def test_a_file_that_is_not_there_is_refused(root: Path, path: str, reason: str) -> None:
    """A folder is no file; no path of the machine is in the message."""
    with pytest.raises(InvalidInput) as refusal:
        locate_file(root, path)

    assert refusal.value.reason == reason
    assert [violation.field for violation in refusal.value.violations] == ["prepared.path"]
    assert str(root) not in refusal.value.message
