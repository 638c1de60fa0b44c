"""What people see of retrain proposals."""

from collections.abc import Iterable
from typing import Final

from rich.console import RenderableType

from counterfoil.cli.views.layout import facts, identifier, listing, moment, short_version, word
from counterfoil.monitor.v1 import retraining_pb2
from counterfoil.trainer.v1 import dataset_pb2, training_pb2

_STATE: Final = retraining_pb2.RetrainProposalState.DESCRIPTOR
_METHOD: Final = training_pb2.SearchMethod.DESCRIPTOR


def proposal_list_view(proposals: Iterable[retraining_pb2.RetrainProposal]) -> RenderableType:
    """Return one line for each proposal."""
    rows = [
        (
            identifier(proposal.name),
            word(_STATE, proposal.state),
            short_version(proposal.model_version),
            identifier(proposal.alert),
            moment(proposal.create_time),
            proposal.decided_by,
            short_version(proposal.challenger) or proposal.error.reason,
        )
        for proposal in proposals
    ]
    return listing(("proposal", "state", "version", "alert", "proposed", "decided by", "outcome"), rows)


def proposal_view(proposal: retraining_pb2.RetrainProposal) -> RenderableType:
    """Return everything about a proposal."""
    decided = f"{proposal.decided_by}, {moment(proposal.decide_time)}: {proposal.decision_reason}"
    error = proposal.error
    return facts(
        [
            ("proposal", proposal.name),
            ("state", word(_STATE, proposal.state)),
            ("version", proposal.model_version),
            ("why", proposal.why),
            ("alert", proposal.alert),
            ("from which data", _source(proposal)),
            ("with which settings", _settings(proposal)),
            ("etag", proposal.etag),
            ("decided by", decided if proposal.decided_by else ""),
            ("data set", proposal.dataset),
            ("training job", proposal.training_job),
            ("challenger", proposal.challenger),
            ("error", f"{error.message} ({error.reason})" if error.reason else ""),
            ("ended", moment(proposal.end_time)),
        ]
    )


def _source(proposal: retraining_pb2.RetrainProposal) -> str:
    if not proposal.HasField("dataset_request"):
        return "not known yet: the trainer does not answer"
    request: dataset_pb2.CreateDatasetRequest = proposal.dataset_request
    where = request.prepared.path or request.home_credit.directory
    return f"{where}, as it is then (as {proposal.source_dataset} was made)"


def _settings(proposal: retraining_pb2.RetrainProposal) -> str:
    if not proposal.HasField("training_request"):
        return ""
    request = proposal.training_request
    names = ", ".join(sorted(request.grid)) or "no hyper-parameter"
    search = word(_METHOD, request.search.method)
    return f"{request.classifier}, {search} search over {names} (as {proposal.source_training_job})"
