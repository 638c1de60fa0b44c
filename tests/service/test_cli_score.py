"""`counterfoil score` over a real channel."""

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.rpc import code_pb2

from counterfoil.scorer.v1 import scorer_pb2, stream_pb2
from counterfoil.types.v1 import explanation_pb2, prediction_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def test_one_asks_for_an_applicant_with_its_purpose(services: FakeServices) -> None:
    """Everything that the log keeps is sent as given."""
    services.answer("Score", samples.score())
    options = ("--application-number", "A-7", "--as-of", "2026-01-31", "--request-id", "r", "--model", "m")

    services.run("score", "one", "--applicant", "100001", "--purpose", "decision", *options)

    subject = scorer_pb2.Subject(applicant_id="100001", application_number="A-7", as_of_date="2026-01-31")
    purpose = prediction_pb2.PURPOSE_DECISION
    expected = scorer_pb2.ScoreRequest(request_id="r", model="m", purpose=purpose, subject=subject)
    assert services.asked("Score") == [expected]


def test_one_shows_the_decision_and_contributions_that_add_up(services: FakeServices) -> None:
    """What is not shown singly is summed, so that baseline and lines always give the margin."""
    services.answer("Score", samples.score())

    outcome = services.run("score", "one", "--applicant", "100001", "--purpose", "test", "--reasons", "1")

    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert ["decision", "REFUSE"] in lines
    assert ["EXT_SOURCE_2", "+1.0000"] in lines
    assert ["2", "more", "features", "-0.2500"] in lines
    assert ["margin", "-1.2500"] in lines
    assert "External score 2 is low" in outcome.stdout
    assert "record 9" in outcome.stdout


def test_one_sends_named_features_with_missing_values_said(services: FakeServices, tmp_path: Path) -> None:
    """Numbers, categories and null become their explicit forms; NaN is left for the scorer to refuse."""
    services.answer("Score", samples.score())
    (file := tmp_path / "applicant.json").write_text('{"A": 1, "B": "Cash loans", "C": null, "D": NaN}')

    services.run("score", "one", "--features", str(file), "--purpose", "what-if")

    features = services.asked("Score")[0].subject.features.features
    assert features["A"].number == 1.0
    assert features["B"].category == "Cash loans"
    assert features["C"].HasField("missing")
    assert math.isnan(features["D"].number)


def test_an_applicant_written_to_a_file_can_be_sent_back_as_it_is(services: FakeServices, tmp_path: Path) -> None:
    """The way to a what-if question: write, edit, score."""
    services.answer("GetApplicant", samples.applicant())
    services.answer("Score", samples.score())
    file = tmp_path / "applicant.json"

    written = services.run("score", "applicant", "100001", "--output", str(file))
    services.run("score", "one", "--features", str(file), "--purpose", "what-if")

    assert services.asked("GetApplicant")[0].name == "applicants/100001"
    assert services.asked("Score")[0].subject.features == samples.applicant().features
    assert f"wrote {file}" in written.stderr
    assert written.stdout == ""


def test_applicant_shows_every_feature_with_missing_ones_said(services: FakeServices) -> None:
    """What is missing is told from zero."""
    services.answer("GetApplicant", samples.applicant())

    outcome = services.run("score", "applicant", "100001")

    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert ["OWN_CAR_AGE", "missing"] in lines
    assert ["features", "3,", "of", "which", "1", "missing"] in lines


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[1]", "must hold one JSON object"),
        ("{", "is no JSON"),
        ('{"A": true}', "A must be a number, a text or null"),
        ('{"A": 1, "A": 2}', "A is named twice"),
    ],
)
def test_features_of_another_form_are_refused_before_they_are_sent(
    services: FakeServices, content: str, problem: str
) -> None:
    """Wrong usage has exit code 2, and nothing reaches the log."""
    outcome = services.run("score", "one", "--features", "-", "--purpose", "test", typed=content)

    assert outcome.exit_code == 2
    assert problem in outcome.stderr
    assert services.asked("Score") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("one", "--applicant", "1"),
        ("one", "--purpose", "test"),
        ("one", "--applicant", "1", "--features", "-", "--purpose", "test"),
        ("batch", "--purpose", "test"),
        ("batch", "--applicants", "1", "--file", "-", "--purpose", "test"),
    ],
)
def test_score_without_a_purpose_or_one_subject_is_wrong_usage(
    services: FakeServices, arguments: tuple[str, ...]
) -> None:
    """A purpose is never assumed: what is logged as a decision counts for good."""
    assert services.run("score", *arguments).exit_code == 2


def test_batch_reads_identifiers_line_by_line(services: FakeServices) -> None:
    """Empty lines and comments are left out, the order is kept."""
    results = [scorer_pb2.BatchScoreResult(score=samples.score(each)) for each in ("3", "1")]
    services.answer("BatchScore", scorer_pb2.BatchScoreResponse(results=results))

    outcome = services.run("score", "batch", "--file", "-", "--purpose", "decision", typed="3\n\n# note\n1  # first\n")

    (request,) = services.asked("BatchScore")
    assert [subject.applicant_id for subject in request.subjects] == ["3", "1"]
    assert "2 applicants: 2 REFUSE" in outcome.stdout
    assert outcome.exit_code == 0


