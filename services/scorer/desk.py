"""Where questions are answered: inputs found, queued, scored together, recorded together, and only then replied to."""

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import CancelledError
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from counterfoil.scorer.v1 import scorer_pb2
from services.scorer.adapters.spool import AnswerKey, Spool, StoredAnswer
from services.scorer.answering import Answerer, Asked, Resolved, Unread
from services.scorer.domain.requests import DenseFeatures, Purpose, Question, Subject, content_digest
from services.scorer.domain.serving import Served, Serving
from services.scorer.explaining import Explaining
from services.scorer.handoff import HandOff, Pending
from services.scorer.recording import RANDOM_BYTES, Draft, Drafting, answer_key
from shared.errors import AlreadyExists, CounterfoilError, Exhausted, InvalidInput, Unavailable
from shared.logs import log_event
from shared.rpc.encoded import Encoded

QUEUE_ROWS: Final = 4096
EXPLAINED_ROWS: Final = QUEUE_ROWS // 2
HIGH_WATER_ROWS: Final = 36
"""Rows on their way from which on the scorer is overloaded: three quarters of the handler threads wait for them."""
_LOGGER = logging.getLogger("counterfoil.scorer.desk")

Outcome = Encoded | CounterfoilError
"""An answer that is on disk, as an encoded ScoreResponse, or why there is none."""

AnsweringUnread: TypeAlias = Callable[[Callable[[], Question], Callable[[], bool]], Outcome]
"""Returns the outcome of a question that is still to be read."""

Answering: TypeAlias = Callable[[Sequence[Question | InvalidInput], Callable[[], bool]], list[Outcome]]
"""Returns the outcome of each question, in order; the second argument tells whether anybody still waits for them."""


class DeskMeter(Protocol):
    """Told of each batch how long its stages took, in seconds."""

    def taken(self, waits: Sequence[float]) -> None:
        """Take how long each row waited."""

    def scored(self, seconds: float) -> None:
        """Take how long the scoring lasted."""

    def logged(self, seconds: float) -> None:
        """Take how long the commit lasted."""

    def told_less(self, detail: str, rows: int) -> None:
        """Take how many rows of a call are told this detail because the scorer is overloaded: less than was asked."""


