"""Requests that begin and end as one before them: only the numbers of their vector are new, and have to be read."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from counterfoil.scorer.v1 import scorer_pb2
from services.scorer.answering import Asked, Resolved
from services.scorer.domain.reasons import Detail
from services.scorer.domain.requests import DenseFeatures, Question
from services.scorer.domain.serving import Served
from services.scorer.messages import DOUBLE

MAX_KINDS: Final = 64
MAX_ALIKE: Final = 8
"""Shapes of one bundle, caller and length; of 64 such kinds, there are 512 at most."""


class Shape(NamedTuple):
    """The bytes of requests around `n_values` packed doubles, and what each of them asks, without its vector."""

    head: bytes
    tail: bytes
    n_values: int
    question: Question


class Unread(NamedTuple):
    """A request, its shape, and what is to answer."""

    content: bytes
    shape: Shape
    served: Served

    def read(self) -> Asked:
        """Return what is asked."""
        values = np.frombuffer(self.content, DOUBLE, self.shape.n_values, len(self.shape.head))
        return Asked(self.shape.question, None, b"", Resolved(self.served, values, judged=False))


class Shapes:
    """What requests look like that were read and found sound, so that those like them need not be parsed.

    Equal bytes around as many numbers say the same of other numbers, whatever they mean. Meant for calls without a
    request_id that do not want all contributions, which need nothing else. Thread-safe.
    """

    def __init__(self) -> None:
        self._known: Mapping[tuple[str, str, int], tuple[Shape, ...]] = {}

    def find(self, content: bytes, caller: str, served: Served) -> Shape | None:
        """Return the shape of a request to a bundle, None if it is not known."""
        for shape in self._known.get((served.bundle.digest, caller, len(content)), ()):
            if content.startswith(shape.head) and content.endswith(shape.tail):
                return shape
        return None

    def learn(self, request: scorer_pb2.ScoreRequest, content: bytes, question: Question, served: Served) -> None:
        """Remember the shape of a request that was read as that question, if it is meant and fits the bundle."""
        applicant, schema = question.subject.applicant, served.bundle.schema
        if not isinstance(applicant, DenseFeatures) or not _needs_nothing(question):
            return
        if (applicant.schema_digest, len(applicant.values)) != (schema.digest, len(schema.features)):
            return
        # The vector is the last field of its subject, and the numbers are the last field of the vector.
        tail = scorer_pb2.ScoreRequest(explain=request.explain, max_principal_reasons=request.max_principal_reasons)
        packed, end = applicant.values.tobytes(), tail.SerializeToString()
        start = len(content) - len(end) - len(packed)
        if content[start:] != packed + end:
            return
        subject = question.subject._replace(applicant=applicant._replace(values=np.empty(0)))
        shape = Shape(content[:start], end, len(applicant.values), question._replace(subject=subject))
        key = (served.bundle.digest, question.caller, len(content))
        known = self._known if key in self._known or len(self._known) < MAX_KINDS else {}
        self._known = {**known, key: (*known.get(key, ()), shape)[-MAX_ALIKE:]}


def _needs_nothing(question: Question) -> bool:
    person = question.request_id or question.subject.application_number
    plain = not question.version and question.at_least is None
    return plain and not person and question.wish.detail is not Detail.ALL