def test_batch_with_an_unknown_applicant_shows_the_others_and_exits_1(services: FakeServices) -> None:
    """Each row has its own answer or error; a script still learns that one failed."""
    refusal = samples.refusal(code_pb2.NOT_FOUND, "APPLICANT_NOT_FOUND", "no applicant 9")
    results = [scorer_pb2.BatchScoreResult(score=samples.score()), scorer_pb2.BatchScoreResult(status=refusal)]
    services.answer("BatchScore", scorer_pb2.BatchScoreResponse(results=results))

    outcome = services.run("score", "batch", "--applicants", "100001, 9", "--purpose", "test")

    assert outcome.exit_code == 1
    assert "no applicant 9 (APPLICANT_NOT_FOUND)" in outcome.stdout
    assert "2 applicants: 1 REFUSE, 1 not scored" in outcome.stdout
    assert "error: 1 of 2 applicants were not scored (ROWS_NOT_SCORED)" in outcome.stderr


def test_batch_prints_row_errors_in_its_json_document(services: FakeServices) -> None:
    """The status of a row keeps its details."""
    refusal = samples.refusal(code_pb2.NOT_FOUND, "APPLICANT_NOT_FOUND", "no applicant 9")
    results = [scorer_pb2.BatchScoreResult(status=refusal)]
    services.answer("BatchScore", scorer_pb2.BatchScoreResponse(results=results))

    outcome = services.run("score", "batch", "--applicants", "9", "--purpose", "test", "--json")

    status = json.loads(outcome.stdout)["results"][0]["status"]
    assert status["details"][0]["reason"] == "APPLICANT_NOT_FOUND"


def test_models_lists_what_is_served_with_its_alias(services: FakeServices) -> None:
    """The champion first."""
    champion, challenger = samples.serving_model(), samples.serving_model()
    champion.alias, challenger.alias = "champion", "challenger"
    services.answer("ListServingModels", scorer_pb2.ListServingModelsResponse(serving_models=[champion, challenger]))

    outcome = services.run("score", "models")

    lines = outcome.stdout.splitlines()
    assert [word for line in lines for word in ("champion", "challenger") if word in line.split()] == [
        "champion",
        "challenger",
    ]


def test_model_and_reload_show_what_is_served(services: FakeServices) -> None:
    """Long schemas are cut short for people and whole for machines."""
    services.answer("GetServingModel", samples.serving_model())
    services.answer("ReloadModel", samples.serving_model())

    served = services.run("score", "model", "--model", "m")
    reloaded = services.run("score", "reload", "--json")

    assert services.asked("GetServingModel")[0].model == "m"
    assert "and 10 more" in served.stdout
    assert len(json.loads(reloaded.stdout)["features"]) == 40


def scored(first: int, decisions: bytes, *, refused: int | None = None) -> stream_pb2.ScoreDatasetResponse:
    """Return the answers about some applicants."""
    rows = len(decisions)
    probabilities = [math.nan if place == refused else 0.125 for place in range(rows)]
    chunk = stream_pb2.ScoredChunk(
        prediction=f"{samples.VERSION}/predictions/c{first}",
        first_row=first,
        rows=rows,
        probabilities=struct.pack(f"<{rows}d", *probabilities),
        margins=struct.pack(f"<{rows}d", *[-1.5] * rows),
        decisions=decisions,
        applicant_ids=[str(first + place) for place in range(rows)],
        refusals=[stream_pb2.RowRefusal(row=refused)] if refused is not None else [],
    )
    return stream_pb2.ScoreDatasetResponse(chunk=chunk)


def test_a_split_is_counted_by_decision_without_reasons(services: FakeServices) -> None:
    """What narrows it reaches the scorer; contributions are not asked for, since nobody sees them here."""
    services.answer("ScoreDataset", scored(0, b"\1\2\1"), scored(3, b"\1\0", refused=1))

    outcome = services.run(
        *("score", "dataset", "--split", "test", "--sample", "5", "--seed", "7", "--purpose", "test", "--json")
    )

    (request,) = services.asked("ScoreDataset")
    assert (request.split, request.sample_rows, request.sample_seed) == ("test", 5, 7)
    assert request.explain == explanation_pb2.EXPLAIN_NONE
    assert json.loads(outcome.stdout) == {"applicants": 5, "decisions": {"APPROVE": 3, "REFUSE": 1, "not scored": 1}}


def test_a_split_is_written_with_a_line_for_each_applicant(services: FakeServices, tmp_path: Path) -> None:
    """Numbers in the form that reads back as the same; who was not scored has none."""
    services.answer("ScoreDataset", scored(0, b"\1"), scored(1, b"\2\0", refused=1))
    file = tmp_path / "scores.csv"

    outcome = services.run("score", "dataset", "--split", "production", "--purpose", "test", "--output", str(file))

    assert file.read_text().splitlines() == [
        "applicant_id,probability,margin,decision,prediction",
        f"0,0.125,-1.5,APPROVE,{samples.VERSION}/predictions/c0.0",
        f"1,0.125,-1.5,REFUSE,{samples.VERSION}/predictions/c1.0",
        "2,,,not scored,",
    ]
    assert "3 in all" in outcome.stdout


def test_a_split_that_breaks_off_leaves_no_file(services: FakeServices, tmp_path: Path) -> None:
    """Half of the scores would look like all of them."""
    services.answer(
        "ScoreDataset", scored(0, b"\1"), samples.refusal(code_pb2.RESOURCE_EXHAUSTED, "SPOOL_FULL", "full")
    )
    file = tmp_path / "scores.csv"

    outcome = services.run("score", "dataset", "--split", "train", "--purpose", "test", "--output", str(file))

    assert outcome.exit_code != 0
    assert "SPOOL_FULL" in outcome.stderr
    assert list(tmp_path.iterdir()) == []
