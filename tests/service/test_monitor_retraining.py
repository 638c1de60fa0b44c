"""From alert to challenger, with a trainer over a real channel whose answers are written beforehand."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.rpc import code_pb2

from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from counterfoil.types.v1 import job_pb2
from services.monitor.domain.retraining import ProposalState
from shared.errors import CounterfoilError, InvalidInput, NotFound, Precondition, Unavailable
from tests.processes import free_port
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services
from tests.service.retrainings import (
    NEW_TABLE,
    NEW_VERSION,
    OLD_TABLE,
    RUNNING,
    Retrainings,
    dataset,
    knows_the_past,
    retraining_in,
    training,
)
from tests.unit.monitor.alarms import measured

OFFICER = {"caller": "CN=officer", "etag": ""}


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake trainer."""
    with fake_services() as fake:
        yield fake


@pytest.fixture
def retrainings(services: FakeServices, tmp_path: Path) -> Iterator[Retrainings]:
    """Run retraining that knows what the version was made from."""
    knows_the_past(services)
    with retraining_in(tmp_path, services.address) as running:
        yield running


def _trains(services: FakeServices) -> None:
    """Let the trainer make a data set of new tables, and a version on it, each after a look in vain."""
    services.forget("CreateDataset", "GetDataset", "GetTrainingJob", "GetModelVersion")
    services.answer("CreateDataset", dataset("ds-new", "", RUNNING))
    services.answer("GetDataset", dataset("ds-new", "", RUNNING))
    services.answer("GetDataset", dataset("ds-new", NEW_TABLE))
    services.answer("GetDataset", dataset("ds-old", OLD_TABLE))
    services.answer("CreateTrainingJob", training("tj-new", RUNNING))
    services.answer("GetTrainingJob", training("tj-new", RUNNING))
    services.answer("GetTrainingJob", training("tj-new", version=NEW_VERSION))
    services.answer("GetModelVersion", training_pb2.ModelVersion(name=NEW_VERSION, etag="aliases-1"))
    services.answer("PromoteModelVersion", training_pb2.ModelVersion(name=NEW_VERSION, aliases=["challenger"]))


def _refused(call: Callable[[], object]) -> CounterfoilError:
    with pytest.raises(CounterfoilError) as refusal:
        call()
    return refusal.value


def test_a_proposal_says_why_from_what_and_how(retrainings: Retrainings) -> None:
    """Whoever approves sees the alert's figures, the tables, and the settings of the version's own training."""
    proposal = retrainings.settled(retrainings.propose())

    assert proposal.state is ProposalState.OPEN
    assert "loss of AUC" in proposal.why
    assert proposal.alert == retrainings.alarms.proposing[0].id
    assert proposal.provenance is not None
    assert (proposal.provenance.dataset, proposal.provenance.training_job) == ("datasets/ds-old", "trainingJobs/tj-old")
    data = json.loads(proposal.provenance.dataset_request)
    assert data["homeCredit"] == {"directory": "live", "features": "FEATURE_SET_EXTENDED"}
    assert (data["testShare"], data["seed"], data["options"]["imputation"]) == (0.25, "3", "IMPUTATION_NONE")
    settings = json.loads(proposal.provenance.training_request)
    assert (settings["classifier"], settings["folds"], settings["seed"]) == ("lightgbm", 4, "11")
    assert settings["search"] == {"method": "SEARCH_METHOD_TPE", "maxTrials": 7}
    assert settings["grid"]["num_leaves"]["values"] == [{"integer": "8"}]
    assert settings["costs"]["falseNegative"] == 12


def test_a_model_has_one_open_proposal_and_an_alert_proposes_once(retrainings: Retrainings) -> None:
    """A lasting condition makes no heap of proposals, nor does one that somebody has rejected come back."""
    first = retrainings.propose()
    retrainings.propose()
    retrainings.retraining.reject(first.id, reason="a holiday, not drift", **OFFICER)
    retrainings.propose()

    assert retrainings.newest().id == first.id

    retrainings.alarms.alerting.measured(measured(0.01))
    again = retrainings.propose()

    assert (again.id != first.id, again.state) == (True, ProposalState.OPEN)


