"""Stored predictions computed anew: the same bundle, the same inputs, and whether the same answer comes out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from counterfoil.types.v1 import prediction_pb2
from services.scorer.chunk_replay import chunk_differences
from services.scorer.domain.differences import (
    Difference,
    differing,
    differing_contributions,
    differing_lists,
    differing_nearly,
)
from services.scorer.domain.reasons import EVERYTHING, Detail, Wish
from services.scorer.domain.scoring import Answer, answer
from services.scorer.messages import wish_from_proto
from services.scorer.recording import LAYOUT
from services.scorer.rendering.parts import determined_part
from shared.bundle.reading import Bundle
from shared.errors import InvalidInput, Precondition
from shared.prediction_record.chain import HASH_BYTES, personal_digest, record_hash
from shared.prediction_record.chunks import CHUNK_LAYOUT, chunk_answers, chunk_values

LAYOUTS: Final = (LAYOUT, CHUNK_LAYOUT)
Part = TypeVar("Part", prediction_pb2.DecisionPart, prediction_pb2.PersonalPart)
_EXACT: Final = ("probability", "margin", "threshold")


@dataclass(frozen=True)
class Replayed:
    """A stored decision, the kernel that computed now, and what differs, in the order of the record.

    `contributions` to the margin of the row that was asked for are by feature, in the order of the bundle's schema.
    """

    stored: prediction_pb2.DecisionPart
    kernel_id: str
    differences: list[Difference]
    rows: int
    chain_verified: bool
    contributions: Mapping[str, float] = field(default_factory=dict)

    @property
    def same_kernel(self) -> bool:
        """Whether contributions had to be equal to the bit."""
        return self.stored.kernel_id == self.kernel_id


@dataclass(frozen=True)
class _Inputs:
    """The rows that a record has answers about: positions within its chunk, and values (n_rows, n_features)."""

    positions: NDArray[np.int64]
    values: NDArray[np.float64]


class Replayer:
    """Computes stored predictions anew; records nothing and changes nothing.

    `find_bundle` returns the bundle of a model version's name and a digest, or raises NotFound or Unavailable.
    """

    def __init__(self, find_bundle: Callable[[str, str], Bundle]) -> None:
        self._find_bundle = find_bundle

    def replay(
        self, record: prediction_pb2.PredictionRecord, previous_hash: bytes, *, row: int | None = None
    ) -> Replayed:
        """Return what the record's bundle says about its inputs now, beside what is stored.

        Without a `previous_hash` the record's own is not verified. `row` is the position within a chunk of the one
        whose contributions are wanted. Raises InvalidInput (RECORD_CORRUPT) for a record that was altered, Precondition
        (PERSONAL_PART_ERASED, LAYOUT_UNKNOWN, NOT_AN_ANSWER), NotFound (BUNDLE_NOT_FOUND), Unavailable.
        """
        stored = _sound_decision(record, previous_hash)
        personal = _parsed(prediction_pb2.PersonalPart, record.personal_part, "personal_part")
        bundle = self._find_bundle(stored.model_version, stored.bundle_digest)
        inputs = _inputs(stored, personal, bundle)
        of_row = {} if row is None else _contributions(bundle, inputs, row)
        if stored.HasField("chunk"):
            found = list(chunk_differences(stored, inputs.values, bundle))
        else:
            found = list(_differences(stored, inputs.values[0], bundle))
        return Replayed(stored, bundle.kernel_id, found, len(inputs.values), bool(previous_hash), of_row)


def _sound_decision(record: prediction_pb2.PredictionRecord, previous_hash: bytes) -> prediction_pb2.DecisionPart:
    """Return the decision part once the record is found to be as it was written and not erased."""
    if len(previous_hash) not in (0, HASH_BYTES):
        raise InvalidInput.of("previous_hash", f"is {len(previous_hash)} bytes long; a hash has {HASH_BYTES}")
    if not record.decision_part:
        raise InvalidInput.of("record", "is not set; send the stored record")
    if previous_hash and record.hash != record_hash(previous_hash, record.sequence, record.decision_part):
        raise _corrupt("record.hash", "does not follow from previous_hash, the sequence and the decision part")
    stored = _parsed(prediction_pb2.DecisionPart, record.decision_part, "decision_part")
    if stored.HasField("failures"):
        raise Precondition(
            "the record is of calls that were not answered, so there is no answer to compute anew",
            reason="NOT_AN_ANSWER",
        )
    if stored.layout_version not in LAYOUTS:
        raise Precondition(
            f"the record has layout {stored.layout_version}, which this scorer does not read; take a newer one",
            reason="LAYOUT_UNKNOWN",
        )
    if not record.personal_part:
        raise Precondition(
            "the personal part of this record was erased, so there is nothing to compute from; the decision part and "
            "its place in the chain still prove what was decided",
            reason="PERSONAL_PART_ERASED",
        )
    if stored.personal_digest != personal_digest(record.salt, record.personal_part):
        raise _corrupt("record.personal_part", "does not match the decision part's personal_digest")
    return stored


def _parsed(kind: type[Part], content: bytes, field: str) -> Part:
    try:
        return kind.FromString(content)
    except DecodeError as error:
        raise _corrupt(f"record.{field}", f"is no {kind.DESCRIPTOR.name}") from error


def _inputs(stored: prediction_pb2.DecisionPart, personal: prediction_pb2.PersonalPart, bundle: Bundle) -> _Inputs:
    """Return the inputs of the record's rows; raises InvalidInput if they fit neither bundle nor decision part."""
    columns = len(bundle.schema.features)
    try:
        if stored.HasField("chunk"):
            positions = chunk_answers(stored.chunk).positions
            values = chunk_values(personal.chunk, rows=len(positions), columns=columns)
        else:
            positions, values = (
                np.zeros(1, dtype=np.int64),
                np.array(personal.values, dtype=np.float64).reshape(1, columns),
            )
    except ValueError as error:
        raise _unfit() from error
    if np.isinf(values).any():
        raise _unfit()
    return _Inputs(positions, values)


