"""Run a command that must not outlive its starter: `python -m counterfoil.cli.guarded COMMAND [ARGUMENT...]`.

Standard input is a pipe that the starter holds. When it closes, also because the starter was killed, the command gets
SIGTERM, and SIGKILL if it has not ended 30 s later.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Final

STOP_TIMEOUT_S: Final = 30.0
# What a shell returns for a command that a signal ended.
_BY_SIGNAL: Final = 128


def main(command: Sequence[str]) -> int:
    """Return the command's exit code, or 128 plus the number of the signal that ended it."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: child.terminate())
    threading.Thread(target=_end_with_input, args=(child,), daemon=True).start()
    code = child.wait()
    return code if code >= 0 else _BY_SIGNAL - code


def _end_with_input(child: subprocess.Popen[bytes]) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    child.terminate()
    try:
        child.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
