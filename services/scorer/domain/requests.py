"""What a lender asks: who is scored, and what for."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scorer.domain.reasons import EVERYTHING, Detail, Wish


class Purpose(StrEnum):
    """Why a score is asked for; only decisions count in drift and performance.

    Nobody asks for a shadow: it is the challenger's answer beside the champion's, logged and never told.
    """

    DECISION = "DECISION"
    TEST = "TEST"
    WHAT_IF = "WHAT_IF"
    SHADOW = "SHADOW"


ASKED_FOR: Final = tuple(purpose for purpose in Purpose if purpose is not Purpose.SHADOW)
"""The purposes that a caller may name."""


class Absence(Enum):
    """Why a named feature holds no value: its caller says that it is missing, or has forgotten to say anything."""

    MISSING = auto()
    EMPTY = auto()


FeatureValue = float | str | Absence
"""A number in the feature's unit, a level of a categorical column, or the absence of either."""


class StoredApplicant(NamedTuple):
    """An applicant of the served model's data set."""

    applicant_id: str


class NamedFeatures(NamedTuple):
    """An applicant described by named features."""

    features: Mapping[str, FeatureValue]


class DenseFeatures(NamedTuple):
    """An applicant described by all features in the order of the schema of that digest (SHA-256, hex).

    `values` has shape (n_values,), NaN where one is missing.
    """

    schema_digest: str
    values: NDArray[np.float64]


@dataclass(frozen=True)
class PlacedRow:
    """A row of a raw table: its cells by column, missing ones left out, and its path below the application's field."""

    table: str
    path: str
    cells: Mapping[str, float | str | None] = field(hash=False)


@dataclass(frozen=True, eq=False)
class RawApplication:
    """An application and the rows of its applicant's history by table, in their order.

    With `history_of` the history is that applicant's, as the served model's data set has it, and `history` is empty.
    """

    application: PlacedRow
    history: Mapping[str, Sequence[PlacedRow]]
    history_of: str = ""


Applicant = StoredApplicant | NamedFeatures | DenseFeatures | RawApplication


class Subject(NamedTuple):
    """Who is scored. `field_prefix` begins the paths of its invalid fields: `subject.`, in a batch `subjects[i].`."""

    applicant: Applicant
    application_number: str = ""
    as_of_date: str = ""
    field_prefix: str = ""


class Question(NamedTuple):
    """One subject to score, and by whom and how it was asked.

    With a `request_id` the answer is stored under (caller, method, request_id, row) for 24 hours. `version` is the
    number of the version that is to answer, empty for the champion's. `at_least` is the detail that is enough under
    overload, None for nothing less than the wish; where less is told, `asked` is what was wished for.
    """

    subject: Subject
    purpose: Purpose
    model: str
    caller: str
    method: str
    request_id: str = ""
    row: int = 0
    wish: Wish = EVERYTHING
    version: str = ""
    at_least: Detail | None = None
    asked: Detail | None = None

    def with_less(self, most: Detail) -> "Question":
        """Return the question with a wish for at most that detail, but for no less than is enough to its caller."""
        detail = self.wish.detail
        if self.at_least is None or self.asked is not None:
            return self
        less = self.at_least if most.is_less_than(self.at_least) else most
        if not less.is_less_than(detail):
            return self
        return self._replace(wish=Wish(less, self.wish.principal), asked=detail)


def content_digest(question: Question) -> bytes:
    """Return a digest of what is asked, 32 bytes: equal for equal content, however a map was ordered on the wire."""
    subject = question.subject
    content = [
        question.model,
        question.purpose,
        subject.application_number,
        subject.as_of_date,
        _applicant_content(subject.applicant),
        [question.asked or question.wish.detail, question.wish.principal],
        question.version,
    ]
    if question.at_least is not None:
        content.append(question.at_least)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()


def _applicant_content(applicant: Applicant) -> object:
    if isinstance(applicant, StoredApplicant):
        return applicant.applicant_id
    if isinstance(applicant, DenseFeatures):
        return [applicant.schema_digest, applicant.values.tobytes().hex()]
    if isinstance(applicant, RawApplication):
        rows = [applicant.application, *(row for rows in applicant.history.values() for row in rows)]
        return [applicant.history_of, [[row.path, dict(row.cells)] for row in rows]]
    return {name: _value_content(value) for name, value in applicant.features.items()}


def _value_content(value: FeatureValue) -> list[str]:
    if isinstance(value, float):
        return ["number", value.hex()]
    if isinstance(value, str):
        return ["category", value]
    return [value.name]
