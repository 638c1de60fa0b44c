"""How the demo runs commands: echoed, in the checkout, and never past a failure."""

import os
from pathlib import Path

import pytest

from counterfoil.cli.demonstration import Stage
from counterfoil.cli.failures import CommandFailed


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Return a stage whose services are nowhere."""
    nowhere = {f"COUNTERFOIL_{name}_ADDRESS": "127.0.0.1:1" for name in ("TRAINER", "SCORER", "MONITOR")}
    return Stage(tmp_path, {**os.environ, **nowhere}, tmp_path / "var" / "demo-1")


def test_command_is_echoed_as_one_would_type_it(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    """What stands after the $ can be pasted into a shell; the command's own output follows."""
    stage.run("train", "start", "--help", "--model", "a b")

    echoed, _, printed = capfd.readouterr().out.strip().partition("\n")
    assert echoed == "$ counterfoil train start --help --model 'a b'"
    assert printed.startswith("Usage: counterfoil train start")


def test_step_that_fails_ends_the_demo_with_its_command(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    """The reader sees which step it was, its own error, and where the logs are."""
    with pytest.raises(CommandFailed, match="`counterfoil dataset list` ended with exit code 4") as raised:
        stage.run("dataset", "list")

    assert raised.value.reason == "DEMO_FAILED"
    assert str(Path("var") / "demo-1" / "var" / "log") in raised.value.message
    assert "does not answer" in capfd.readouterr().err


def test_question_that_fails_ends_the_demo_too(stage: Stage) -> None:
    """A demo that went on without an answer would show something made up."""
    with pytest.raises(CommandFailed, match="exit code 4"):
        stage.ask("drift", "list")


def test_output_can_go_to_a_file(stage: Stage, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The echo shows the redirection."""
    stage.write(tmp_path / "help.txt", "--version")

    assert capfd.readouterr().out.strip() == "$ counterfoil --version > help.txt"
    assert "version" in (tmp_path / "help.txt").read_text()


def test_paths_are_short_inside_the_checkout_and_whole_outside(stage: Stage, tmp_path: Path) -> None:
    """Tables of one's own may lie anywhere."""
    outside = tmp_path.parent / "elsewhere"

    assert stage.short(stage.folder) == str(Path("var") / "demo-1")
    assert stage.short(outside) == str(outside)
