"""Answers as they are sent and recorded: what a bundle says, in the frame of its call."""

import uuid
from collections.abc import Sequence
from itertools import repeat
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from services.scorer.domain.reasons import Wish
from services.scorer.domain.scoring import Scored
from services.scorer.rendering.parts import Parts, PlainRenderer
from shared.bundle.reading import Bundle
from shared.prediction_record.chain import SALT_BYTES, personal_digest
from shared.wire import raw_form

UUID_BYTES: Final = 16
RANDOM_BYTES: Final = UUID_BYTES + SALT_BYTES
"""Of an answer: its identifier and its salt are made of them."""
_RawPersonal: Final = raw_form(prediction_pb2.PersonalPart, "values")


class Said(NamedTuple):
    """What a bundle says about rows, and which reasons are wanted of each.

    `values` are those that were scored, C-contiguous (n_rows, n_features), with NaN where one is missing.
    """

    values: NDArray[np.float64]
    scored: Scored
    wishes: Sequence[Wish]


class Frame(NamedTuple):
    """What a call determines: serialised fields of ScoreResponse, of DecisionPart and of PersonalPart."""

    reply: bytes
    decision: bytes
    person: bytes


class Occasion(NamedTuple):
    """What is the same in answers that a bundle gives at one time.

    How the predictions' names begin, and serialised fields of ScoreResponse and of DecisionPart.
    """

    name: bytes
    reply: bytes
    decision: bytes


class Written(NamedTuple):
    """An answer: the reply, which lacks only its receipt, and the record that must be on disk before it goes out."""

    reply: bytes
    decision_part: bytes
    personal_part: bytes
    salt: bytes


class Writer(Protocol):
    """Writes what one bundle says about rows."""

    def write(self, said: Said, frames: Sequence[Frame], occasion: Occasion, randomness: bytes) -> list[Written]:
        """Return the answer about each row; whatever about a row that is not sound.

        Of the random bytes each row has RANDOM_BYTES.
        """


class PlainWriter:
    """Writes by protobuf's own classes: slower than the compiled writer, which has to write the same bytes."""

    def __init__(self, bundle: Bundle) -> None:
        self._renderer = PlainRenderer(bundle)

    def write(self, said: Said, frames: Sequence[Frame], occasion: Occasion, randomness: bytes) -> list[Written]:
        """Return the answer about each row."""
        parts = self._renderer.render(*said)
        random = [randomness[start : start + RANDOM_BYTES] for start in range(0, len(randomness), RANDOM_BYTES)]
        return list(map(_written, said.values, parts, frames, repeat(occasion), random))


def _written(values: NDArray[np.float64], parts: Parts, frame: Frame, occasion: Occasion, random: bytes) -> Written:
    # Serialised messages one after the other are one message.
    prediction_id, salt = str(uuid.UUID(bytes=random[:UUID_BYTES], version=4)), random[UUID_BYTES:]
    name = scorer_pb2.ScoreResponse(prediction=occasion.name.decode() + prediction_id).SerializeToString()
    personal = frame.person + _RawPersonal(values=values.tobytes()).SerializeToString()
    identified = prediction_pb2.DecisionPart(prediction_id=prediction_id).SerializeToString()
    digest = prediction_pb2.DecisionPart(personal_digest=personal_digest(salt, personal)).SerializeToString()
    decision = b"".join((frame.decision, identified, occasion.decision, parts.decision, digest))
    return Written(name + occasion.reply + frame.reply + parts.response, decision, personal, salt)
