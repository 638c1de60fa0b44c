"""Where the services run from."""

import os
import sys
from pathlib import Path

import pytest

from counterfoil.cli.checkout import find_checkout, module_command, module_environment

ROOT = Path(__file__).parents[3]


def test_installed_checkout_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable installation knows where it lies."""
    monkeypatch.chdir(tmp_path)

    assert find_checkout() == ROOT


def test_checkout_in_the_working_directory_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stands in a checkout means that one."""
    for folder in ("services/trainer", "shared"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    assert find_checkout() == tmp_path


def test_modules_run_with_this_interpreter() -> None:
    """Another Python would lack the packages."""
    assert module_command("services.scorer", "x") == (sys.executable, "-m", "services.scorer", "x")


def test_modules_are_found_before_what_was_on_the_path() -> None:
    """The inherited path stays, behind the checkout's; other variables are kept."""
    variables = module_environment(Path("here"), {"PYTHONPATH": "before", "HOME": "h"})

    parts = variables["PYTHONPATH"].split(os.pathsep)
    assert [Path(part) for part in parts] == [
        Path("here/protos/python"),
        Path("here/clients/python"),
        Path("here"),
        Path("before"),
    ]
    assert variables["HOME"] == "h"
