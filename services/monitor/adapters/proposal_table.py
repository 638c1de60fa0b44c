"""Retrain proposals in the monitor's database, told to the outbox with each step."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from services.monitor.adapters.outbox import Outbox
from services.monitor.domain.alerts import Alert
from services.monitor.domain.retraining import Decision, Failure, Proposal, ProposalState, Provenance, check_decidable
from shared.database import Database, time_of, time_text
from shared.errors import NotFound

_PROPOSALS = Table(
    "retrain_proposals",
    MetaData(),
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    # The model while the proposal has not ended: there is one a model.
    Column("open_model", String(64), unique=True),
    Column("alert", String(64), nullable=False, unique=True),
    Column("model", String(64), nullable=False),
    Column("model_version", String(256), nullable=False),
    Column("why", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("create_time", String(32), nullable=False),
    Column("source_dataset", Text),
    Column("source_training_job", Text),
    Column("dataset_request", Text),
    Column("training_request", Text),
    Column("decided_by", Text),
    Column("decide_time", String(32)),
    Column("reason", Text),
    Column("dataset", Text, nullable=False, default=""),
    Column("training_job", Text, nullable=False, default=""),
    Column("challenger", Text, nullable=False, default=""),
    Column("error_reason", String(128)),
    Column("error_message", Text),
    Column("end_time", String(32)),
    Index("retrain_proposals_by_state", "state", "sequence"),
)


@dataclass(frozen=True)
class ProposalTable:
    """Every proposal there ever was. On return from a method what it did is on disk.

    Each method raises Unavailable (MONITOR_DATABASE_UNAVAILABLE) where it cannot be.
    """

    database: Database
    outbox: Outbox
    clock: Callable[[], dt.datetime]
    new_id: Callable[[], str]

    def __post_init__(self) -> None:
        """Make the table where it is absent."""
        self.database.create_tables(_PROPOSALS)

    def propose(self, alert: Alert, model: str) -> Proposal | None:
        """Keep a proposal that an alert makes; None if it made one before, or the model has one that has not ended."""
        new = {
            "id": f"rp-{self.new_id()}",
            "open_model": model,
            "alert": alert.id,
            "model": model,
            "model_version": alert.finding.model_version,
            "why": alert.finding.message,
            "state": ProposalState.OPEN,
            "create_time": time_text(self.clock()),
        }
        # A unique key stands against a second one, also where two threads propose at once.
        with suppress(IntegrityError), self.database.transaction() as connection:
            if connection.execute(_like(alert.id, model)).first() is not None:
                return None
            made = _proposal(connection.execute(insert(_PROPOSALS).values(new).returning(_PROPOSALS)).one())
            self.outbox.put(connection, "retrain_proposal.made", document_of(made))
            return made
        return None

    def get(self, proposal_id: str) -> Proposal:
        """Return one proposal; raises NotFound (PROPOSAL_NOT_FOUND)."""
        with self.database.transaction() as connection:
            return _one(connection, proposal_id)

    def list(
        self, *, states: Sequence[ProposalState] = (), model: str = "", page_size: int, before: int = 0
    ) -> tuple[list[Proposal], int]:
        """Return proposals, newest first, and the position to go on `before`: 0 on the last page."""
        query = select(_PROPOSALS)
        if states:
            query = query.where(_PROPOSALS.c.state.in_(states))
        if model:
            query = query.where(_PROPOSALS.c.model == model)
        rows, after = self.database.newest(query, _PROPOSALS.c.sequence, page_size=page_size, before=before or None)
        return [_proposal(row) for row in rows], after or 0

    def unended(self) -> Sequence[Proposal]:
        """Return every proposal that has not ended, oldest first."""
        query = select(_PROPOSALS).where(_PROPOSALS.c.open_model.is_not(None)).order_by(_PROPOSALS.c.sequence)
        with self.database.transaction() as connection:
            return [_proposal(row) for row in connection.execute(query)]

    def decide(self, proposal_id: str, etag: str, state: ProposalState, decision: Decision) -> Proposal:
        """Approve or reject an open proposal; raises NotFound, and what `check_decidable` does."""
        values = {"state": state, "decided_by": decision.caller, "decide_time": time_text(decision.time)}
        with self.database.transaction() as connection:
            open_one = _PROPOSALS.c.state == ProposalState.OPEN
            # The write comes first: of two that decide at once, the second waits here and then finds it decided.
            held = update(_PROPOSALS).where(_PROPOSALS.c.id == proposal_id, open_one).values(id=_PROPOSALS.c.id)
            connection.execute(held)
            known = _one(connection, proposal_id)
            check_decidable(known, etag)
            return self._write(connection, known, **values, reason=decision.reason)

    def note(self, proposal: Proposal, provenance: Provenance) -> Proposal:
        """Keep what the proposal's version was made from."""
        return self._change(
            proposal,
            source_dataset=provenance.dataset,
            source_training_job=provenance.training_job,
            dataset_request=provenance.dataset_request,
            training_request=provenance.training_request,
        )

    def begun_dataset(self, proposal: Proposal, dataset: str) -> Proposal:
        """Keep which data set is made for a proposal."""
        return self._change(proposal, dataset=dataset)

    def begun_training(self, proposal: Proposal, training_job: str) -> Proposal:
        """Keep which training runs for a proposal."""
        return self._change(proposal, state=ProposalState.TRAINING, training_job=training_job)

    def succeed(self, proposal: Proposal, challenger: str) -> Proposal:
        """End a proposal: its version is the challenger."""
        return self._change(proposal, state=ProposalState.SUCCEEDED, challenger=challenger)

    def fail(self, proposal: Proposal, failure: Failure) -> Proposal:
        """End a proposal of which nothing came."""
        said = {"error_reason": failure.reason, "error_message": failure.message}
        return self._change(proposal, state=ProposalState.FAILED, **said)

    def _change(self, proposal: Proposal, **values: Any) -> Proposal:
        with self.database.transaction() as connection:
            return self._write(connection, proposal, **values)

    def _write(self, connection: Connection, proposal: Proposal, **values: Any) -> Proposal:
        """Change a proposal that is still as it was read, and tell of a new state; else return it as it is now."""
        if values.get("state", proposal.state).ended:
            values |= {"open_model": None, "end_time": time_text(self.clock())}
        this = (_PROPOSALS.c.id == proposal.id, _PROPOSALS.c.revision == proposal.revision)
        change = update(_PROPOSALS).where(*this).values(**values, revision=proposal.revision + 1)
        row = connection.execute(change.returning(_PROPOSALS)).one_or_none()
        if row is None:
            return _one(connection, proposal.id)
        written = _proposal(row)
        if written.state is not proposal.state:
            self.outbox.put(connection, f"retrain_proposal.{written.state.lower()}", document_of(written))
        return written


