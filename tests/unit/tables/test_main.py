"""The tables as a program: it writes what it is told to, or says in one line why not."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.tables.__main__ import main
from shared.tables.reading import open_tables


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    """The command line of the client starts it so."""
    directory = tmp_path / "made" / "tables"
    arguments = ["synthesize", str(directory), "--applicants", "60", "--seed", "3", "--format", "csv", "--progress"]

    command = [sys.executable, "-m", "shared.tables", *arguments]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "progress 1.00\n", "")
    assert {report.format for report in open_tables(directory).reports} == {"csv"}


def test_converting_is_a_command_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With progress by table, and an error in one line for what cannot be converted."""
    source, target = str(tmp_path / "csv"), str(tmp_path / "parquet")
    main(["synthesize", source, "--applicants", "60", "--seed", "3", "--format", "csv"])

    assert main(["convert", source, target, "--progress"]) == 0
    assert capsys.readouterr().out.endswith("progress 1.00\n")
    assert main(["convert", source, source]) == 2

    assert {report.format for report in open_tables(tmp_path / "parquet").reports} == {"parquet"}
    assert "(SAME_DIRECTORY)" in capsys.readouterr().err


def test_without_asking_nothing_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script that calls it sees only errors."""
    assert main(["synthesize", str(tmp_path), "--applicants", "60", "--seed", "3"]) == 0

    assert capsys.readouterr() == ("", "")


def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No stack trace for what the user can mend."""
    assert main(["synthesize", str(tmp_path), "--applicants", "3", "--seed", "3"]) == 2

    assert capsys.readouterr() == ("", "error: applicants: must be at least 50 (OUT_OF_RANGE)\n")


def test_tables_that_are_there_are_kept_until_overwriting_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the file and the way out."""
    arguments = ["synthesize", str(tmp_path), "--applicants", "60", "--seed", "3"]

    assert [main(arguments), main(arguments), main([*arguments, "--overwrite"])] == [0, 2, 0]

    assert "already holds application_train.parquet; choose another one or ask to overwrite" in capsys.readouterr().err


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file stands where the directory should be."""
    (tmp_path / "tables").write_text("a file")

    assert main(["synthesize", str(tmp_path / "tables"), "--applicants", "60", "--seed", "3"]) == 2

    assert capsys.readouterr().err.startswith("error: ")
