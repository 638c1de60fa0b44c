"""What people read of scores: rows that failed, reasons that are absent, decisions that are new."""

import pytest
from google.rpc import code_pb2, status_pb2

from counterfoil.cli.views.scores import applicant_view, batch_view, score_view, serving_model_view
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import feature_pb2, prediction_pb2
from tests.service import cli_samples as samples
from tests.unit.cli.rendered import fact, text, words

ROW = scorer_pb2.BatchScoreResult


def test_batch_keeps_its_order_and_counts_every_answer() -> None:
    """A row that failed says why in its own line; one without a reason of ours shows its code."""
    approved = samples.score("1")
    approved.decision = prediction_pb2.DECISION_APPROVE
    reply = scorer_pb2.BatchScoreResponse(
        results=[
            ROW(status=samples.refusal(code_pb2.NOT_FOUND, "APPLICANT_NOT_FOUND", "no applicant 9")),
            ROW(score=approved),
            ROW(status=status_pb2.Status(code=code_pb2.INTERNAL, message="broken")),
            ROW(score=samples.score("3")),
        ]
    )

    *_, first, second, third, fourth, counts = words(batch_view(["9", "1", "2", "3"], reply))

    assert first == ["9", "not", "scored", "no", "applicant", "9", "(APPLICANT_NOT_FOUND)"]
    assert second == ["1", "APPROVE", "0.2000", "EXT_SOURCE_2"]
    assert third == ["2", "not", "scored", "broken", "(INTERNAL)"]
    assert fourth[:2] == ["3", "REFUSE"]
    assert " ".join(counts) == "4 applicants: 1 APPROVE, 1 REFUSE, 2 not scored"


def test_batch_of_nobody_has_a_count_all_the_same() -> None:
    """An empty file of identifiers is no crash."""
    assert "0 applicants:" in text(batch_view([], scorer_pb2.BatchScoreResponse()))


@pytest.mark.parametrize(
    ("probability", "where"), [(0.0911, "below"), (0.0912, "at or above"), (0.0913, "at or above")]
)
def test_threshold_itself_is_not_below(probability: float, where: str) -> None:
    """The words follow the decision rule: refused from the threshold on."""
    score = samples.score()
    score.probability = probability

    assert fact(score_view(score, reasons=0), "probability") == (
        f"of default  {probability:.4f}, {where} the threshold 0.0912"
    )


@pytest.mark.parametrize("shown", [0, 1, 2, 3, 10])
def test_contributions_that_are_shown_add_up_to_the_margin(shown: int) -> None:
    """However few lines are asked for, what is left out is summed in one."""
    lines = words(score_view(samples.score(), reasons=shown))

    start = next(number for number, line in enumerate(lines) if line[0] == "baseline")
    *parts, margin = [float(line[-1]) for line in lines[start:]]
    assert sum(parts) == pytest.approx(margin)
    assert len(parts) == 1 + min(shown, 3) + (shown < 3)


def test_score_without_principal_reasons_has_no_empty_table_of_them() -> None:
    """An approval need not name any."""
    shown = text(score_view(scorer_pb2.ScoreResponse(decision=prediction_pb2.DECISION_REFER), reasons=3))

    assert "principal reasons" not in shown
    assert "REFER" in shown
    assert "imputed" not in shown


def test_decision_that_this_client_does_not_know_is_shown_by_its_number() -> None:
    """A later scorer may have one more; the answer is logged already and must be told."""
    # Field 8, over the wire, since a message refuses the number in Python.
    assert fact(score_view(scorer_pb2.ScoreResponse.FromString(b"\x40\x63"), reasons=0), "decision") == "99"


def test_category_is_told_from_a_number_and_from_missing() -> None:
    """An empty category stays empty."""
    value = feature_pb2.FeatureValue
    features = feature_pb2.FeatureMap(
        features={"A": value(category=""), "B": value(number=0), "C": value(category="x")}
    )

    lines = words(applicant_view(scorer_pb2.Applicant(features=features)))

    assert lines[-3:] == [["A"], ["B", "0"], ["C", "x"]]
    assert ["features", "3,", "of", "which", "0", "missing"] in lines


def test_short_schema_is_shown_whole() -> None:
    """No line says that there is more."""
    model = samples.serving_model()
    del model.features[30:]

    assert "more" not in text(serving_model_view(model))