def test_an_approved_proposal_ends_with_a_challenger(services: FakeServices, retrainings: Retrainings) -> None:
    """New data from the same tables, the same settings, in the approver's name; champion is never touched."""
    proposal = retrainings.settled(retrainings.propose())
    _trains(services)

    retrainings.retraining.approve(proposal.id, caller="CN=officer", etag=proposal.etag, reason="the bureau changed")
    ended = retrainings.ended(proposal)

    assert (ended.state, ended.challenger) == (ProposalState.SUCCEEDED, NEW_VERSION)
    assert (ended.dataset, ended.training_job) == ("datasets/ds-new", "trainingJobs/tj-new")
    (made,) = services.asked("CreateDataset")
    assert (made.home_credit.directory, made.request_id) == ("live", f"{proposal.id}/dataset")
    assert list(made.barred_columns) == ["CODE_GENDER"]
    (trained,) = services.asked("CreateTrainingJob")
    assert (trained.dataset, trained.on_behalf_of) == ("datasets/ds-new", "CN=officer")
    assert (trained.folds, trained.search.max_trials, trained.request_id) == (4, 7, f"{proposal.id}/training")
    (promoted,) = services.asked("PromoteModelVersion")
    assert (promoted.name, promoted.alias, promoted.etag) == (NEW_VERSION, "challenger", "aliases-1")
    assert promoted.reason == f"retrainProposals/{proposal.id}, approved by CN=officer: the bureau changed"


def test_every_step_is_told_to_the_webhook(services: FakeServices, retrainings: Retrainings) -> None:
    """Whoever waits for the challenger need not poll."""
    proposal = retrainings.settled(retrainings.propose())
    _trains(services)
    retrainings.retraining.approve(proposal.id, reason="yes", **OFFICER)
    retrainings.ended(proposal)

    outbox, events = retrainings.alarms.outbox, []
    while (message := outbox.due()) is not None:
        events.append(json.loads(message.body)["event"])
        outbox.taken(message)

    steps = [f"retrain_proposal.{step}" for step in ("made", "approved", "training", "succeeded")]
    assert events == ["alert.raised", *steps]


def test_unchanged_tables_are_not_trained_on_again(services: FakeServices, retrainings: Retrainings) -> None:
    """The same rows with the same seeds give the same model: no challenger."""
    proposal = retrainings.settled(retrainings.propose())
    services.forget("GetDataset")
    services.answer("CreateDataset", dataset("ds-new", OLD_TABLE))
    services.answer("GetDataset", dataset("ds-new", OLD_TABLE))

    retrainings.retraining.approve(proposal.id, reason="yes", **OFFICER)
    ended = retrainings.ended(proposal)

    assert ended.failure is not None
    assert (ended.state, ended.failure.reason) == (ProposalState.FAILED, "DATA_UNCHANGED")
    assert services.asked("CreateTrainingJob") == []


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (
            job_pb2.Job(
                state=job_pb2.JOB_STATE_FAILED, error=job_pb2.JobError(reason="TABLE_MISSING", message="it is gone")
            ),
            "TABLE_MISSING",
        ),
        (job_pb2.Job(state=job_pb2.JOB_STATE_CANCELLED), "CANCELLED"),
    ],
)
def test_a_job_that_ends_badly_ends_the_proposal_with_its_reason(
    services: FakeServices, retrainings: Retrainings, job: job_pb2.Job, reason: str
) -> None:
    """The model may then be proposed again."""
    proposal = retrainings.settled(retrainings.propose())
    services.forget("GetDataset")
    services.answer("CreateDataset", dataset("ds-new", "", RUNNING))
    services.answer("GetDataset", dataset("ds-new", "", job))

    retrainings.retraining.approve(proposal.id, reason="yes", **OFFICER)
    ended = retrainings.ended(proposal)

    assert ended.failure is not None
    assert (ended.failure.reason, ended.end_time) == (reason, retrainings.alarms.clock.now)


def test_what_the_trainer_refuses_ends_the_proposal(services: FakeServices, retrainings: Retrainings) -> None:
    """It would refuse it again."""
    proposal = retrainings.settled(retrainings.propose())
    services.answer("CreateDataset", samples.refusal(code_pb2.INVALID_ARGUMENT, "INVALID_FIELD", "no such folder"))

    retrainings.retraining.approve(proposal.id, reason="yes", **OFFICER)
    ended = retrainings.ended(proposal)

    assert ended.failure is not None
    assert (ended.failure.reason, ended.failure.message) == ("INVALID_FIELD", "no such folder")


