"""`counterfoil alerts` and `counterfoil retrain` over a real channel."""

from collections.abc import Iterator

import pytest

from counterfoil.monitor.v1 import alert_pb2, retraining_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def test_alerts_are_listed_by_state_severity_and_version(services: FakeServices) -> None:
    """One line each; how to go on is on stderr."""
    page = alert_pb2.ListAlertsResponse(alerts=[samples.alert()], next_page_token="t7")  # noqa: S106  a page's
    services.answer("ListAlerts", page)

    filters = ("--state", "raised", "--state", "acknowledged", "--severity", "critical", "--model", "2")
    outcome = services.run("alerts", "list", *filters)

    (request,) = services.asked("ListAlerts")
    assert [*request.states] == [alert_pb2.ALERT_STATE_RAISED, alert_pb2.ALERT_STATE_ACKNOWLEDGED]
    assert (request.severity, request.model_version) == (alert_pb2.ALERT_SEVERITY_CRITICAL, samples.VERSION)
    for word in ("al-1", "acknowledged", "critical", "auc-drop", "credit-default/2"):
        assert word in outcome.stdout
    assert "--page-token t7" in outcome.stderr


def test_an_alert_shows_what_was_found_and_who_has_seen_it(services: FakeServices) -> None:
    """The sentence first; figures as people read them."""
    services.answer("GetAlert", samples.alert())

    outcome = services.run("alerts", "show", "al-1")

    assert services.asked("GetAlert")[0].name == "alerts/al-1"
    for word in ("the loss of AUC is 0.06", "auc-drop (watches auc_drop)", "5,000", "CN=officer, 20", "looking"):
        assert word in outcome.stdout


def test_an_alert_is_acknowledged_with_a_note(services: FakeServices) -> None:
    """By its id alone or its whole name."""
    services.answer("AcknowledgeAlert", samples.alert())

    services.run("alerts", "acknowledge", "alerts/al-1", "--note", "looking")

    (request,) = services.asked("AcknowledgeAlert")
    assert (request.name, request.note) == ("alerts/al-1", "looking")


def test_proposals_are_listed_by_state_and_model(services: FakeServices) -> None:
    """With what came of them."""
    services.answer(
        "ListRetrainProposals", retraining_pb2.ListRetrainProposalsResponse(retrain_proposals=[samples.proposal()])
    )

    outcome = services.run("retrain", "list", "--state", "succeeded", "--model", "credit-default")

    (request,) = services.asked("ListRetrainProposals")
    assert [*request.states] == [retraining_pb2.RETRAIN_PROPOSAL_STATE_SUCCEEDED]
    assert request.model == "models/credit-default"
    for word in ("rp-1", "succeeded", "CN=officer", "credit-default/3"):
        assert word in outcome.stdout


def test_a_proposal_shows_why_from_what_and_how(services: FakeServices) -> None:
    """All that one decides by, and the etag to decide with."""
    services.answer("GetRetrainProposal", samples.proposal())

    outcome = services.run("retrain", "show", "rp-1")

    for word in (
        "loss of AUC",
        "live, as it is then",
        "datasets/ds-1",
        "lightgbm, tpe search over num_leaves",
        "rp-1.4",
    ):
        assert word in outcome.stdout


def test_a_proposal_whose_settings_are_not_known_says_so(services: FakeServices) -> None:
    """The trainer was away when it was made."""
    bare = retraining_pb2.RetrainProposal(
        name="retrainProposals/rp-1",
        state=retraining_pb2.RETRAIN_PROPOSAL_STATE_FAILED,
    )
    bare.error.reason, bare.error.message = "DATA_UNCHANGED", "nothing new"
    services.answer("GetRetrainProposal", bare)

    outcome = services.run("retrain", "show", "rp-1")

    assert "the trainer does not answer" in outcome.stdout
    assert "nothing new (DATA_UNCHANGED)" in outcome.stdout


@pytest.mark.parametrize(
    ("verb", "method"), [("approve", "ApproveRetrainProposal"), ("reject", "RejectRetrainProposal")]
)
def test_a_decision_is_sent_with_its_reason_and_etag(services: FakeServices, verb: str, method: str) -> None:
    """Without a reason the service is not even asked."""
    services.answer(method, samples.proposal())

    without = services.run("retrain", verb, "rp-1")
    services.run("retrain", verb, "rp-1", "--reason", "the bureau changed", "--etag", "rp-1.2")

    assert without.exit_code == 2
    (request,) = services.asked(method)
    assert (request.name, request.reason, request.etag) == ("retrainProposals/rp-1", "the bureau changed", "rp-1.2")


def test_a_challenger_is_shown_beside_what_was_decided(services: FakeServices) -> None:
    """By default the challenger of the champion's model; where they disagree, and what both cost."""
    services.answer("CompareChallenger", samples.challenger())

    outcome = services.run("retrain", "compare", "--last", "1000")

    (request,) = services.asked("CompareChallenger")
    assert (request.model_version, request.challenger) == ("models/credit-default/versions/champion", "")
    assert (request.window.last_count, request.max_rows) == (1_000, 20_000)
    for word in ("OWN_CAR_AGE (not logged)", "known outcomes", "60.0%", "-0.1", "refuse"):
        assert word in outcome.stdout