class Desk:
    """Answers questions by what is served, each recorded in the spool before its answer is given.

    Handler threads find the inputs; one worker scores what waits in one call and records it in one commit.
    """

    def __init__(
        self,
        serving: Serving,
        spool: Spool,
        *,
        clock: Callable[[], datetime],
        on_recorded: Callable[[], None] = lambda: None,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        queue_rows: int = QUEUE_ROWS,
        explained_rows: int = EXPLAINED_ROWS,
        high_water_rows: int = HIGH_WATER_ROWS,
        meter: DeskMeter | None = None,
    ) -> None:
        self._serving = serving
        self._spool = spool
        self._clock = clock
        self._on_recorded = on_recorded
        self._random_bytes = random_bytes
        self._meter = meter
        self._explaining = Explaining(
            explained_rows=explained_rows,
            high_water_rows=high_water_rows,
            on_less=meter.told_less if meter else lambda _detail, _rows: None,
        )
        self._answerer = Answerer()
        self._left_out: Counter[str] = Counter()
        self._handoff: HandOff[Asked | Unread, Encoded] = HandOff(
            self._work, capacity=queue_rows, on_taken=meter.taken if meter else lambda _waits: None
        )

    def start(self) -> None:
        """Begin to answer."""
        self._handoff.start()

    def stop(self) -> None:
        """Refuse new questions, and return when those that wait are answered."""
        self._handoff.stop()

    def answer(self, questions: Sequence[Question | InvalidInput], still_wanted: Callable[[], bool]) -> list[Outcome]:
        """Return the outcome of each question, in order; one that is an error already stays as it is.

        All are answered by the same bundle, but for those whose answer was stored before. Raises Exhausted if they do
        not fit in the queue, or those with all contributions in their half of it; Unavailable while the scorer stops.
        Under overload less is told of the reasons, where the caller allows that.
        """
        served = self._what_serves(questions)
        with self._explaining.as_load_allows(questions, self._handoff.on_the_way) as allowed:
            asked = [each if isinstance(each, InvalidInput) else _asked(each, served) for each in allowed]
            sound = [each for each in asked if isinstance(each, Asked)]
            pending = iter(self._handoff.submit(sound, still_wanted))
            if challenger := self._serving.shadow():
                self._shadow([each.question for each in sound], challenger)
            return [each if isinstance(each, InvalidInput) else _outcome(next(pending)) for each in asked]

    def answer_unread(self, read: Callable[[], Question], still_wanted: Callable[[], bool]) -> Outcome:
        """Return the outcome of a question that the worker reads, with all that wait: a third of the time elsewhere.

        Meant for what is read in a few microseconds, has no request_id, does not want all contributions, and is not to
        be answered by a challenger as well. Raises as `answer` does.
        """
        (pending,) = self._handoff.submit([Unread(read, self._serving.current())], still_wanted)
        return _outcome(pending)

    def _what_serves(self, questions: Sequence[Question | InvalidInput]) -> Served | CounterfoilError:
        try:
            for each in questions:
                if isinstance(each, Question):
                    return self._serving.current(each.version)
            return self._serving.current()
        except CounterfoilError as error:
            return error

    def _shadow(self, questions: Sequence[Question], challenger: Served) -> None:
        """Have the challenger answer decisions of the champion as well, for the log alone.

        It may read features that were not sent, and must never keep a lender from the champion's answer: what it cannot
        answer is left out, which the log tells.
        """
        decisions = [each for each in questions if each.purpose is Purpose.DECISION and not each.version]
        shadows = [_asked(each._replace(purpose=Purpose.SHADOW, request_id=""), challenger) for each in decisions]
        for each in shadows:
            if isinstance(each.resolved, CounterfoilError):
                self._leave_out(each.resolved)
        answerable = [each for each in shadows if isinstance(each.resolved, Resolved)]
        try:
            self._handoff.submit(answerable, lambda: True)
        except (Exhausted, Unavailable) as error:
            self._leave_out(error)

    def _leave_out(self, error: CounterfoilError) -> None:
        """Count a shadow that is not answered; the first of a reason is logged, and then ever fewer."""
        self._left_out[error.reason] += 1
        count = self._left_out[error.reason]
        if count & (count - 1) == 0:
            log_event(_LOGGER, "challenger left out", reason=error.reason, count=count)

    def _work(self, taken: Sequence[Asked | Unread]) -> list[Encoded | Exception]:
        """Return the outcomes, in order; of equal request_ids one is recorded before the next is looked at."""
        outcomes: dict[int, Outcome] = {}
        asked: dict[int, Asked] = {}
        for place, each in enumerate(taken):
            try:
                asked[place] = each if isinstance(each, Asked) else _asked(each.read(), each.served)
            except CounterfoilError as error:
                outcomes[place] = error
        waiting = list(asked)
        while waiting:
            now = _first_of_each_key(asked, waiting)
            self._round(asked, now, outcomes)
            waiting = [place for place in waiting if place not in outcomes]
        return [outcomes[place] for place in range(len(taken))]

    def _round(self, asked: Mapping[int, Asked], places: Sequence[int], outcomes: dict[int, Outcome]) -> None:
        """Add the outcome of each place."""
        unknown: list[int] = []
        for place in places:
            known = self._known(asked[place])
            if known is None:
                unknown.append(place)
            else:
                outcomes[place] = known
        began = time.perf_counter()
        drafts: dict[int, Draft] = {}
        for alike in _by_bundle(asked, unknown):
            for place, said in zip(alike, self._drafted([asked[each] for each in alike]), strict=True):
                if isinstance(said, Draft):
                    drafts[place] = said
                else:
                    outcomes[place] = said
        if self._meter and unknown:
            self._meter.scored(time.perf_counter() - began)
        if drafts:
            outcomes |= zip(drafts, self._recorded(list(drafts.values())), strict=True)

    def _known(self, asked: Asked) -> Outcome | None:
        """Return what needs no scoring: the stored answer, or why there can be none; None if it is to be scored."""
        stored = self._spool.find_answer(asked.key) if asked.key else None
        if stored is None:
            return asked.resolved if isinstance(asked.resolved, CounterfoilError) else None
        return told_before(stored, asked.digest)

    def _drafted(self, asked: Sequence[Asked]) -> list[Draft | InvalidInput]:
        """Return reply and entry of each answer, all by one bundle, or why there is none."""
        answered = self._answerer.answer(asked)
        drafting = Drafting(asked[0].sound.served, self._clock())
        randomness = self._random_bytes(RANDOM_BYTES * len(asked))
        return [
            said
            if isinstance(said, InvalidInput)
            else drafting.draft(each, said, randomness[place * RANDOM_BYTES : (place + 1) * RANDOM_BYTES])
            for place, (each, said) in enumerate(zip(asked, answered, strict=True))
        ]

    def _recorded(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        """Commit the drafts together and return their replies with receipts, or for each why it could not be."""
        began = time.perf_counter()
        try:
            receipts = self._spool.append([each.entry for each in drafts])
        except CounterfoilError as error:
            return [error] * len(drafts)
        if self._meter:
            self._meter.logged(time.perf_counter() - began)
        self._on_recorded()
        return [each.with_receipt(receipt) for each, receipt in zip(drafts, receipts, strict=True)]


def _asked(question: Question, served: Served | CounterfoilError) -> Asked:
    """Return the question with its inputs. What fails is kept: an answer stored before goes out all the same."""
    resolved: Resolved | CounterfoilError
    try:
        resolved = _resolved(question.subject, served) if isinstance(served, Served) else served
    except CounterfoilError as error:
        resolved = error
    return Asked(question, answer_key(question), content_digest(question) if question.request_id else b"", resolved)


def _resolved(subject: Subject, served: Served) -> Resolved:
    return Resolved(served, served.inputs(subject), judged=not isinstance(subject.applicant, DenseFeatures))


def _first_of_each_key(asked: Mapping[int, Asked], waiting: Sequence[int]) -> Sequence[int]:
    """Return those places that have no key, and of those that share one the first."""
    first: dict[AnswerKey, int] = {}
    for place in waiting:
        key = asked[place].key
        if key is not None:
            first.setdefault(key, place)
    if not first:
        return waiting
    return [place for place in waiting if (key := asked[place].key) is None or first[key] == place]


def _by_bundle(asked: Mapping[int, Asked], places: Sequence[int]) -> Collection[list[int]]:
    """Return the places by what answers them: around a swap there may be two bundles."""
    by_bundle: dict[str, list[int]] = {}
    for place in places:
        by_bundle.setdefault(asked[place].sound.served.bundle.digest, []).append(place)
    return by_bundle.values()


def _outcome(pending: Pending[Asked | Unread, Encoded]) -> Outcome:
    try:
        return pending.result()
    except CounterfoilError as error:
        return error
    except CancelledError:
        return call_ended()


def told_before(stored: StoredAnswer, digest: bytes) -> Outcome:
    """Return the stored answer again, or, if content of another digest was asked about then, why there can be none."""
    if stored.digest != digest:
        return AlreadyExists(
            "this request_id was used within 24 hours for other content; choose a new one for a new request",
            reason="REQUEST_ID_REUSED",
        )
    return Encoded(stored.answer, scorer_pb2.ScoreResponse.FromString(stored.answer).model_version)


def call_ended() -> Unavailable:
    """Return why a call has no answer that nobody waited for any more."""
    return Unavailable(
        "the call ended before its turn came, so nothing was scored or recorded; give it a longer deadline",
        reason="CALL_ENDED",
    )
