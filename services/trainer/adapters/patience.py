"""Waiting for MLflow: a job outlives its restart instead of failing with it."""

import time
from collections.abc import Callable
from typing import TypeVar

from mlflow.exceptions import ERROR_CODE_TO_HTTP_STATUS, MlflowException
from requests import Response

from shared.errors import Unavailable

T = TypeVar("T")

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_CLIENT_ERRORS = range(400, 500)
_PASSING = (408, 429)


class Patience:
    """Calls what needs MLflow again and again while it is away, at growing intervals, up to a bound."""

    def __init__(
        self,
        longest_s: float,
        tell: Callable[[str], None],
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wait at most `longest_s` for each call; `tell` is told that it waits, and that it goes on."""
        self._longest_s = longest_s
        self._tell = tell
        self._sleep = sleep
        self._clock = clock

    def __call__(self, action: Callable[[], T]) -> T:
        """Return what the action returns, which may be called several times: it must be content with having been.

        Raises Unavailable MLFLOW_UNAVAILABLE once the bound is reached, and at once where MLflow answers that the
        request itself is wrong, which no waiting mends.
        """
        began = self._clock()
        pause = _FIRST_PAUSE_S
        while True:
            try:
                result = action()
            except Unavailable as error:
                waited = self._clock() - began
                if lasts(error) or waited + pause > self._longest_s:
                    raise
                self._tell(f"waiting for MLflow since {waited:.0f} s, at most {self._longest_s:.0f} s")
                self._sleep(pause)
                pause = min(2.0 * pause, _LONGEST_PAUSE_S)
            else:
                if pause > _FIRST_PAUSE_S:
                    self._tell("MLflow is back")
                return result


# For a caller who waits for the answer and had better hear at once that MLflow is away.
NO_PATIENCE = Patience(0.0, lambda _: None)


def lasts(error: Unavailable) -> bool:
    """Return whether MLflow answered, and the answer will be the same: what is asked for is wrong or not there."""
    cause = error.__cause__
    if isinstance(cause, MlflowException):
        status = ERROR_CODE_TO_HTTP_STATUS.get(cause.error_code, 500)
    else:
        status = _status(cause)
    return status in _CLIENT_ERRORS and status not in _PASSING


def _status(cause: BaseException | None) -> int:
    response = getattr(cause, "response", None)
    return response.status_code if isinstance(response, Response) else 0
