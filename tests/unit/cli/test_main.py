"""The entry point, with and without the command line's libraries, and the help of every command."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from counterfoil.cli.application import counterfoil


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("library", ["click", "rich"])
def test_package_without_the_extra_says_how_to_install_it(library: str) -> None:
    """The thin client can be installed alone; its command then explains itself."""
    program = f"import sys; sys.modules[{library!r}] = None; from counterfoil.cli.main import main; main()"

    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert outcome.returncode == 2
    assert "pip install 'counterfoil[cli]' (EXTRA_MISSING)" in outcome.stderr


def test_groups_are_those_of_the_loop() -> None:
    """In the order in which one needs them."""
    assert list(counterfoil.commands) == [
        "up",
        "demo",
        "tables",
        "dataset",
        "train",
        "model",
        "audit",
        "score",
        "predictions",
        "outcomes",
        "performance",
        "drift",
        "alerts",
        "retrain",
    ]


@pytest.mark.parametrize("command", list(_commands(counterfoil)), ids=" ".join)
def test_every_command_explains_itself_and_every_option(command: tuple[str, ...]) -> None:
    """No option is without a help text."""
    outcome = CliRunner().invoke(counterfoil, [*command, "--help"])

    found: click.Command = counterfoil
    for name in command:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    assert outcome.exit_code == 0
    assert found.help
    silent = [each.name for each in found.params if isinstance(each, click.Option) and not each.help]
    assert silent == []


@pytest.mark.parametrize("command", [c for c in _commands(counterfoil) if c[-1] not in {"demo"}], ids=" ".join)
def test_every_command_but_the_demo_speaks_json(command: tuple[str, ...]) -> None:
    """Machines are served everywhere."""
    assert "--json" in CliRunner().invoke(counterfoil, [*command, "--help"]).output