def _contributions(bundle: Bundle, inputs: _Inputs, row: int) -> dict[str, float]:
    place = np.flatnonzero(inputs.positions == row)
    if not len(place):
        raise InvalidInput.of("row", "is none of the rows that the record has an answer about")
    contributions = bundle.score(inputs.values[place]).contributions[0]
    return dict(zip(bundle.schema.names, contributions.tolist(), strict=True))


def _answer(bundle: Bundle, values: NDArray[np.float64], wish: Wish) -> Answer:
    (said,) = answer(bundle, [values], [wish])
    if isinstance(said, InvalidInput):
        raise said
    return said


def _differences(
    stored: prediction_pb2.DecisionPart, values: NDArray[np.float64], bundle: Bundle
) -> Iterator[Difference]:
    computed = determined_part(bundle, _answer(bundle, values, wish_from_proto(stored)))
    for name in _EXACT:
        yield from differing(name, getattr(stored, name), getattr(computed, name))
    yield from differing("decision", _decision_name(stored.decision), _decision_name(computed.decision))
    yield from differing_lists("imputed_features", stored.imputed_features, computed.imputed_features)
    if stored.kernel_id == bundle.kernel_id:
        yield from _exact_reasons(stored, computed)
    else:
        yield from _near_reasons(stored, _answer(bundle, values, EVERYTHING), bundle)


def _exact_reasons(stored: prediction_pb2.DecisionPart, computed: prediction_pb2.DecisionPart) -> Iterator[Difference]:
    yield from differing("baseline", stored.baseline, computed.baseline)
    for name in ("baseline_probability", "probability_scale"):
        # Records from before there was a choice have none of them.
        if stored.HasField(name):
            yield from differing(name, getattr(stored, name), getattr(computed, name))
    for name in ("reason_features", "reason_contributions", "principal_reason_codes"):
        yield from differing_lists(name, getattr(stored, name), getattr(computed, name))


def _near_reasons(stored: prediction_pb2.DecisionPart, said: Answer, bundle: Bundle) -> Iterator[Difference]:
    """Yield what another kernel may not change; it may change the order of contributions that are nearly equal."""
    yield from differing_nearly("baseline", stored.baseline, said.baseline)
    yield from differing_contributions(
        dict(zip(stored.reason_features, stored.reason_contributions, strict=True)),
        dict(zip(said.reasons.features, said.reasons.contributions, strict=True)),
        names=dict(enumerate(bundle.schema.names)),
        whole=wish_from_proto(stored).detail is Detail.ALL,
    )


def _decision_name(number: int) -> str:
    known = number in prediction_pb2.Decision.values()
    return prediction_pb2.Decision.Name(prediction_pb2.Decision.ValueType(number)) if known else str(number)


def _unfit() -> InvalidInput:
    return _corrupt("record.personal_part", "holds values that do not fit the bundle that the record names")


def _corrupt(field: str, description: str) -> InvalidInput:
    return InvalidInput.of(field, description, reason="RECORD_CORRUPT")
