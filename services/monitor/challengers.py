"""Challengers compared with what was decided, one at a time, each in a process of its own."""

import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from services.monitor.domain.challenger import AskedComparison, ChallengerComparison
from services.monitor.domain.model import Models
from shared.errors import CounterfoilError, Exhausted, Precondition, Unavailable
from shared.jobs.process import ChildProcess

COMMAND: Final = (sys.executable, "-m", "services.monitor.challenger_process")
_POLL_S: Final = 0.05
# A client whose deadline is over is gone before.
_LONGEST_S: Final = 600.0
_UNAVAILABLE: Final = frozenset({"MLFLOW_UNAVAILABLE", "MONITOR_DATABASE_UNAVAILABLE"})


@dataclass(frozen=True)
class Challengers:
    """Compares challengers with what was decided.

    `await_projection` returns once what was acknowledged of a model version can be read; `environment` is that of the
    process, which `command` starts.
    """

    models: Models
    await_projection: Callable[[str], None]
    environment: Mapping[str, str]
    command: Sequence[str] = COMMAND
    longest_s: float = _LONGEST_S
    turn: threading.Lock = field(default_factory=threading.Lock)

    def settle(self, asked: AskedComparison) -> AskedComparison:
        """Return the wish with numbered versions; raises InvalidInput for bounds, and what Models.find does."""
        asked.check()
        names = (self.models.find(name).model_version for name in (asked.model_version, asked.challenger))
        model_version, challenger = names
        return replace(asked, model_version=model_version, challenger=challenger)

    def compare(self, settled: AskedComparison, is_active: Callable[[], bool]) -> ChallengerComparison:
        """Return how the challenger would have decided; `is_active` tells whether anybody still wants to know.

        Raises Exhausted (CHALLENGER_BUSY, COMPARISON_TOO_LONG), Unavailable (PROJECTION_BEHIND and what
        `Challenging.compare` does), and Precondition if a bundle is refused.
        """
        with self._turn():
            self.await_projection(settled.model_version)
            return ChallengerComparison.from_json(self._run(settled.to_json(), is_active))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self.turn.acquire(blocking=False):
            message = "another comparison is being made; ask again when it is done"
            raise Exhausted(message, reason="CHALLENGER_BUSY")
        try:
            yield
        finally:
            self.turn.release()

    def _run(self, asked: str, is_active: Callable[[], bool]) -> str:
        """Return what the process prints; raises the error that it tells of."""
        with tempfile.TemporaryDirectory(prefix="counterfoil-challenger-") as folder:
            answer = Path(folder) / "answer.json"
            # More threads would wait for each other, spinning, while the log needs the cores.
            environment = {"OMP_NUM_THREADS": "1", **self.environment}
            process = ChildProcess([*self.command, asked, str(answer)], environment)
            try:
                ended = self._wait(process, is_active)
            finally:
                process.close()
            said = answer.read_text(encoding="utf-8") if answer.exists() else ""
        if ended == 0 and said:
            return said
        raise _error(said)

    def _wait(self, process: ChildProcess, is_active: Callable[[], bool]) -> int:
        """Return the exit code; ends the process, and raises Exhausted, when the time is over or nobody listens."""
        until = time.monotonic() + self.longest_s
        given_up = False
        while (code := process.exit_code()) is None:
            if given_up or time.monotonic() > until or not is_active():
                given_up = True
                process.terminate()
            time.sleep(_POLL_S)
        if given_up:
            message = f"the comparison took longer than {self.longest_s:.0f} s; ask for fewer rows"
            raise Exhausted(message, reason="COMPARISON_TOO_LONG")
        return code


def _error(said: str) -> CounterfoilError:
    if not said:
        message = "the comparison's process ended without an answer; see the monitor's log, and ask for fewer rows"
        return Unavailable(message, reason="COMPARISON_FAILED")
    told = json.loads(said)
    kind = Unavailable if told["reason"] in _UNAVAILABLE else Precondition
    return kind(told["message"], reason=told["reason"], metadata=told["metadata"])
