"""Questions about rows to what the bundle answers, all rows of a bundle in one call."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scorer.adapters.spool import AnswerKey
from services.scorer.domain.requests import DenseFeatures, Question, Subject, content_digest
from services.scorer.domain.scoring import not_finite, score
from services.scorer.domain.serving import Served
from services.scorer.recording import answer_key, frame_of, occasion_of
from services.scorer.rendering.native import writer_of
from services.scorer.rendering.writing import Said, Writer, Written
from shared.bundle.reading import Bundle
from shared.errors import CounterfoilError, FieldViolation, InvalidInput

MAX_BUNDLES: Final = 4
"""Bundles whose wording is kept: champion and challenger, and those that they replace."""


class Resolved(NamedTuple):
    """What a question is answered from: one bundle, and the row of inputs, shape (n_features,), NaN being missing.

    Values that are not `judged` may be any that a vector can hold.
    """

    served: Served
    values: NDArray[np.float64]
    judged: bool


class Asked(NamedTuple):
    """A question with all that an answer needs. What it is answered from may be an error: then nothing is scored.

    The bundle was chosen when the call came in, so that all rows of a batch are answered by the same one.
    """

    question: Question
    key: AnswerKey | None
    digest: bytes
    resolved: Resolved | CounterfoilError

    @property
    def sound(self) -> Resolved:
        """What it is answered from; raises the error that stands in its place."""
        if isinstance(self.resolved, CounterfoilError):
            raise self.resolved
        return self.resolved


def asked_of(question: Question, served: Served | CounterfoilError) -> Asked:
    """Return the question with its inputs. What fails is kept: an answer stored before goes out all the same."""
    resolved: Resolved | CounterfoilError
    try:
        resolved = _resolved(question.subject, served) if isinstance(served, Served) else served
    except CounterfoilError as error:
        resolved = error
    return Asked(question, answer_key(question), content_digest(question) if question.request_id else b"", resolved)


def _resolved(subject: Subject, served: Served) -> Resolved:
    return Resolved(served, served.inputs(subject), judged=not isinstance(subject.applicant, DenseFeatures))


class Answerer:
    """Answers questions, all rows of a bundle in one call; for one thread."""

    def __init__(self) -> None:
        self._writers: dict[str, Writer] = {}

    def answer(
        self, asked: Sequence[Asked], create_time: datetime, randomness: bytes
    ) -> Sequence[Written | InvalidInput]:
        """Return the answer to each question, in order, or what is wrong with its row; all are asked of one bundle.

        Of the random bytes each has RANDOM_BYTES: they become its identifier and salt.
        """
        served = asked[0].sound.served
        values, refused = _judged(asked)
        wishes = [each.question.wish for each in asked]
        scored = score(served.bundle, values, wishes)
        questions = {id(each.question): each.question for each in asked}  # many are the same
        frames = {key: frame_of(served, question) for key, question in questions.items()}
        writer = self._writer(served.bundle)
        framed = [frames[id(each.question)] for each in asked]
        said = Said(values, scored, wishes)
        written = writer.write(said, framed, occasion_of(served, create_time), randomness)
        if scored.sound.all() and not refused:
            return written
        return [
            refused.get(place) or (written[place] if sound else _unsound(asked[place].question))
            for place, sound in enumerate(scored.sound.tolist())
        ]

    def _writer(self, bundle: Bundle) -> Writer:
        if bundle.digest not in self._writers:
            if len(self._writers) == MAX_BUNDLES:
                del self._writers[next(iter(self._writers))]
            self._writers[bundle.digest] = writer_of(bundle)
        return self._writers[bundle.digest]


def _judged(asked: Sequence[Asked]) -> tuple[NDArray[np.float64], dict[int, InvalidInput]]:
    """Return the rows, and by position what is wrong with those that were not judged before."""
    values = np.array([each.sound.values for each in asked])
    to_judge = [place for place, each in enumerate(asked) if not each.sound.judged]
    if not to_judge:
        return values, {}
    rows, refused = asked[0].sound.served.vectors.resolve_rows(
        values, lambda place: f"{asked[place].question.subject.field_prefix}vector."
    )
    return rows, {place: refused[place] for place in to_judge if place in refused}


def _unsound(question: Question) -> InvalidInput:
    """Return why there is no answer, with the field path as the caller writes it."""
    why = not_finite()
    violations = [
        FieldViolation(question.subject.field_prefix + each.field, each.description) for each in why.violations
    ]
    return InvalidInput(violations, reason=why.reason, metadata=why.metadata)
