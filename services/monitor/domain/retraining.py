"""Proposals to train a model anew: why, from what, decided by whom, and what came of it."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.monitor.domain.alerts import Alert
from services.monitor.domain.model import split_name
from shared.errors import InvalidInput, Precondition

LONGEST_REASON: Final = 400
# What the trainer takes as the reason for a move of an alias.
_LONGEST_MOVE: Final = 500


class ProposalState(StrEnum):
    """Where a proposal stands."""

    OPEN = "OPEN"
    REJECTED = "REJECTED"
    APPROVED = "APPROVED"
    TRAINING = "TRAINING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def ended(self) -> bool:
        """Whether nothing can change any more."""
        return self in {ProposalState.REJECTED, ProposalState.SUCCEEDED, ProposalState.FAILED}


@dataclass(frozen=True)
class Provenance:
    """What a version was made from: data set and training job by name, and as JSON the requests that make both anew."""

    dataset: str
    training_job: str
    dataset_request: str
    training_request: str


@dataclass(frozen=True)
class Decision:
    """Who decided on a proposal, when, and why."""

    caller: str
    time: dt.datetime
    reason: str


@dataclass(frozen=True)
class Failure:
    """Why nothing came of a proposal: a stable reason and a sentence."""

    reason: str
    message: str


@dataclass(frozen=True)
class Proposal:
    """A proposal as it is kept; `revision` grows with every change. Names are empty until there is such a thing.

    `provenance` is None until the trainer has been asked for it.
    """

    id: str
    alert: str
    model: str
    model_version: str
    why: str
    state: ProposalState
    revision: int
    create_time: dt.datetime
    provenance: Provenance | None = None
    decision: Decision | None = None
    dataset: str = ""
    training_job: str = ""
    challenger: str = ""
    failure: Failure | None = None
    end_time: dt.datetime | None = None

    @property
    def name(self) -> str:
        """The resource name, retrainProposals/{id}."""
        return f"retrainProposals/{self.id}"

    @property
    def etag(self) -> str:
        """A tag that changes whenever anything of the proposal does."""
        return f"{self.id}.{self.revision}"

    @property
    def promotion_reason(self) -> str:
        """What the trainer writes beside the challenger: who approved the training, and why."""
        by = self.decision.caller if self.decision else ""
        why = self.decision.reason if self.decision else ""
        return f"{self.name}, approved by {by}: {why}"[:_LONGEST_MOVE]


def model_to_retrain(alert: Alert) -> str:
    """Return the model that an alert proposes to train anew, empty if it proposes nothing."""
    finding = alert.finding
    if not finding.proposes_retraining or not finding.model_version:
        return ""
    return split_name(finding.model_version, field="model_version")[0]


def check_reason(reason: str) -> None:
    """Raise InvalidInput for a reason that is missing or too long."""
    if not reason.strip():
        raise InvalidInput.of("reason", "is empty; say why, for an auditor")
    if len(reason) > LONGEST_REASON:
        raise InvalidInput.of("reason", f"has {len(reason):,} characters; give at most {LONGEST_REASON}")


def check_decidable(proposal: Proposal, etag: str) -> None:
    """Raise Precondition: PROPOSAL_DECIDED, or ETAG_MISMATCH if it has changed since the etag was read."""
    if proposal.state is not ProposalState.OPEN:
        raise Precondition(
            f"proposal {proposal.id} is {proposal.state}; it was decided on",
            reason="PROPOSAL_DECIDED",
            metadata={"proposal": proposal.id, "state": proposal.state},
        )
    if etag and etag != proposal.etag:
        raise Precondition(
            "the proposal has changed since the etag was read; read it again and decide anew",
            reason="ETAG_MISMATCH",
            metadata={"proposal": proposal.id},
        )