def test_a_trainer_that_is_away_is_waited_for(services: FakeServices, tmp_path: Path) -> None:
    """An alert still makes its proposal; it can be approved when it is known what to train."""
    nobody = f"127.0.0.1:{free_port()}"
    with retraining_in(tmp_path, nobody) as alone:
        proposal = alone.propose()
        refusal = _refused(lambda: alone.retraining.approve(proposal.id, reason="yes", **OFFICER))
    knows_the_past(services)

    with retraining_in(tmp_path, services.address, starts=False) as again:
        approved = again.retraining.approve(proposal.id, reason="yes", **OFFICER)

    assert isinstance(refusal, Unavailable)
    assert refusal.reason == "TRAINER_UNAVAILABLE"
    assert (approved.state, approved.provenance is not None) == (ProposalState.APPROVED, True)


def test_a_restarted_monitor_goes_on_where_it_was(services: FakeServices, tmp_path: Path) -> None:
    """Also if it died after the trainer had begun, and before that was written down: the request has the same id."""
    knows_the_past(services)
    with retraining_in(tmp_path, services.address) as first:
        proposal = first.settled(first.propose())
        services.answer("CreateDataset", samples.refusal(code_pb2.UNAVAILABLE, "", "the answer was lost"))
        first.retraining.approve(proposal.id, reason="yes", **OFFICER)
        first.in_state(proposal, ProposalState.APPROVED)
    _trains(services)

    with retraining_in(tmp_path, services.address) as second:
        ended = second.ended(proposal)

    assert ended.state is ProposalState.SUCCEEDED
    requests = services.asked("CreateDataset")
    assert len({request.request_id for request in requests}) == 1
    assert len(services.asked("CreateTrainingJob")) == 1


def test_a_proposal_is_decided_once(retrainings: Retrainings) -> None:
    """Neither approved twice, nor approved after it was rejected."""
    proposal = retrainings.settled(retrainings.propose())
    rejected = retrainings.retraining.reject(proposal.id, etag=proposal.etag, caller="CN=officer", reason="no")

    refusal = _refused(lambda: retrainings.retraining.approve(proposal.id, reason="yes", **OFFICER))

    assert (type(refusal), refusal.reason) == (Precondition, "PROPOSAL_DECIDED")
    assert refusal.metadata["state"] == "REJECTED"
    assert rejected.decision is not None
    assert (rejected.decision.caller, rejected.decision.reason) == ("CN=officer", "no")
    assert rejected.end_time is not None


def test_a_proposal_that_has_changed_since_it_was_read_is_not_decided(retrainings: Retrainings) -> None:
    """Whoever approves must have seen what will be trained."""
    unread = retrainings.propose().etag
    proposal = retrainings.settled(retrainings.newest())

    refusal = _refused(lambda: retrainings.retraining.reject(proposal.id, caller="CN=a", etag="rp-0.9", reason="no"))

    assert proposal.etag != unread
    assert refusal.reason == "ETAG_MISMATCH"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 401])
def test_a_decision_needs_a_reason(retrainings: Retrainings, reason: str) -> None:
    """An auditor asks for it years later."""
    for decide in (retrainings.retraining.approve, retrainings.retraining.reject):
        with pytest.raises(InvalidInput, match="reason"):
            decide("rp-1", caller="CN=officer", etag="", reason=reason)


def test_a_proposal_that_is_not_there_is_named(retrainings: Retrainings) -> None:
    """By approve and reject alike."""
    for decide in (retrainings.retraining.approve, retrainings.retraining.reject):
        with pytest.raises(NotFound) as refusal:
            decide("rp-none", caller="CN=officer", etag="", reason="why not")
        assert refusal.value.reason == "PROPOSAL_NOT_FOUND"


def test_a_version_of_a_prepared_table_is_made_from_that_table_again(services: FakeServices, tmp_path: Path) -> None:
    """With its columns, words and bounds."""
    prepared = dataset_pb2.PreparedTable(path="loans.parquet", id_column="id", target_column="bad")
    old = dataset("ds-old", OLD_TABLE)
    old.prepared.CopyFrom(prepared)
    services.answer("GetDataset", old)
    knows_the_past(services)

    with retraining_in(tmp_path, services.address) as running:
        proposal = running.settled(running.propose())

    assert proposal.provenance is not None
    assert json.loads(proposal.provenance.dataset_request)["prepared"]["path"] == "loans.parquet"
