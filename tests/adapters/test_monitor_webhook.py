"""The webhook against a real HTTP server: signed, sent until it is taken, in nobody's way."""

import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.monitor.adapters.webhook import Courier, Receiver, receiver_of, signature
from shared.errors import InvalidInput
from tests.adapters.receivers import webhook_server
from tests.lending import eventually
from tests.processes import free_port
from tests.unit.monitor.alarms import Alarms, alarms_in, measured

SECRET = "a secret of the test"  # noqa: S105


@pytest.fixture
def alarms(tmp_path: Path) -> Iterator[Alarms]:
    """Return alerting with one alert, whose message waits."""
    alarms = alarms_in(tmp_path)
    alarms.alerting.measured(measured(0.06))
    yield alarms
    alarms.database.close()


@contextmanager
def _sending(alarms: Alarms, url: str) -> Iterator[Courier]:
    courier = Courier(alarms.outbox, Receiver(url, SECRET), clock=lambda: 1_700_000_000.5, look_s=0.02)
    courier.start()
    try:
        yield courier
    finally:
        courier.stop()


def test_a_message_is_signed_over_time_and_body(alarms: Alarms) -> None:
    """A receiver that knows the secret can check who sent it and when, with nothing but HMAC-SHA256."""
    with webhook_server() as server, _sending(alarms, server.url):
        (post,) = server.wait_for(1)
        eventually(lambda: alarms.outbox.depth() == 0, timeout_s=30, what="the message to be taken")

    expected = hmac.new(SECRET.encode(), b"1700000000." + post.body, hashlib.sha256).hexdigest()
    assert post.headers["Counterfoil-Signature"] == f"t=1700000000,v1={expected}"
    document = json.loads(post.body)
    assert (document["event"], document["id"]) == ("alert.raised", post.headers["Counterfoil-Event-Id"])
    assert (document["alert"]["rule"], document["alert"]["value"]) == ("auc-drop", 0.06)


def test_a_message_that_is_not_taken_is_sent_again_under_its_id(alarms: Alarms) -> None:
    """At least once, with growing pauses; by the id a receiver knows what it has already."""
    with webhook_server(500, 302) as server, _sending(alarms, server.url):
        for attempts in (1, 2):
            server.wait_for(attempts)
            eventually(lambda: alarms.outbox.due() is None, timeout_s=30, what="the pause to begin")
            alarms.clock.go_on(2.0**attempts)
        posts = server.wait_for(3)
        eventually(lambda: alarms.outbox.depth() == 0, timeout_s=30, what="the message to be taken")

    assert len({post.headers["Counterfoil-Event-Id"] for post in posts}) == 1
    assert len({post.body for post in posts}) == 1


def test_messages_outlive_the_monitor(alarms: Alarms, tmp_path: Path) -> None:
    """What was not taken before a restart is sent after it."""
    with _sending(alarms, f"http://127.0.0.1:{free_port()}/nobody"):
        eventually(lambda: alarms.outbox.due() is None, timeout_s=30, what="an attempt in vain")
    after = alarms_in(tmp_path)
    after.clock.go_on(60)

    with webhook_server() as server, _sending(after, server.url):
        (post,) = server.wait_for(1)

    assert json.loads(post.body)["event"] == "alert.raised"


def test_a_receiver_that_hangs_keeps_nobody_waiting(alarms: Alarms) -> None:
    """Alerts are raised and the monitor stops while it hangs; the message stays for the next start."""
    with webhook_server(0) as server:
        with _sending(alarms, server.url):
            server.wait_for(1)
            alarms.alerting.measured(measured(0.01))

        assert alarms.outbox.depth() == 2


def test_one_message_in_trouble_does_not_hold_up_the_others(alarms: Alarms) -> None:
    """Each waits for its own next attempt."""
    alarms.clock.go_on(1)
    alarms.alerting.measured(measured(0.01))

    with webhook_server(500) as server, _sending(alarms, server.url):
        refused, taken = server.wait_for(2)

    assert json.loads(refused.body)["event"] == "alert.raised"
    assert json.loads(taken.body)["event"] == "alert.resolved"


def test_pauses_grow_up_to_ten_minutes(alarms: Alarms) -> None:
    """A receiver that is away for a day is asked about 150 times, and hears of everything when it is back."""
    pauses = []

    with webhook_server(*[503] * 12) as server, _sending(alarms, server.url):
        for attempts in range(1, 13):
            server.wait_for(attempts)
            eventually(lambda: alarms.outbox.due() is None, timeout_s=30, what="the pause to begin")
            pauses.append(_pause(alarms))

    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-2:] == [600, 600]


def test_neither_secret_nor_url_is_ever_logged(alarms: Alarms, caplog: pytest.LogCaptureFixture) -> None:
    """A URL may hold a token as well."""
    url = f"http://127.0.0.1:{free_port()}/token"

    with caplog.at_level(logging.DEBUG), _sending(alarms, url):
        eventually(lambda: alarms.outbox.due() is None, timeout_s=30, what="an attempt in vain")

    said = " ".join(str(record.__dict__) for record in caplog.records) + repr(Receiver(url, SECRET))
    assert "webhook not taken" in said
    assert SECRET not in said
    assert url not in said


@pytest.mark.parametrize(
    ("url", "secret", "variable"),
    [
        ("ftp://host/hook", SECRET, "COUNTERFOIL_WEBHOOK_URL"),
        ("host:80/hook", SECRET, "COUNTERFOIL_WEBHOOK_URL"),
        ("https://", SECRET, "COUNTERFOIL_WEBHOOK_URL"),
        ("https://host/hook", "", "COUNTERFOIL_WEBHOOK_SECRET"),
    ],
)
def test_a_receiver_that_cannot_be_served_is_refused_at_the_start(url: str, secret: str, variable: str) -> None:
    """Unsigned messages are never sent."""
    with pytest.raises(InvalidInput) as refusal:
        receiver_of(url, secret)

    assert [each.field for each in refusal.value.violations] == [variable]
    assert receiver_of("", SECRET) is None


def test_a_signature_depends_on_time_body_and_secret() -> None:
    """Neither can be exchanged."""
    signed = {signature(key, time, body) for key in ("a", "b") for time in (1, 2) for body in (b"x", b"y")}

    assert len(signed) == 8


def _pause(alarms: Alarms) -> int:
    """Return the seconds until the message is due again, having let them pass."""
    passed = 0
    while alarms.outbox.due() is None:
        alarms.clock.go_on(1)
        passed += 1
    return passed
