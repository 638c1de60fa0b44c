"""Retraining: proposed by alerts, decided by people, done by the trainer, and followed until there is a challenger."""

import datetime as dt
import logging
import threading
from collections.abc import Callable, Sequence

from services.monitor.adapters.proposal_table import ProposalTable
from services.monitor.adapters.trainer import Trainer
from services.monitor.domain.alerts import Alert
from services.monitor.domain.retraining import (
    Decision,
    Failure,
    Proposal,
    ProposalState,
    Provenance,
    check_decidable,
    check_reason,
    model_to_retrain,
)
from shared.errors import CounterfoilError, Unavailable
from shared.logs import log_event

_UNCHANGED = Failure(
    "DATA_UNCHANGED",
    "the tables hold what the version was trained on, so the same model would come of it; put newer tables in their "
    "place and wait for the next alert, or train with other settings",
)

_logger = logging.getLogger(__name__)


class Retraining:
    """Keeps proposals, and follows those that were approved in a thread of its own, also across restarts.

    Every step is written down before the next one begins, and each request to the trainer has an id of its own, so that
    one that is sent again after a crash starts nothing twice.
    """

    def __init__(
        self, table: ProposalTable, trainer: Trainer, *, clock: Callable[[], dt.datetime], look_s: float = 2.0
    ) -> None:
        self._table = table
        self._trainer = trainer
        self._clock = clock
        self._look_s = look_s
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retraining", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the call under way; the trainer's jobs go on, and the next start follows them further."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def propose(self, alert: Alert) -> None:
        """Keep the proposal that an alert makes, if its rule makes one and nothing stands against it."""
        model = model_to_retrain(alert)
        proposal = self._table.propose(alert, model) if model else None
        if proposal is not None:
            log_event(_logger, "retraining proposed", proposal=proposal.id, alert=alert.id, model=model)
            self._woken.set()

    def get(self, proposal_id: str) -> Proposal:
        """Return one proposal; raises NotFound (PROPOSAL_NOT_FOUND)."""
        return self._table.get(proposal_id)

    def list(
        self, *, states: Sequence[ProposalState], model: str, page_size: int, before: int
    ) -> tuple[list[Proposal], int]:
        """Return proposals, newest first, and the position to go on `before`: 0 on the last page."""
        return self._table.list(states=states, model=model, page_size=page_size, before=before)

    def unended(self) -> Sequence[Proposal]:
        """Return every proposal that has not ended, oldest first."""
        return self._table.unended()

    def approve(self, proposal_id: str, *, etag: str, caller: str, reason: str) -> Proposal:
        """Approve a proposal; what it asks of the trainer begins soon.

        Raises InvalidInput, NotFound, Precondition (PROPOSAL_DECIDED, ETAG_MISMATCH), and what Trainer.provenance does
        where it is not known yet what to train.
        """
        check_reason(reason)
        proposal = self._table.get(proposal_id)
        check_decidable(proposal, etag)
        if proposal.provenance is None:
            proposal = self._table.note(proposal, self._trainer.provenance(proposal.model_version))
            etag = ""
        approved = self._decide(proposal.id, etag, ProposalState.APPROVED, Decision(caller, self._clock(), reason))
        self._woken.set()
        return approved

    def reject(self, proposal_id: str, *, etag: str, caller: str, reason: str) -> Proposal:
        """Reject a proposal; raises as `approve` does, but never asks the trainer."""
        check_reason(reason)
        return self._decide(proposal_id, etag, ProposalState.REJECTED, Decision(caller, self._clock(), reason))

    def _decide(self, proposal_id: str, etag: str, state: ProposalState, decision: Decision) -> Proposal:
        decided = self._table.decide(proposal_id, etag, state, decision)
        log_event(_logger, "retraining decided", proposal=proposal_id, state=state, caller=decision.caller)
        return decided

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                self._look()
            except Exception:  # the thread's boundary: one bad moment of the database must not end all that follows
                _logger.exception("proposals cannot be followed; trying again")
            self._woken.wait(self._look_s)

    def _look(self) -> None:
        for proposal in self._table.unended():
            try:
                self._follow(proposal)
            except Unavailable as error:
                log_event(_logger, "a proposal waits", proposal=proposal.id, reason=error.reason)
            except CounterfoilError as error:
                self._fail(proposal, Failure(error.reason, error.message))
            if self._stopping.is_set():
                return

    def _follow(self, proposal: Proposal) -> None:
        """Take the proposal's next step, if its time has come."""
        if proposal.provenance is None:
            self._table.note(proposal, self._trainer.provenance(proposal.model_version))
        elif proposal.state is ProposalState.APPROVED and not proposal.dataset:
            self._table.begun_dataset(proposal, self._trainer.create_dataset(proposal, proposal.provenance))
        elif proposal.state is ProposalState.APPROVED:
            self._follow_dataset(proposal, proposal.provenance)
        elif proposal.state is ProposalState.TRAINING:
            self._follow_training(proposal)

    def _follow_dataset(self, proposal: Proposal, provenance: Provenance) -> None:
        made = self._trainer.dataset(proposal.dataset)
        if not made.ended:
            return
        if made.failure is not None:
            self._fail(proposal, made.failure)
        elif made.tables == self._trainer.dataset(provenance.dataset).tables:
            self._fail(proposal, _UNCHANGED)
        else:
            self._table.begun_training(proposal, self._trainer.create_training(proposal, provenance))

    def _follow_training(self, proposal: Proposal) -> None:
        trained = self._trainer.training(proposal.training_job)
        if not trained.ended:
            return
        if trained.failure is not None:
            self._fail(proposal, trained.failure)
            return
        self._trainer.make_challenger(trained.outcome, proposal.promotion_reason)
        self._table.succeed(proposal, trained.outcome)
        log_event(_logger, "a challenger was trained", proposal=proposal.id, model_version=trained.outcome)

    def _fail(self, proposal: Proposal, failure: Failure) -> None:
        self._table.fail(proposal, failure)
        log_event(_logger, "retraining failed", proposal=proposal.id, reason=failure.reason)
