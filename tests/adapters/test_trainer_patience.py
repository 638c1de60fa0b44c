"""A job waits for an MLflow that is away, says so, and gives up at a bound or where waiting mends nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from services.trainer.adapters.patience import Patience
from services.trainer.adapters.tracking import open_tracking
from shared.errors import Precondition, Unavailable
from shared.mlflow_store import reaching_mlflow
from tests.adapters.mlflow_stores import MlflowStore, connected
from tests.processes import free_port

_AWAY = Unavailable("MLflow cannot be used now", reason="MLFLOW_UNAVAILABLE")


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.slept.append(seconds)
        self.now += seconds


class Told(list[str]):
    """What the job was told to say."""


def _patience(longest_s: float, clock: Clock, told: Told) -> Patience:
    return Patience(longest_s, told.append, sleep=clock.sleep, clock=clock)


def _fails(times: int, error: Exception = _AWAY) -> Callable[[], str]:
    """Return an action that succeeds after as many failures."""
    left = [error] * times

    def action() -> str:
        if left:
            raise left.pop()
        return "done"

    return action


def test_what_works_at_once_is_not_talked_about() -> None:
    """No stage is overwritten for nothing."""
    clock, told = Clock(), Told()

    assert _patience(60.0, clock, told)(_fails(0)) == "done"
    assert (clock.slept, told) == ([], [])


def test_waits_grow_to_half_a_minute_and_are_told() -> None:
    """A server that restarts is not kept busy by those who wait for it."""
    clock, told = Clock(), Told()

    result = _patience(900.0, clock, told)(_fails(7))

    assert result == "done"
    assert clock.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert told[1] == "waiting for MLflow since 1 s, at most 900 s"
    assert told[-1] == "MLflow is back"


@pytest.mark.parametrize(("longest_s", "slept"), [(0.0, []), (3.0, [1.0, 2.0]), (10.0, [1.0, 2.0, 4.0])])
def test_the_wait_is_bounded(longest_s: float, slept: list[float]) -> None:
    """The error is then MLflow's own, and the job fails with it."""
    clock = Clock()

    with pytest.raises(Unavailable) as refusal:
        _patience(longest_s, clock, Told())(_fails(99))

    assert refusal.value is _AWAY
    assert clock.slept == slept


def test_each_call_has_the_whole_bound_to_itself() -> None:
    """An hour of work after a short wait does not shorten the next."""
    clock = Clock()
    patience = _patience(3.0, clock, Told())

    patience(_fails(2))
    patience(_fails(2))

    assert clock.slept == [1.0, 2.0, 1.0, 2.0]


def test_other_errors_are_not_waited_for() -> None:
    """Nobody but MLflow comes back by waiting here."""
    clock = Clock()

    with pytest.raises(Precondition):
        _patience(900.0, clock, Told())(_fails(1, Precondition("the attempt is over", reason="STALE_ATTEMPT")))

    assert clock.slept == []


def test_what_mlflow_refuses_is_not_asked_for_again(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    """The run is not there, and will not be however long the job waits."""
    clock = Clock()
    tracking = open_tracking(mlflow_store.uri, mlflow_store.artifacts, _patience(900.0, clock, Told()))

    with pytest.raises(Unavailable):
        tracking.fetch("0" * 32, "dataset/train.parquet", tmp_path)

    assert clock.slept == []


def test_a_server_that_does_not_listen_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers on its port, for its tables as for its files."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    nobody = MlflowStore(f"http://127.0.0.1:{free_port()}", tmp_path)
    clock = Clock()

    with connected(nobody), pytest.raises(Unavailable):
        open_tracking(nobody.uri, nobody.artifacts, _patience(3.0, clock, Told())).experiment("ds-1")

    assert clock.slept == [1.0, 2.0]


def test_a_database_that_is_locked_for_a_moment_is_waited_for(mlflow_store: MlflowStore) -> None:
    """Two jobs that write at once to the embedded MLflow may meet."""
    clock = Clock()

    def locked() -> None:
        with reaching_mlflow():
            raise OSError("database is locked")

    with pytest.raises(Unavailable):
        _patience(3.0, clock, Told())(locked)

    assert isinstance(mlflow_store.client, MlflowClient)
    assert clock.slept == [1.0, 2.0]
