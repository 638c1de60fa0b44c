"""`counterfoil audit` over a real channel."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from counterfoil.trainer.v1 import governance_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services

_INTACT = governance_pb2.AuditTrailReport(intact=True, head_sequence=9, head_hash="a" * 64)


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def test_list_shows_who_did_what_and_how_it_ended(services: FakeServices) -> None:
    """A refusal with its reason beside it."""
    services.answer("ListAuditEvents", governance_pb2.ListAuditEventsResponse(audit_events=[samples.audit_event()]))

    outcome = services.run("audit", "list", "--resource", "models/credit-default", "--since", "2026-01-02")

    (request,) = services.asked("ListAuditEvents")
    assert (request.resource, request.start_time.ToDatetime(UTC)) == (
        "models/credit-default",
        datetime(2026, 1, 2, tzinfo=UTC),
    )
    assert not request.HasField("end_time")
    for word in ("CN=officer", "PromoteModelVersion", "alias=champion", "cheaper", "SAME_APPROVER"):
        assert word in outcome.stdout


def test_list_says_how_to_go_on(services: FakeServices) -> None:
    """The token is on stderr, so that the table stays a table."""
    services.answer("ListAuditEvents", governance_pb2.ListAuditEventsResponse(next_page_token="t7"))  # noqa: S106  a page's

    assert "--page-token t7" in services.run("audit", "list").stderr


def test_verify_prints_the_head_to_keep(services: FakeServices) -> None:
    """In the form that --known takes."""
    services.answer("VerifyAuditTrail", _INTACT)

    outcome = services.run("audit", "verify")
    services.run("audit", "verify", "--known", f"9:{'a' * 64}")

    assert outcome.exit_code == 0
    assert f"9:{'a' * 64}" in outcome.stdout
    first, second = services.asked("VerifyAuditTrail")
    assert (first.known_sequence, second.known_sequence, second.known_hash) == (0, 9, "a" * 64)


def test_verify_fails_where_the_trail_is_broken(services: FakeServices) -> None:
    """A nightly job notices by the exit code."""
    broken = governance_pb2.AuditTrailReport(broken_sequence=4, problem="this link is missing")
    services.answer("VerifyAuditTrail", broken)

    outcome = services.run("audit", "verify")

    assert outcome.exit_code == 1
    assert "link 4 of the audit trail: this link is missing (AUDIT_TRAIL_BROKEN)" in outcome.stderr


@pytest.mark.parametrize("known", ["9", ":abc", "9:", "x:abc", f"{'9' * 19}:abc"])
def test_head_of_another_form_is_wrong_usage(services: FakeServices, known: str) -> None:
    """The service is not asked."""
    outcome = services.run("audit", "verify", "--known", known)

    assert outcome.exit_code == 2
    assert services.asked("VerifyAuditTrail") == []
