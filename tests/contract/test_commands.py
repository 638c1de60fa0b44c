"""The commands of a contributor and of CI: each is listed, each starts from nothing but Python and make."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NEEDED = ("install", "demo", "test", "check", "protos", "help", "reliability")


def _make(*arguments: str) -> str:
    outcome = subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return outcome.stdout


def _would_run(target: str) -> str:
    """Return the commands of a target on a machine that was never set up, without running them."""
    return _make("--dry-run", "--always-make", target)


def test_help_lists_every_target() -> None:
    """A new contributor finds every command in `make help`, with what it does."""
    listed = dict(re.findall(r"^  make (\S+) +(\S.+)$", _make("help"), re.MULTILINE))

    assert set(listed) == set(TARGETS)
    assert set(NEEDED) <= set(listed)


@pytest.mark.parametrize("target", ["demo", "test", "check", "protos", "reliability", "lock", "format"])
def test_each_command_sets_itself_up(target: str) -> None:
    """First the environment, then uv by hash, then the lock by hash, the project, the kernel; then the command."""
    commands = _would_run(target)

    places = [
        commands.index(step)
        for step in ("-m venv .venv", "--require-hashes -r requirements/uv.txt", "pip sync", "--editable .", "kernels")
    ]
    assert places == sorted(places)
    assert "pip sync" not in commands[places[-1] :]


def test_every_set_up_step_checks_hashes_or_installs_nothing_else() -> None:
    """What is installed is what was locked: by hash, or the project itself without dependencies."""
    installs = [line for line in _would_run("install").splitlines() if re.search(r"pip (install|sync)", line)]

    assert len(installs) == 3
    assert [line for line in installs if "--require-hashes" not in line and "--no-deps" not in line] == []


def test_demo_takes_tables_of_your_own() -> None:
    """`make demo TABLES=dir` hands the folder on, also one with a space in its name."""
    commands = _make("--dry-run", "--always-make", "demo", "TABLES=my tables")

    assert '--tables "my tables"' in commands
    assert "--tables" not in _would_run("demo")


def test_ci_runs_what_a_contributor_runs() -> None:
    """No step of CI is out of a contributor's reach."""
    script = (ROOT / ".ci" / "run").read_text()

    assert re.findall(r"^make (\w+)$", script, re.MULTILINE) == ["check", "test"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_long_runs_stay_out_of_the_test_run() -> None:
    """`make test` leaves the marker `reliability` out, `make reliability` takes it alone."""
    options = PYPROJECT["tool"]["pytest"]["ini_options"]["addopts"]

    assert options[options.index("-m") + 1] == "not reliability"
    assert "-m reliability" in _would_run("reliability")


def test_base_install_of_the_client_is_grpc_and_protobuf() -> None:
    """Whoever only calls the services installs no data library."""
    names = {re.split(r"[<>=]", dependency)[0] for dependency in PYPROJECT["project"]["dependencies"]}

    assert names == {
        "googleapis-common-protos",
        "grpcio",
        "grpcio-health-checking",
        "grpcio-reflection",
        "grpcio-status",
        "protobuf",
    }
