"""Messages about logged predictions to the domain's words and back, and the field paths of what is invalid."""

import math
from collections.abc import Iterator, Sequence

from counterfoil.monitor.v1 import prediction_log_pb2
from counterfoil.types.v1 import feature_pb2, prediction_pb2
from services.monitor.domain.model import is_numbered
from services.monitor.domain.override import DECISIONS, Override, OverrideWish
from services.monitor.domain.prediction import PredictionFilter, parse_name
from services.monitor.domain.window import check_window
from services.monitor.messages import window_from_proto
from services.monitor.outcome_messages import outcomes_to_proto
from services.monitor.predictions import Found, Listed
from shared.bundle.schema import Feature
from shared.bundle.wording import worded_again
from shared.errors import FieldViolation, InvalidInput
from shared.rpc.times import moment_of

LONGEST_TEXT = 128
_MISSING = feature_pb2.FeatureValue(missing=feature_pb2.Missing())


def filter_from_proto(request: prediction_log_pb2.ListPredictionsRequest) -> PredictionFilter:
    """Return what is to be listed; raises InvalidInput for what cannot be, or cannot be together."""
    violations = [*_unknown_words(request), *_too_long(request), *_against_window(request)]
    if request.model_version and not is_numbered(request.model_version):
        violations.append(FieldViolation("model_version", "is not of the form models/{model}/versions/{number}"))
    window = window_from_proto(request.window) if request.HasField("window") else None
    if window is not None:
        violations += check_window(window)
    if violations:
        raise InvalidInput(violations)
    return PredictionFilter(
        model_version=request.model_version,
        start_time=moment_of(request.start_time, "start_time") if request.HasField("start_time") else None,
        end_time=moment_of(request.end_time, "end_time") if request.HasField("end_time") else None,
        decisions=frozenset(map(decision_word, request.decisions)),
        purposes=frozenset(map(_purpose_word, request.purposes)),
        applicant_id=request.applicant_id,
        application_number=request.application_number,
        window=window,
    )


def wish_from_proto(request: prediction_log_pb2.RecordOverrideRequest, caller: str) -> OverrideWish:
    """Return what is to be recorded; raises InvalidInput for what lacks, is too long or is no decision."""
    name = parse_name(request.prediction, field_path="prediction")
    word = decision_word(request.decision)
    if word not in DECISIONS:
        raise InvalidInput.of("decision", f"says not what was decided; give one of {', '.join(DECISIONS)}")
    return OverrideWish(
        prediction=name,
        decision=word,
        reason_code=request.reason_code,
        reason=request.reason,
        officer=request.officer,
        caller=caller,
        request_id=request.request_id,
    ).checked()


def override_to_proto(override: Override) -> prediction_log_pb2.Override:
    """Return the override as it goes over the wire."""
    wish = override.wish
    message = prediction_log_pb2.Override(
        prediction=str(wish.prediction),
        number=override.number,
        decision=_decision(wish.decision),
        reason_code=wish.reason_code,
        reason=wish.reason,
        officer=wish.officer,
        caller=wish.caller,
    )
    message.create_time.FromDatetime(override.create_time)
    return message


def listed_to_proto(listed: Listed) -> prediction_log_pb2.Prediction:
    """Return a row of a list."""
    row = listed.row
    message = prediction_log_pb2.Prediction(
        name=str(listed.name),
        model_version=listed.name.model_version,
        purpose=_purpose(row["purpose"]),
        probability=row["probability"],
        decision=_decision(row["decision"]),
        effective_decision=_decision(listed.override.wish.decision if listed.override else row["decision"]),
        overrides=[override_to_proto(listed.override)] if listed.override else [],
        applicant_id=row["applicant_id"] or "",
        application_number=row["application_number"] or "",
    )
    message.create_time.FromDatetime(row["create_time"])
    return message


def found_to_proto(found: Found) -> prediction_log_pb2.Prediction:
    """Return everything that is stored about a prediction."""
    decision, record, told = found.decision, found.record, found.told
    personal = prediction_pb2.PersonalPart.FromString(record.personal_part)
    features = found.schema.features if found.schema is not None else ()
    last = found.overrides[-1].wish.decision if found.overrides else None
    return prediction_log_pb2.Prediction(
        name=str(found.name),
        create_time=decision.create_time,
        model_version=decision.model_version,
        purpose=decision.purpose,
        probability=told.probability,
        decision=prediction_pb2.Decision.ValueType(told.decision),
        effective_decision=_decision(last if last is not None else str(told.decision)),
        overrides=map(override_to_proto, found.overrides),
        applicant_id=told.applicant_id,
        application_number=personal.application_number,
        margin=told.margin,
        baseline=decision.baseline,
        threshold=decision.threshold,
        bundle_digest=decision.bundle_digest,
        kernel_id=decision.kernel_id,
        caller=decision.caller,
        method=decision.method,
        request_id=personal.request_id,
        as_of_date=decision.as_of_date,
        inputs=_inputs(decision, told.values, features),
        reasons=_reasons(decision, features),
        principal_reasons=_principal_reasons(decision, told.values, features),
        erased=not record.personal_part and not record.salt,
        names_missing_reason=found.names_missing_reason,
        proof=_proof(found),
        outcomes=outcomes_to_proto(found.outcomes),
        record=prediction_pb2.PredictionRecord(
            sequence=record.sequence,
            decision_part=record.decision_part,
            personal_part=record.personal_part,
            salt=record.salt,
            hash=record.hash,
        ),
    )


