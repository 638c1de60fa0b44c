"""The webhook: each message of the outbox as a signed POST, sent again with growing pauses until it is taken."""

import datetime as dt
import hashlib
import hmac
import http.client
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from services.monitor.adapters.outbox import Message, Outbox
from shared.errors import CounterfoilError, FieldViolation, InvalidInput
from shared.logs import log_event
from shared.settings import variable_of

SIGNATURE_HEADER: Final = "Counterfoil-Signature"
ID_HEADER: Final = "Counterfoil-Event-Id"
_ANSWER_TIMEOUT_S: Final = 10.0
_FIRST_PAUSE: Final = dt.timedelta(seconds=1)
_LONGEST_PAUSE: Final = dt.timedelta(minutes=10)
_LARGEST_DOUBLING: Final = 10
# How long a stop waits for a receiver that is slow to answer.
_PATIENCE_S: Final = 2.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Receiver:
    """Where messages go, and the secret that signs them."""

    url: str
    secret: str

    def __repr__(self) -> str:
        """Leave the secret out, and the URL too: it may hold a token."""
        return "Receiver()"


def receiver_of(url: str, secret: str) -> Receiver | None:
    """Return the receiver that the settings name, None without a URL.

    Raises InvalidInput (INVALID_SETTING) for a URL that is neither http nor https, or that comes without a secret.
    """
    if not url:
        return None
    violations = []
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        violations.append(FieldViolation(variable_of("webhook_url"), "is no http:// or https:// URL with a host"))
    if not secret:
        violations.append(FieldViolation(variable_of("webhook_secret"), "is empty; messages must be signed"))
    if violations:
        raise InvalidInput(violations, reason="INVALID_SETTING")
    return Receiver(url, secret)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the header's value, `t=TIMESTAMP,v1=HEX`: HMAC-SHA256 over "TIMESTAMP." and the body.

    The timestamp is in seconds since 1970, so that a receiver can refuse what was recorded long ago.
    """
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class Courier:
    """A thread that takes the outbox's messages to the receiver, each at least once, and waits for nobody else.

    What the receiver does not take (no answer within 10 s, or another status than 2xx) is sent again after 1 s, then
    twice as long each time, up to 10 min, for as long as it takes; other messages go on meanwhile.
    """

    def __init__(
        self, outbox: Outbox, receiver: Receiver, *, clock: Callable[[], float] = time.time, look_s: float = 1.0
    ) -> None:
        """Make a courier that looks for messages every `look_s` seconds; `clock` gives seconds since 1970."""
        self._outbox = outbox
        self._receiver = receiver
        self._clock = clock
        self._look_s = look_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send no further message; what was not taken, or not in time, stays in the outbox for the next start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                sent = self._send_next()
            except CounterfoilError as error:
                log_event(_logger, "the outbox cannot be read or written", reason=error.reason)
                sent = False
            except Exception:  # the thread's boundary: one bad message must not end all to come
                _logger.exception("a message could not be sent")
                sent = False
            if not sent:
                self._stopping.wait(self._look_s)

    def _send_next(self) -> bool:
        """Send what is due, and return whether there was anything."""
        message = self._outbox.due()
        if message is None:
            return False
        trouble = self._post(message)
        if trouble:
            log_event(_logger, "webhook not taken", id=message.id, attempts=message.attempts + 1, trouble=trouble)
            self._outbox.postpone(message, _pause(message.attempts))
        else:
            self._outbox.taken(message)
        return True

    def _post(self, message: Message) -> str:
        """Return why the receiver did not take a message, empty if it did; nothing of the URL is in it."""
        body, timestamp = message.body.encode(), int(self._clock())
        headers = {
            "Content-Type": "application/json",
            ID_HEADER: message.id,
            SIGNATURE_HEADER: signature(self._receiver.secret, timestamp, body),
        }
        # receiver_of lets nothing but http and https through.
        request = urllib.request.Request(self._receiver.url, data=body, headers=headers, method="POST")  # noqa: S310
        try:
            with _opener.open(request, timeout=_ANSWER_TIMEOUT_S):
                return ""
        except urllib.error.HTTPError as error:
            error.close()
            return f"status {error.code}"
        except urllib.error.URLError as error:
            return f"no connection ({type(error.reason).__name__})"
        except (OSError, http.client.HTTPException) as error:
            return f"no answer ({type(error).__name__})"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a signed message is for the URL that the operator named and nobody else."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        """Return nothing, so that a redirect is the error that its status says."""


_opener = urllib.request.build_opener(_NoRedirect)


def _pause(attempts: int) -> dt.timedelta:
    doubled: dt.timedelta = _FIRST_PAUSE * 2 ** min(attempts, _LARGEST_DOUBLING)
    return min(_LONGEST_PAUSE, doubled)