def document_of(proposal: Proposal) -> Mapping[str, Any]:
    """Return what a webhook is told of a proposal."""
    document = {
        "name": proposal.name,
        "state": proposal.state,
        "model_version": proposal.model_version,
        "alert": f"alerts/{proposal.alert}",
        "why": proposal.why,
        "decided_by": proposal.decision.caller if proposal.decision else None,
        "challenger": proposal.challenger or None,
        "error": asdict(proposal.failure) if proposal.failure else None,
    }
    return {"retrain_proposal": document}


def _like(alert_id: str, model: str) -> Any:
    same = or_(_PROPOSALS.c.alert == alert_id, _PROPOSALS.c.open_model == model)
    return select(_PROPOSALS.c.sequence).where(same).limit(1)


def _one(connection: Connection, proposal_id: str) -> Proposal:
    row = connection.execute(select(_PROPOSALS).where(_PROPOSALS.c.id == proposal_id)).one_or_none()
    if row is None:
        message = f"there is no retrain proposal {proposal_id}; `counterfoil retrain list` shows those there are"
        raise NotFound(message, reason="PROPOSAL_NOT_FOUND", metadata={"proposal": proposal_id})
    return _proposal(row)


def _proposal(row: Row[Any]) -> Proposal:
    made_from, decision, failure = None, None, None
    if row.source_dataset is not None:
        requests = (row.dataset_request, row.training_request)
        made_from = Provenance(row.source_dataset, row.source_training_job, *requests)
    if row.decided_by is not None:
        decision = Decision(row.decided_by, time_of(row.decide_time), row.reason)
    if row.error_reason is not None:
        failure = Failure(row.error_reason, row.error_message)
    return Proposal(
        id=row.id,
        alert=row.alert,
        model=row.model,
        model_version=row.model_version,
        why=row.why,
        state=ProposalState(row.state),
        revision=row.revision,
        create_time=time_of(row.create_time),
        provenance=made_from,
        decision=decision,
        dataset=row.dataset,
        training_job=row.training_job,
        challenger=row.challenger,
        failure=failure,
        end_time=row.end_time and time_of(row.end_time),
    )
