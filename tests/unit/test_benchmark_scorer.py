"""What the scorer's benchmark takes for an answer, and what it refuses to count."""

import os
import sys
from pathlib import Path

import pytest

from benchmarks import h2load
from benchmarks.h2load import Load, answered
from benchmarks.scorer import in_turn
from benchmarks.sides.running import Side, running

SAID = """
requests: 100 total, 164 started, {done} done, {done} succeeded, {failed} failed, 0 errored, 0 timeout
traffic: 9.00KB (9216) total, 1.00KB (1024) headers (space savings 96.00%), 8.00KB ({data}) data
"""


def test_answers_of_the_least_size_are_counted() -> None:
    """Each has a message."""
    assert answered(SAID.format(done=100, failed=0, data=10_000), least_reply=100) == 100


@pytest.mark.parametrize(
    "said",
    [
        SAID.format(done=100, failed=1, data=10_000),
        SAID.format(done=100, failed=0, data=9_999),
        SAID.format(done=0, failed=0, data=0),
        "no such host",
    ],
)
def test_what_was_not_answered_is_no_throughput(said: str) -> None:
    """GRPC's errors are HTTP successes without a message: they are told by what is missing."""
    with pytest.raises(RuntimeError):
        answered(said, least_reply=100)


def test_without_the_generator_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Debian's package, by name."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SystemExit, match="nghttp2-client"):
        h2load.require_h2load()


def test_sides_take_turns() -> None:
    """So that whatever else the machine does reaches both."""
    turns: list[str] = []
    sides = {name: Side(name, 0, h2load.Target("", "", b"", 0)) for name in ("one", "other")}

    def load(side: Side) -> Load:
        """Remember whose turn it was."""
        turns.append(side.name)
        return Load(1.0, 1.0)

    loads = in_turn(sides, 2, load)

    assert turns == ["one", "other", "one", "other"]
    assert loads["one"] == [Load(1.0, 1.0)] * 2


def test_a_side_that_does_not_start_says_why(tmp_path: Path) -> None:
    """By its own last words: it may be a program that is not ours."""
    command = [sys.executable, "-c", "raise SystemExit('no such model')"]
    output = tmp_path / "words"

    with (
        pytest.raises(RuntimeError, match="no such model"),
        running("theirs", command, port=1, path="/none", request=b"", cores=os.sched_getaffinity(0), output=output),
    ):
        pass
