"""Locks on calls among processes: one process at a time, and none for ever."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.scorer.adapters.call_locks import CallLocks
from tests.adapters.spools import KEY

# Holds the call, says so, and ends when it is killed.
HOLDER = """
import sys, time
from pathlib import Path
from services.scorer.adapters.call_locks import CallLocks
from services.scorer.adapters.spool import AnswerKey
locks = CallLocks(Path(sys.argv[1]))
print(locks.hold(AnswerKey(*sys.argv[2:])), flush=True)
time.sleep(600)
"""


@contextmanager
def another_process(path: Path) -> "Iterator[subprocess.Popen[str]]":
    """Run a process that holds the call."""
    command = [sys.executable, "-c", HOLDER, str(path), *KEY[:3]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_a_call_that_another_process_holds_cannot_be_held_until_that_ends(tmp_path: Path) -> None:
    """Killed, it gives the call back; other calls are free all the time."""
    locks = CallLocks(tmp_path / "calls.lock")
    with another_process(tmp_path / "calls.lock") as holder:
        meanwhile = [locks.hold(KEY), locks.hold(KEY._replace(request_id="r-2"))]
        holder.kill()
        holder.wait()

        after = locks.hold(KEY)
    locks.close()

    assert (meanwhile, after) == ([False, True], True)


def test_a_process_gives_a_call_back_when_its_last_thread_does(tmp_path: Path) -> None:
    """Two threads may hold it together; the file stays empty."""
    path = tmp_path / "calls.lock"
    locks = CallLocks(path)
    held = [locks.hold(KEY), locks.hold(KEY)]

    locks.release(KEY)
    still = subprocess.run(
        [sys.executable, "-c", HOLDER.replace("time.sleep(600)", ""), str(path), *KEY[:3]],
        capture_output=True,
        text=True,
        check=True,
    )
    locks.release(KEY)
    with another_process(path):
        taken = locks.hold(KEY)
    locks.close()

    assert held == [True, True]
    assert still.stdout == "False\n"
    assert not taken
    assert path.stat().st_size == 0
