"""Calls of the Open Inference Protocol to questions, and answers to its tensors."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from counterfoil.inference.v2 import open_inference_pb2
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import explanation_pb2, prediction_pb2
from services.scorer.domain.reasons import Detail, Wish
from services.scorer.domain.requests import (
    ASKED_FOR,
    Absence,
    Applicant,
    DenseFeatures,
    FeatureValue,
    NamedFeatures,
    Purpose,
    Question,
    StoredApplicant,
    Subject,
)
from services.scorer.domain.serving import Served
from services.scorer.messages import MAX_SUBJECTS, MAX_TEXT
from services.scorer.tensors import BYTES, FP64, Tensor, encode_numbers, encode_texts, read_tensors
from shared.bundle.schema import FeatureSchema
from shared.errors import AlreadyExists, CounterfoilError, InvalidInput, NotFound

Outcome: TypeAlias = scorer_pb2.ScoreResponse | CounterfoilError

_FEATURES: Final = "features"
_APPLICANT_ID: Final = "applicant_id"
_ALWAYS: Final = ("prediction", "probability", "decision", "error")
_EXPLAINED: Final = {
    "none": (),
    "reasons": ("reasons",),
    "all": ("reasons", "margin", "baseline", "contributions"),
}
_DETAILS: Final = {"none": Detail.NONE, "reasons": Detail.PRINCIPAL, "all": Detail.ALL}
_GIVEN: Final = {
    explanation_pb2.EXPLAIN_NONE: "none",
    explanation_pb2.EXPLAIN_REASONS: "reasons",
}
_TEXTS: Final = ("prediction", "decision", "error", "reasons")
_OUTPUTS: Final = ("prediction", "probability", "decision", "error", "reasons", "margin", "baseline", "contributions")
_SPOILS_ONLY_ITSELF: Final = (InvalidInput, NotFound, AlreadyExists)


@dataclass(frozen=True)
class Call:
    """What a call asks beside its applicants; `outputs` are names of tensors, and the wish is for what they need."""

    purpose: Purpose
    request_id: str
    outputs: tuple[str, ...]
    wish: Wish
    at_least: Detail | None = None


def call_of(request: open_inference_pb2.ModelInferRequest) -> Call:
    """Return what the parameters and the requested outputs say; raises InvalidInput for what is not known."""
    given = {name: _text_of(name, parameter) for name, parameter in request.parameters.items()}
    purpose = given.pop("purpose", Purpose.DECISION)
    if purpose not in ASKED_FOR:
        raise _wrong_parameter("purpose", f"is none of {', '.join(ASKED_FOR)}")
    explain = given.pop("explain", "none")
    if explain not in _EXPLAINED:
        raise _wrong_parameter("explain", f"is none of {', '.join(_EXPLAINED)}")
    request_id = given.pop("request_id", "")
    if len(request_id) > MAX_TEXT:
        raise _wrong_parameter("request_id", f"is longer than {MAX_TEXT} characters; shorten it")
    at_least = given.pop("explain_at_least", None)
    if given:
        known = "explain, explain_at_least, purpose and request_id"
        raise _wrong_parameter(min(given), f"is not known; known are {known}")
    outputs = tuple(output.name for output in request.outputs) or (*_ALWAYS, *_EXPLAINED[explain])
    for place, name in enumerate(outputs):
        if name not in _OUTPUTS or name in outputs[:place]:
            why = f"is unknown or asked for twice; ModelMetadata lists {', '.join(_OUTPUTS)}"
            raise InvalidInput.of(f"outputs[{place}].name", why)
    detail = _needed(outputs)
    return Call(Purpose(purpose), request_id, outputs, Wish(detail), _least(at_least, detail))


def _needed(outputs: Sequence[str]) -> Detail:
    """Return the detail of reasons that the tensors are made of."""
    if "contributions" in outputs:
        return Detail.ALL
    return Detail.PRINCIPAL if "reasons" in outputs else Detail.NONE


def _least(text: str | None, wished: Detail) -> Detail | None:
    """Return what the parameter says that is enough under overload; None where it is not given."""
    if text is None:
        return None
    if text not in _DETAILS:
        raise _wrong_parameter("explain_at_least", f"is none of {', '.join(_DETAILS)}")
    if wished.is_less_than(_DETAILS[text]):
        raise _wrong_parameter("explain_at_least", "is more than explain or the outputs ask for; give less")
    return _DETAILS[text]


def questions_of(
    request: open_inference_pb2.ModelInferRequest, call: Call, schema: FeatureSchema, *, model: str, caller: str
) -> list[Question]:
    """Return a question for each applicant; raises InvalidInput for tensors that do not describe any.

    The path of an invalid feature begins with `rows[i].`, i being the applicant's place in the call.
    """
    applicants = _applicants(read_tensors(request), schema)
    return [
        Question(
            Subject(applicant, field_prefix=f"rows[{row}]."),
            call.purpose,
            model,
            caller,
            "ModelInfer",
            call.request_id,
            row,
            call.wish,
            request.model_version,
            call.at_least,
        )
        for row, applicant in enumerate(applicants)
    ]


def reply_of(
    request: open_inference_pb2.ModelInferRequest, call: Call, served: Served, outcomes: Sequence[Outcome]
) -> open_inference_pb2.ModelInferResponse:
    """Return the tensors about all applicants.

    One that could not be scored has its error in place, its numbers are NaN and its texts empty. Raises the error of a
    single applicant, and any that is not about one applicant. What was not told of one because of an overload is NaN or
    empty too, and the parameter explain_given is the least that was told of any.
    """
    for outcome in outcomes:
        alone = len(outcomes) == 1 or not isinstance(outcome, _SPOILS_ONLY_ITSELF)
        if isinstance(outcome, CounterfoilError) and alone:
            raise outcome
    # A swap may have come since the call began: the version is that of the answers.
    version = next((each.model_version for each in outcomes if isinstance(each, scorer_pb2.ScoreResponse)), "")
    reply = open_inference_pb2.ModelInferResponse(
        model_name=served.bundle.model_name, model_version=version.rpartition("/")[2] or served.version, id=request.id
    )
    given = [each.explain_given for each in outcomes if isinstance(each, scorer_pb2.ScoreResponse)]
    if less := [each for each in given if each]:
        reply.parameters["explain_given"].string_param = _GIVEN[min(less)]
    for name in call.outputs:
        width = [len(served.bundle.schema.names)] if name == "contributions" else []
        datatype = BYTES if name in _TEXTS else FP64
        reply.outputs.add(name=name, datatype=datatype, shape=[len(outcomes), *width])
        reply.raw_output_contents.append(_encoded(name, outcomes, served.bundle.schema.names))
    return reply


def metadata_of(served: Served) -> open_inference_pb2.ModelMetadataResponse:
    """Return the tensors that a served model takes and gives."""
    features = len(served.bundle.schema.names)
    metadata = open_inference_pb2.ModelMetadataResponse(
        name=served.bundle.model_name,
        versions=[served.version],
        platform=f"counterfoil_{served.bundle.classifier}",
    )
    metadata.inputs.add(name=_FEATURES, datatype=FP64, shape=[-1, features])
    for name in _OUTPUTS:
        datatype = BYTES if name in _TEXTS else FP64
        metadata.outputs.add(name=name, datatype=datatype, shape=[-1, features] if name == "contributions" else [-1])
    return metadata


def _applicants(tensors: Sequence[Tensor], schema: FeatureSchema) -> Sequence[Applicant]:
    if not tensors:
        raise InvalidInput.of("inputs", f"is empty; send {_FEATURES}, {_APPLICANT_ID}, or one tensor a feature")
    rows = tensors[0].shape[0]
    if not 1 <= rows <= MAX_SUBJECTS:
        raise InvalidInput.of("inputs[0].shape", f"has {rows} applicants; send 1 to {MAX_SUBJECTS}")
    if tensors[0].name == _FEATURES:
        return _dense(tensors, schema)
    columns = {tensor.name: _column(tensor, rows, f"inputs[{place}]") for place, tensor in enumerate(tensors)}
    if len(columns) < len(tensors):
        raise InvalidInput.of("inputs", "has two tensors of one name; send each once")
    if _APPLICANT_ID in columns:
        return _stored(columns)
    return [NamedFeatures({name: column[row] for name, column in columns.items()}) for row in range(rows)]


def _dense(tensors: Sequence[Tensor], schema: FeatureSchema) -> Sequence[Applicant]:
    values, width = tensors[0].elements, len(schema.names)
    if len(tensors) > 1:
        raise InvalidInput.of("inputs[1]", f"stands beside {_FEATURES}, which already holds every feature")
    if isinstance(values, list):
        raise InvalidInput.of("inputs[0].datatype", f"is {BYTES}; {_FEATURES} are numbers")
    if tensors[0].shape[1:] != (width,):
        raise InvalidInput.of("inputs[0].shape", f"is {list(tensors[0].shape)}; the served model takes [-1, {width}]")
    return [DenseFeatures(schema.digest, row) for row in values.reshape(-1, width)]


def _stored(columns: Mapping[str, list[FeatureValue]]) -> Sequence[Applicant]:
    if len(columns) > 1:
        raise InvalidInput.of("inputs[1]", f"stands beside {_APPLICANT_ID}, which already says who is scored")
    identifiers = columns[_APPLICANT_ID]
    texts = [each for each in identifiers if isinstance(each, str)]
    if len(texts) < len(identifiers):
        raise InvalidInput.of("inputs[0]", f"holds an identifier that is empty or a number; send {BYTES}")
    return [StoredApplicant(each) for each in texts]


def _column(tensor: Tensor, rows: int, path: str) -> list[FeatureValue]:
    if tensor.shape not in ((rows,), (rows, 1)):
        raise InvalidInput.of(f"{path}.shape", f"is {list(tensor.shape)} where the first input has {rows} applicants")
    if isinstance(tensor.elements, list):
        return [text or Absence.MISSING for text in tensor.elements]
    return [Absence.MISSING if np.isnan(number) else number for number in tensor.elements.tolist()]


def _text_of(name: str, parameter: open_inference_pb2.InferParameter) -> str:
    if parameter.WhichOneof("parameter_choice") != "string_param":
        raise _wrong_parameter(name, "is not a text; send it as string_param")
    return parameter.string_param


def _wrong_parameter(name: str, why: str) -> InvalidInput:
    return InvalidInput.of(f'parameters["{name[:MAX_TEXT]}"]', why)


def _encoded(name: str, outcomes: Sequence[Outcome], features: Sequence[str]) -> bytes:
    if name in _TEXTS:
        return encode_texts([_text(name, outcome) for outcome in outcomes])
    if name == "contributions":
        return encode_numbers(np.stack([_contributions(outcome, features) for outcome in outcomes]))
    numbers = [np.nan if isinstance(each, CounterfoilError) else getattr(each, name) for each in outcomes]
    return encode_numbers(np.array(numbers))


def _text(name: str, outcome: Outcome) -> str:
    if isinstance(outcome, CounterfoilError):
        return f"{outcome.reason}: {outcome.message}" if name == "error" else ""
    return _WORDS[name](outcome)


def _contributions(outcome: Outcome, features: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if isinstance(outcome, CounterfoilError) or outcome.explain_given:
        return np.full(len(features), np.nan)
    given = dict(zip(outcome.reasons.features, outcome.reasons.contributions, strict=True))
    return np.array([given.get(name, 0.0) for name in features])


def _reasons(score: scorer_pb2.ScoreResponse) -> str:
    if score.explain_given == explanation_pb2.EXPLAIN_NONE:
        return ""
    principal = zip(score.reasons.principal_codes, score.reasons.principal_texts, strict=True)
    return json.dumps([{"code": code, "text": text} for code, text in principal], ensure_ascii=False)


_WORDS: Final[Mapping[str, Callable[[scorer_pb2.ScoreResponse], str]]] = {
    "prediction": lambda score: score.prediction,
    "decision": lambda score: prediction_pb2.Decision.Name(score.decision).removeprefix("DECISION_"),
    "error": lambda _score: "",
    "reasons": _reasons,
}
