"""Questions about rows to what the bundle answers, all rows of a bundle in one call."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scorer.adapters.spool import AnswerKey
from services.scorer.domain.requests import Question
from services.scorer.domain.scoring import not_finite, score
from services.scorer.domain.serving import Served
from services.scorer.rendering.native import renderer_of
from services.scorer.rendering.parts import Parts, Renderer
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


class Unread(NamedTuple):
    """A question that is still to be read, by a function that raises InvalidInput, and the bundle that answers it."""

    read: Callable[[], Question]
    served: Served


class Answered(NamedTuple):
    """An answer: the row that was scored as bytes, and the parts of its reply and record that follow from it."""

    values: bytes
    parts: Parts


class Answerer:
    """Answers questions, all rows of a bundle in one call; for one thread."""

    def __init__(self) -> None:
        self._renderers: dict[str, Renderer] = {}

    def answer(self, asked: Sequence[Asked]) -> list[Answered | InvalidInput]:
        """Return the answer to each question, in order, or what is wrong with its row; all are asked of one bundle."""
        bundle = asked[0].sound.served.bundle
        values, refused = _judged(asked)
        wishes = [each.question.wish for each in asked]
        scored = score(bundle, values, wishes)
        parts = self._renderer(bundle).render(values, scored, wishes)
        rows = [row.tobytes() for row in values]
        if scored.sound.all() and not refused:
            return list(map(Answered, rows, parts))
        return [
            refused.get(place) or (Answered(rows[place], parts[place]) if sound else _unsound(asked[place].question))
            for place, sound in enumerate(scored.sound.tolist())
        ]

    def _renderer(self, bundle: Bundle) -> Renderer:
        if bundle.digest not in self._renderers:
            if len(self._renderers) == MAX_BUNDLES:
                del self._renderers[next(iter(self._renderers))]
            self._renderers[bundle.digest] = renderer_of(bundle)
        return self._renderers[bundle.digest]


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
