"""Where questions are answered: inputs found, queued, scored together, recorded together, and only then replied to."""

import secrets
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import CancelledError
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from counterfoil.scorer.v1 import scorer_pb2
from services.scorer.adapters.spool import AnswerKey, Entry, Kept, Spool, StoredAnswer
from services.scorer.answering import Answerer, Asked, Resolved, asked_of
from services.scorer.domain.requests import Purpose, Question
from services.scorer.domain.serving import Served, Serving
from services.scorer.explaining import Explaining
from services.scorer.handoff import HandOff, Pending
from services.scorer.left_out import LeftOut
from services.scorer.quick_reading import Unread
from services.scorer.recording import receipt_field
from services.scorer.rendering.writing import RANDOM_BYTES, Written
from shared.errors import AlreadyExists, CounterfoilError, Exhausted, InvalidInput, Unavailable
from shared.rpc.encoded import Encoded

QUEUE_ROWS: Final = 4096
EXPLAINED_ROWS: Final = QUEUE_ROWS // 2
HIGH_WATER_ROWS: Final = 36
"""Rows on their way from which on the scorer is overloaded: three quarters of the handler threads wait for them."""

Outcome = Encoded | CounterfoilError
"""An answer that is on disk, as an encoded ScoreResponse, or why there is none."""

AnsweringUnread: TypeAlias = Callable[[Unread, Callable[[], bool]], Encoded]
"""Returns the answer to a request that is still to be read, or raises why there is none."""

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

    def left_out(self, reason: str, rows: int) -> None:
        """Take how many decisions the challenger does not answer, and for which reason."""

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
        self._left_out = LeftOut(meter.left_out if meter else lambda _reason, _rows: None)
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
            asked = [each if isinstance(each, InvalidInput) else asked_of(each, served) for each in allowed]
            sound = [each for each in asked if isinstance(each, Asked)]
            pending = iter(self._handoff.submit(sound, still_wanted))
            if challenger := self._serving.shadow():
                self._shadow([each.question for each in sound], challenger)
            return [each if isinstance(each, InvalidInput) else _outcome(next(pending)) for each in asked]

    def answer_unread(self, unread: Unread, still_wanted: Callable[[], bool]) -> Encoded:
        """Return the answer to a request that the worker reads; as `answer`, but never by a challenger as well.

        Raises the error that `answer` would return, too.
        """
        try:
            return self._handoff.ask(unread, still_wanted)
        except CancelledError:
            raise call_ended() from None

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
        answer is left out, which log and figures tell.
        """
        decisions = [each for each in questions if each.purpose is Purpose.DECISION and not each.version]
        shadows = [asked_of(each._replace(purpose=Purpose.SHADOW, request_id=""), challenger) for each in decisions]
        for each in shadows:
            if isinstance(each.resolved, CounterfoilError):
                self._left_out.add(each.resolved)
        answerable = [each for each in shadows if isinstance(each.resolved, Resolved)]
        try:
            self._handoff.submit(answerable, lambda: True)
        except (Exhausted, Unavailable) as error:
            self._left_out.add(error, len(answerable))

    def _work(self, taken: Sequence[Asked | Unread]) -> list[Encoded | Exception]:
        """Return the outcomes, in order; of equal request_ids one is recorded before the next is looked at."""
        asked = [each if isinstance(each, Asked) else each.read() for each in taken]
        outcomes: dict[int, Outcome] = {}
        while len(outcomes) < len(asked):
            for alike in _by_served(asked, self._unknown(asked, outcomes)):
                outcomes |= zip(alike, self._answered([asked[place] for place in alike]), strict=True)
        for place, outcome in outcomes.items():
            if isinstance(outcome, CounterfoilError) and asked[place].question.purpose is Purpose.SHADOW:
                self._left_out.add(outcome)
        return [outcomes[place] for place in range(len(asked))]

    def _unknown(self, asked: Sequence[Asked], outcomes: dict[int, Outcome]) -> list[int]:
        """Return what is to be scored next, of those that share a key the first, and add outcomes that are known."""
        unknown, keys = [], set[AnswerKey]()
        for place, each in enumerate(asked):
            if place in outcomes or each.key in keys:
                continue
            if each.key is not None:
                keys.add(each.key)
            known = self._known(each)
            if known is None:
                unknown.append(place)
            else:
                outcomes[place] = known
        return unknown

    def _known(self, asked: Asked) -> Outcome | None:
        """Return what needs no scoring: the stored answer, or why there can be none; None if it is to be scored."""
        stored = self._spool.find_answer(asked.key) if asked.key else None
        if stored is None:
            return asked.resolved if isinstance(asked.resolved, CounterfoilError) else None
        return told_before(stored, asked.digest)

    def _answered(self, asked: Sequence[Asked]) -> list[Outcome]:
        """Return the outcomes of what one bundle is asked, recorded together."""
        began = time.perf_counter()
        said = self._answerer.answer(asked, self._clock(), self._random_bytes(RANDOM_BYTES * len(asked)))
        if self._meter:
            self._meter.scored(time.perf_counter() - began)
        written = [(one, each) for one, each in zip(asked, said, strict=True) if isinstance(each, Written)]
        if not written:
            return [each for each in said if isinstance(each, InvalidInput)]
        recorded = iter(self._recorded(written, asked[0].sound.served.model_version))
        return [next(recorded) if isinstance(each, Written) else each for each in said]

    def _recorded(self, written: Sequence[tuple[Asked, Written]], model_version: str) -> Sequence[Outcome]:
        """Commit the records together and return the replies with receipts, or for each why it could not be."""
        began = time.perf_counter()
        try:
            receipts = self._spool.append([_entry(asked, each) for asked, each in written])
        except CounterfoilError as error:
            return [error] * len(written)
        if self._meter:
            self._meter.logged(time.perf_counter() - began)
        self._on_recorded()
        return [
            Encoded(each.reply + receipt_field(receipt), model_version)
            for (_, each), receipt in zip(written, receipts, strict=True)
        ]


def _entry(asked: Asked, written: Written) -> Entry:
    """Return what is to be stored: the record, and under a request_id the answer."""
    reply, decision_part, personal_part, salt = written
    kept = None
    if asked.key is not None:
        kept = Kept(asked.key, asked.digest, lambda receipt: reply + receipt_field(receipt))
    return Entry(decision_part, personal_part, salt, kept)


def _by_served(asked: Sequence[Asked], places: Sequence[int]) -> Collection[list[int]]:
    """Return the places by what answers them: around a swap there may be two bundles."""
    by_served: dict[int, list[int]] = {}
    for place in places:
        by_served.setdefault(id(asked[place].sound.served), []).append(place)
    return by_served.values()


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
