"""What people see of logged predictions."""

from collections.abc import Iterable
from itertools import islice

from rich.console import RenderableType

from counterfoil.cli.views.layout import (
    ABSENT,
    facts,
    figure,
    identifier,
    listing,
    moment,
    short_version,
    stacked,
    word,
)
from counterfoil.cli.views.outcomes import outcomes_view
from counterfoil.cli.views.scores import decision_word
from counterfoil.monitor.v1 import prediction_log_pb2
from counterfoil.types.v1 import prediction_pb2


def prediction_view(prediction: prediction_log_pb2.Prediction, *, reasons: int) -> RenderableType:
    """Return the decision with its overrides, principal reasons, the `reasons` largest contributions, and the proof."""
    return stacked(
        facts(_head(prediction)),
        _overrides(prediction.overrides),
        outcomes_view(prediction) if prediction.outcomes else None,
        _principal(prediction.principal_reasons),
        _contributions(prediction, reasons),
        facts(_proof(prediction)),
    )


def prediction_list_view(predictions: Iterable[prediction_log_pb2.Prediction]) -> RenderableType:
    """Return one line for each prediction."""
    rows = [
        (
            moment(each.create_time),
            f"{short_version(each.model_version)}/{identifier(each.name)}",
            each.applicant_id or ABSENT,
            word(prediction_pb2.Purpose.DESCRIPTOR, each.purpose),
            f"{each.probability:.4f}",
            _decided(each),
        )
        for each in predictions
    ]
    headings = ("time", "prediction", "applicant", "purpose", "probability", "decision")
    return listing(headings, rows, right=("probability",))


def override_view(override: prediction_log_pb2.Override) -> RenderableType:
    """Return what was recorded."""
    return facts(
        [
            ("prediction", override.prediction),
            ("override", str(override.number)),
            ("decision", decision_word(override.decision)),
            ("reason", f"{override.reason_code}: {override.reason}"),
            ("officer", override.officer),
            ("caller", override.caller),
            ("recorded", moment(override.create_time)),
        ]
    )


def _decided(prediction: prediction_log_pb2.Prediction) -> str:
    decided = decision_word(prediction.effective_decision)
    return f"{decided}, not {decision_word(prediction.decision)}" if prediction.overrides else decided


def _head(prediction: prediction_log_pb2.Prediction) -> list[tuple[str, str]]:
    missing = sum(each.value.HasField("missing") for each in prediction.inputs)
    erased = "erased; decision and proof stay" if prediction.erased else ""
    return [
        ("prediction", prediction.name),
        ("decision", _decided(prediction)),
        ("probability of default", f"{prediction.probability:.4f}, threshold {prediction.threshold:.4f}"),
        ("answered", f"{moment(prediction.create_time)} to {prediction.caller} by {prediction.method}"),
        ("purpose", word(prediction_pb2.Purpose.DESCRIPTOR, prediction.purpose)),
        ("applicant", prediction.applicant_id),
        ("application", prediction.application_number),
        ("as of", prediction.as_of_date),
        ("personal data", erased or f"{len(prediction.inputs)} inputs, of which {missing} missing: --json shows them"),
        ("bundle", prediction.bundle_digest),
        ("kernel", prediction.kernel_id),
        ("names missing", prediction.names_missing_reason),
    ]


def _overrides(overrides: Iterable[prediction_log_pb2.Override]) -> RenderableType | None:
    rows = [
        (
            moment(each.create_time),
            decision_word(each.decision),
            each.officer or each.caller,
            f"{each.reason_code}: {each.reason}",
        )
        for each in overrides
    ]
    return listing(("time", "decision", "by", "reason"), rows, title="overrides, the last counts") if rows else None


def _principal(reasons: Iterable[prediction_log_pb2.PrincipalReason]) -> RenderableType | None:
    rows = [(each.code, each.text or ABSENT) for each in reasons]
    return listing(("code", "reason"), rows, title="principal reasons, by weight") if rows else None


def _contributions(prediction: prediction_log_pb2.Prediction, shown: int) -> RenderableType:
    inputs = {each.position: each for each in prediction.inputs}
    rows = [
        (
            each.feature or f"feature {each.position}",
            _value(inputs.get(each.position)),
            f"{each.contribution:+.4f}",
        )
        for each in islice(prediction.reasons, shown)
    ]
    headings = ("feature", "value", "log-odds")
    return listing(headings, rows, title="largest contributions to the margin", right=("value", "log-odds"))


def _value(given: prediction_log_pb2.PredictionInput | None) -> str:
    if given is None:
        return ABSENT
    if given.value.HasField("missing"):
        return "missing"
    return figure(given.value.number)


def _proof(prediction: prediction_log_pb2.Prediction) -> list[tuple[str, str]]:
    proof = prediction.proof
    return [
        ("receipt", f"{proof.instance} record {proof.sequence} hash {proof.hash.hex()}"),
        ("previous hash", proof.previous_hash.hex()),
        ("personal digest", proof.personal_digest.hex()),
        ("stored", f"{moment(proof.ingest_time)} in segment {proof.segment_number}, {proof.continuity}"),
    ]
