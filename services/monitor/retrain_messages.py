"""Retrain proposals between messages and the domain."""

import re
from collections.abc import Mapping

from google.protobuf.json_format import Parse

from counterfoil.monitor.v1 import retraining_pb2
from counterfoil.types.v1 import job_pb2
from services.monitor.domain.retraining import Proposal, ProposalState
from shared.errors import InvalidInput
from shared.rpc.times import timestamp_of

_NAME = re.compile(r"retrainProposals/([a-z0-9-]{1,64})")
_MODEL = re.compile(r"models/([a-z][a-z0-9-]{0,62})")
_STATES: Mapping[ProposalState, retraining_pb2.RetrainProposalState.ValueType] = {
    ProposalState.OPEN: retraining_pb2.RETRAIN_PROPOSAL_STATE_OPEN,
    ProposalState.REJECTED: retraining_pb2.RETRAIN_PROPOSAL_STATE_REJECTED,
    ProposalState.APPROVED: retraining_pb2.RETRAIN_PROPOSAL_STATE_APPROVED,
    ProposalState.TRAINING: retraining_pb2.RETRAIN_PROPOSAL_STATE_TRAINING,
    ProposalState.SUCCEEDED: retraining_pb2.RETRAIN_PROPOSAL_STATE_SUCCEEDED,
    ProposalState.FAILED: retraining_pb2.RETRAIN_PROPOSAL_STATE_FAILED,
}


def proposal_id_from_proto(name: str) -> str:
    """Return the id in retrainProposals/{id}; raises InvalidInput for another name."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise InvalidInput.of("name", "is not of the form retrainProposals/{id}")
    return match[1]


def model_from_proto(name: str) -> str:
    """Return the model to filter by, "" for all; raises InvalidInput for another name."""
    match = _MODEL.fullmatch(name)
    if name and match is None:
        raise InvalidInput.of("model", "is not of the form models/{model}")
    return match[1] if match else ""


def states_from_proto(request: retraining_pb2.ListRetrainProposalsRequest) -> tuple[ProposalState, ...]:
    """Return the states to filter by, none for all; raises InvalidInput for what is no state."""
    by_value = {proto: state for state, proto in _STATES.items()}
    for place, value in enumerate(request.states):
        if value not in by_value:
            raise InvalidInput.of(f"states[{place}]", f"must be one of {', '.join(ProposalState)}")
    return tuple(by_value[value] for value in request.states)


def proposal_to_proto(proposal: Proposal) -> retraining_pb2.RetrainProposal:
    """Return the proposal as it goes over the wire."""
    decision, failure = proposal.decision, proposal.failure
    message = retraining_pb2.RetrainProposal(
        name=proposal.name,
        state=_STATES[proposal.state],
        model=f"models/{proposal.model}",
        model_version=proposal.model_version,
        alert=f"alerts/{proposal.alert}",
        why=proposal.why,
        create_time=timestamp_of(proposal.create_time),
        etag=proposal.etag,
        decided_by=decision.caller if decision else "",
        decide_time=timestamp_of(decision.time) if decision else None,
        decision_reason=decision.reason if decision else "",
        dataset=proposal.dataset,
        training_job=proposal.training_job,
        challenger=proposal.challenger,
        error=job_pb2.JobError(reason=failure.reason, message=failure.message) if failure else None,
        end_time=timestamp_of(proposal.end_time),
    )
    if proposal.provenance is not None:
        message.source_dataset = proposal.provenance.dataset
        message.source_training_job = proposal.provenance.training_job
        Parse(proposal.provenance.dataset_request, message.dataset_request)
        Parse(proposal.provenance.training_request, message.training_request)
    return message
