"""What bundle, inputs and wish alone determine of an answer, as bytes of its reply and of its record."""

from array import array
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from services.scorer.domain.reasons import Detail, Wish
from services.scorer.domain.scoring import Answer, Scored, answers
from services.scorer.messages import decision_to_proto, explain_to_proto
from shared.bundle.reading import Bundle
from shared.bundle.wording import worded
from shared.wire import raw_form

_RawDecision: Final = raw_form(prediction_pb2.DecisionPart, "reason_contributions")


class Parts(NamedTuple):
    """An answer's fields of ScoreResponse, and those of DecisionPart, each serialised in the order of their numbers."""

    response: bytes
    decision: bytes


class PlainRenderer:
    """Writes by protobuf's own classes: slower than the compiled renderer, which has to write the same bytes."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def render(self, values: NDArray[np.float64], scored: Scored, wishes: Sequence[Wish]) -> list[Parts]:
        """Return the parts of each row, empty of one that is not sound.

        `values` are those that were scored, C-contiguous (n_rows, n_features), with NaN where one is missing.
        """
        return [self._parts(*each) for each in zip(answers(self._bundle, scored, wishes), values, strict=True)]

    def _parts(self, answer: Answer | Any, values: NDArray[np.float64]) -> Parts:
        if not isinstance(answer, Answer):
            return Parts(b"", b"")
        return Parts(
            _response(self._bundle, answer, values).SerializeToString(),
            _decision(self._bundle, answer).SerializeToString(),
        )


def determined_part(bundle: Bundle, answer: Answer) -> prediction_pb2.DecisionPart:
    """Return the fields of the record that a replay must find again."""
    return prediction_pb2.DecisionPart.FromString(_decision(bundle, answer).SerializeToString())


def _response(bundle: Bundle, answer: Answer, values: NDArray[np.float64]) -> scorer_pb2.ScoreResponse:
    # Fields are set one by one: that takes a third of the time that they take as arguments.
    response = scorer_pb2.ScoreResponse()
    response.probability = answer.probability
    response.margin = answer.margin
    response.baseline = answer.baseline
    response.threshold = answer.threshold
    response.decision = decision_to_proto(answer.decision)
    if answer.wish.detail is not Detail.NONE:
        _set_reasons(response.reasons, bundle, answer, values)
    response.imputed_features.extend(bundle.schema.names[position] for position in answer.imputed)
    return response


def _set_reasons(message: scorer_pb2.Reasons, bundle: Bundle, answer: Answer, values: NDArray[np.float64]) -> None:
    features, names, reasons = bundle.schema.features, bundle.schema.names, answer.reasons
    message.features.extend([names[position] for position in reasons.features])
    message.contributions.extend(reasons.contributions)
    message.principal_codes.extend(_principal_codes(bundle, answer))
    message.principal_texts.extend([worded(features[position], values[position]) for position in reasons.principal])
    message.baseline_probability = answer.in_probability.baseline
    message.probability_scale = answer.in_probability.scale


def _decision(bundle: Bundle, answer: Answer) -> Any:
    decision = _RawDecision()
    decision.probability = answer.probability
    decision.margin = answer.margin
    decision.baseline = answer.baseline
    decision.threshold = answer.threshold
    decision.decision = decision_to_proto(answer.decision)
    decision.reason_features.extend(answer.reasons.features)
    decision.reason_contributions = array("d", answer.reasons.contributions).tobytes()
    decision.imputed_features.extend(answer.imputed)
    decision.principal_reason_codes.extend(_principal_codes(bundle, answer))
    decision.explain = explain_to_proto(answer.wish)
    decision.max_principal_reasons = answer.wish.principal
    if answer.wish.detail is not Detail.NONE:
        decision.baseline_probability = answer.in_probability.baseline
        decision.probability_scale = answer.in_probability.scale
    return decision


def _principal_codes(bundle: Bundle, answer: Answer) -> list[str]:
    """Return the codes of the principal reasons, in rank order."""
    features = bundle.schema.features
    return [features[position].reason for position in answer.reasons.principal]
