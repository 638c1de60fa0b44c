"""One child process: in a session and a temporary folder of its own, which both end with it."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from tempfile import TemporaryDirectory

GRACE_S = 5.0


class ChildProcess:
    """A running child. It holds the reading end of a pipe on its stdin, which closes when this process dies.

    Its own session keeps a Ctrl-C in the terminal from reaching it before the service has decided what to do.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the command with exactly this environment and a TMPDIR of its own; raises OSError when it cannot."""
        self._folder = TemporaryDirectory(prefix="counterfoil-job-", ignore_cleanup_errors=True)
        self._kill_at: float | None = None
        self._swept = False
        variables = {**environment, "TMPDIR": self._folder.name}
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, env=variables, start_new_session=True)
        except OSError:
            self._folder.cleanup()
            raise

    def exit_code(self) -> int | None:
        """Return its exit code, negative for a signal; None while it runs. What it started itself is then killed."""
        code = self._process.poll()
        if code is not None and not self._swept:
            # While the group has a member, its number is given to nobody else, so this reaches no stranger.
            self._swept = True
            self._signal(signal.SIGKILL)
        return code

    def terminate(self) -> None:
        """Send SIGTERM at the first call, SIGKILL at one 5 s later or more: call it until exit_code() is there."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + GRACE_S
            self._signal(signal.SIGTERM)
        elif time.monotonic() >= self._kill_at:
            self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Close the pipe and delete the temporary folder: the child has ended."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._folder.cleanup()

    def _signal(self, number: signal.Signals) -> None:
        # No such group: all of it has ended. macOS says so with PermissionError where its leader is not yet reaped.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
