"""What people see of scores: the decision, the reasons, and the counts of a batch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import RenderableType

from counterfoil.cli.views.layout import facts, figure, identifier, listing, moment, share, stacked, word
from counterfoil.client.errors import status_error
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import feature_pb2, prediction_pb2

_SHOWN_FEATURES: Final = 30


def score_view(score: scorer_pb2.ScoreResponse, *, reasons: int) -> RenderableType:
    """Return the decision with its principal reasons and the `reasons` largest contributions."""
    return stacked(facts(_head(score)), _principal(score.reasons), _contributions(score, reasons))


def batch_view(applicants: Sequence[str], reply: scorer_pb2.BatchScoreResponse) -> RenderableType:
    """Return one line for each applicant, in their order, and how many of each answer there were."""
    rows = [_row(applicant, result) for applicant, result in zip(applicants, reply.results, strict=True)]
    answers = Counter(decision for _, decision, _, _ in rows)
    counts = ", ".join(f"{number} {word}" for word, number in sorted(answers.items()))
    headings = ("applicant", "decision", "probability", "principal reasons")
    return stacked(listing(headings, rows, right=("probability",)), f"{len(rows)} applicants: {counts}")


def dataset_view(counts: Mapping[str, int]) -> RenderableType:
    """Return how many applicants had which answer, and their share."""
    total = sum(counts.values())
    rows = [(answer, f"{number:,}", share(number / total)) for answer, number in sorted(counts.items())]
    return stacked(
        listing(("decision", "applicants", "share"), rows, right=("applicants", "share")), f"{total:,} in all"
    )


def applicant_view(applicant: scorer_pb2.Applicant) -> RenderableType:
    """Return where an applicant is from and every feature that the served model reads."""
    values = applicant.features.features
    rows = [(name, _value_text(values[name])) for name in sorted(values)]
    missing = sum(value.HasField("missing") for value in values.values())
    head = [
        ("applicant", identifier(applicant.name)),
        ("data set", f"{identifier(applicant.dataset)}, split {applicant.split}"),
        ("features", f"{len(values)}, of which {missing} missing"),
    ]
    return stacked(facts(head), listing(("feature", "value"), rows, right=("value",)))


def serving_model_view(model: scorer_pb2.ServingModel) -> RenderableType:
    """Return what is served, and the first of its features."""
    head = [
        ("model version", model.model_version),
        ("classifier", model.classifier),
        ("threshold", f"{model.threshold:.4f}"),
        ("data set", model.dataset),
        ("applicants", model.applicants_dataset),
        ("kernel", model.kernel_id),
        ("loaded", moment(model.load_time)),
        ("bundle", model.bundle_digest),
        ("features", str(len(model.features))),
    ]
    rows = [(each.name, share(each.missing_share), each.reason_text) for each in model.features[:_SHOWN_FEATURES]]
    more = len(model.features) - len(rows)
    return stacked(
        facts(head),
        listing(("feature", "missing", "reason"), rows, right=("missing",)),
        f"... and {more} more: --json shows all" if more else None,
    )


def serving_models_view(reply: scorer_pb2.ListServingModelsResponse) -> RenderableType:
    """Return a line for each version that is served."""
    rows = [
        (each.alias, each.model_version, each.classifier, f"{each.threshold:.4f}", moment(each.load_time))
        for each in reply.serving_models
    ]
    return listing(("alias", "model version", "classifier", "threshold", "loaded"), rows, right=("threshold",))


def decision_word(decision: prediction_pb2.Decision.ValueType) -> str:
    """Return APPROVE, REFUSE or REFER; the number of a decision that is not known here."""
    return word(prediction_pb2.Decision.DESCRIPTOR, decision).upper()


def _head(score: scorer_pb2.ScoreResponse) -> list[tuple[str, str]]:
    below = "below" if score.probability < score.threshold else "at or above"
    receipt = score.receipt
    return [
        ("decision", decision_word(score.decision)),
        ("probability of default", f"{score.probability:.4f}, {below} the threshold {score.threshold:.4f}"),
        ("model version", score.model_version),
        ("prediction", identifier(score.prediction)),
        ("answered", moment(score.create_time)),
        ("receipt", f"{receipt.instance} record {receipt.sequence} hash {receipt.hash.hex()}"),
        ("imputed", ", ".join(score.imputed_features)),
    ]


def _principal(reasons: scorer_pb2.Reasons) -> RenderableType | None:
    if not reasons.principal_codes:
        return None
    rows = list(zip(reasons.principal_codes, reasons.principal_texts, strict=True))
    return listing(("code", "reason"), rows, title="principal reasons, by weight")


def _contributions(score: scorer_pb2.ScoreResponse, shown: int) -> RenderableType:
    features, contributions = score.reasons.features, score.reasons.contributions
    rows = [("baseline", f"{score.baseline:+.4f}")]
    rows += [(name, f"{value:+.4f}") for name, value in zip(features[:shown], contributions[:shown], strict=True)]
    if len(features) > shown:
        rows.append((f"{len(features) - shown} more features", f"{sum(contributions[shown:]):+.4f}"))
    rows.append(("margin", f"{score.margin:+.4f}"))
    return listing(("feature", "log-odds"), rows, title="contributions to the margin", right=("log-odds",))


def _row(applicant: str, result: scorer_pb2.BatchScoreResult) -> tuple[str, str, str, str]:
    if result.HasField("status"):
        error = status_error(result.status)
        return applicant, "not scored", "", f"{error.message} ({error.reason or error.code})"
    score = result.score
    return (
        applicant,
        decision_word(score.decision),
        f"{score.probability:.4f}",
        ", ".join(score.reasons.principal_codes),
    )


def _value_text(value: feature_pb2.FeatureValue) -> str:
    if value.HasField("missing"):
        return "missing"
    return value.category if value.HasField("category") else figure(value.number)