def decision_word(decision: int) -> str:
    """Return APPROVE, REFUSE or REFER, or the bare number of a decision that this version does not know."""
    if decision not in prediction_pb2.Decision.values():
        return str(decision)
    return prediction_pb2.Decision.Name(prediction_pb2.Decision.ValueType(decision)).removeprefix("DECISION_")


def _purpose_word(purpose: int) -> str:
    return prediction_pb2.Purpose.Name(prediction_pb2.Purpose.ValueType(purpose)).removeprefix("PURPOSE_")


def _decision(word: str) -> prediction_pb2.Decision.ValueType:
    """Return the decision of a word of the log, which may be a bare number."""
    if word.isdecimal():
        return prediction_pb2.Decision.ValueType(int(word))
    return prediction_pb2.Decision.Value(f"DECISION_{word}")


def _purpose(word: str) -> prediction_pb2.Purpose.ValueType:
    if word.isdecimal():
        return prediction_pb2.Purpose.ValueType(int(word))
    return prediction_pb2.Purpose.Value(f"PURPOSE_{word}")


def _inputs(
    decision: prediction_pb2.DecisionPart, values: Sequence[float], features: tuple[Feature, ...]
) -> Iterator[prediction_log_pb2.PredictionInput]:
    imputed = set(decision.imputed_features)
    for position, value in enumerate(values):
        yield prediction_log_pb2.PredictionInput(
            feature=_name(features, position),
            position=position,
            value=_MISSING if math.isnan(value) else feature_pb2.FeatureValue(number=value),
            imputed=position in imputed,
        )


def _reasons(
    decision: prediction_pb2.DecisionPart, features: tuple[Feature, ...]
) -> Iterator[prediction_log_pb2.PredictionReason]:
    for position, contribution in zip(decision.reason_features, decision.reason_contributions, strict=False):
        yield prediction_log_pb2.PredictionReason(
            feature=_name(features, position), position=position, contribution=contribution
        )


def _principal_reasons(
    decision: prediction_pb2.DecisionPart, values: Sequence[float], features: tuple[Feature, ...]
) -> Iterator[prediction_log_pb2.PrincipalReason]:
    """Yield the reasons as they were told: those that raised the margin most, whose codes are stored."""
    contributions = zip(decision.reason_features, decision.reason_contributions, strict=False)
    texts = worded_again(decision.principal_reason_codes, contributions, features, values)
    for code, text in zip(decision.principal_reason_codes, texts, strict=True):
        yield prediction_log_pb2.PrincipalReason(code=code, text=text)


def _name(features: tuple[Feature, ...], position: int) -> str:
    return features[position].name if position < len(features) else ""


def _proof(found: Found) -> prediction_log_pb2.PredictionProof:
    record = found.record
    proof = prediction_log_pb2.PredictionProof(
        instance=record.instance,
        segment_number=record.number,
        sequence=record.sequence,
        hash=record.hash,
        previous_hash=record.previous_hash,
        personal_digest=found.decision.personal_digest,
        salt=record.salt,
        continuity=record.continuity,
    )
    proof.ingest_time.FromDatetime(record.ingest_time)
    return proof


def _unknown_words(request: prediction_log_pb2.ListPredictionsRequest) -> Iterator[FieldViolation]:
    for path, numbers, known in (
        ("decisions", request.decisions, prediction_pb2.Decision.values()),
        ("purposes", request.purposes, prediction_pb2.Purpose.values()),
    ):
        for place, number in enumerate(numbers):
            if number == 0 or number not in known:
                yield FieldViolation(f"{path}[{place}]", "is not set or not known")


def _too_long(request: prediction_log_pb2.ListPredictionsRequest) -> Iterator[FieldViolation]:
    texts = (("applicant_id", request.applicant_id), ("application_number", request.application_number))
    for path, text in texts:
        if len(text) > LONGEST_TEXT:
            yield FieldViolation(path, f"has {len(text)} characters; give at most {LONGEST_TEXT}")


def _against_window(request: prediction_log_pb2.ListPredictionsRequest) -> Iterator[FieldViolation]:
    if not request.HasField("window"):
        return
    if not request.model_version:
        yield FieldViolation("model_version", "is empty; a window is one of a model version")
    for path, given in (
        ("purposes", bool(request.purposes)),
        ("start_time", request.HasField("start_time")),
        ("end_time", request.HasField("end_time")),
    ):
        if given:
            yield FieldViolation(path, "cannot be combined with window, which has its own")
