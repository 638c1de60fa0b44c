"""One request_id, one answer, although several processes with spools of their own answer on one port."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from services.scorer.adapters.spool import AnswerKey, StoredAnswer
from services.scorer.desk import Answering, Outcome, call_ended, told_before
from services.scorer.domain.requests import Question, content_digest
from services.scorer.recording import answer_key
from shared.errors import InvalidInput

PAUSE_SECONDS: Final = 0.002


class OtherAnswers(Protocol):
    """The answers that other processes have given."""

    def find(self, call: AnswerKey) -> Mapping[int, StoredAnswer]:
        """Return those about a call, by row."""


class Locks(Protocol):
    """Which process answers a call."""

    def hold(self, call: AnswerKey) -> bool:
        """Return whether this one does now."""

    def release(self, call: AnswerKey) -> None:
        """Let others."""


class OnceAmongProcesses:
    """Answers as a desk does, but a call with a request_id only where no other process has answered it or does so now.

    The call is held from before the others' answers are looked at until its own is on disk; see docs/adr/0023.
    """

    def __init__(self, answer: Answering, others: OtherAnswers, locks: Locks) -> None:
        self._answer = answer
        self._others = others
        self._locks = locks

    def answer(self, questions: Sequence[Question | InvalidInput], still_wanted: Callable[[], bool]) -> list[Outcome]:
        """Return the outcome of each question, in order, as the desk does; an answer given elsewhere is given again.

        Raises what the desk raises, Unavailable also if the other spools cannot be read (SPOOL_FAILED) or nobody waits
        any more while another process answers (CALL_ENDED).
        """
        call = next((answer_key(each) for each in questions if isinstance(each, Question)), None)
        if call is None:
            return self._answer(questions, still_wanted)
        while not self._locks.hold(call):
            told = self._told(call, questions)
            if len(told) == len(questions):
                return list(told.values())
            if not still_wanted():
                raise call_ended()
            time.sleep(PAUSE_SECONDS)
        try:
            return self._rest(questions, self._told(call, questions), still_wanted)
        finally:
            self._locks.release(call)

    def _told(self, call: AnswerKey, questions: Sequence[Question | InvalidInput]) -> dict[int, Outcome]:
        """Return what other processes have said, by the question's place."""
        stored = self._others.find(call)
        return {
            place: told_before(stored[each.row], content_digest(each))
            for place, each in enumerate(questions)
            if isinstance(each, Question) and each.row in stored
        }

    def _rest(
        self,
        questions: Sequence[Question | InvalidInput],
        told: Mapping[int, Outcome],
        still_wanted: Callable[[], bool],
    ) -> list[Outcome]:
        """Return all outcomes: those of questions that nobody was asked before come from the desk."""
        unknown = [each for place, each in enumerate(questions) if place not in told]
        outcomes = iter(self._answer(unknown, still_wanted) if unknown else [])
        return [told[place] if place in told else next(outcomes) for place in range(len(questions))]
