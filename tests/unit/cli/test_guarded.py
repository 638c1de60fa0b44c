"""The guard that ends a command with its starter, as a real process."""

import subprocess
import sys

import pytest

PATIENT = (
    "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); print('up', flush=True); signal.pause()"
)


def _guard(program: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "counterfoil.cli.guarded", sys.executable, "-c", program]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.mark.parametrize("code", [0, 2, 77])
def test_exit_code_is_the_commands(code: int) -> None:
    """Whoever waits for the guard learns how the command ended."""
    with _guard(f"raise SystemExit({code})") as guard:
        assert guard.wait(timeout=30) == code


def test_command_that_a_signal_ended_gives_128_plus_its_number() -> None:
    """As a shell tells it."""
    with _guard("import os; os.kill(os.getpid(), 9)") as guard:
        assert guard.wait(timeout=30) == 128 + 9


def test_closing_the_pipe_asks_the_command_to_stop() -> None:
    """It gets SIGTERM and the time to end by itself."""
    with _guard(PATIENT) as guard:
        assert guard.stdin is not None
        assert guard.stdout is not None
        guard.stdout.readline()
        guard.stdin.close()

        assert guard.wait(timeout=30) == 3


def test_stopping_the_guard_stops_the_command() -> None:
    """SIGTERM is passed on, not taken for the guard alone."""
    with _guard(PATIENT) as guard:
        assert guard.stdout is not None
        guard.stdout.readline()
        guard.terminate()

        assert guard.wait(timeout=30) == 3


def test_command_reads_nothing_from_the_pipe() -> None:
    """The pipe is the guard's own: the command sees an empty input."""
    with _guard("import sys; print(repr(sys.stdin.read()))") as guard:
        assert guard.stdout is not None
        assert guard.stdout.read() == b"''\n"
