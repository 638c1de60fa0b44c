"""Bad input over a real channel: each is refused by name, nothing is scored by a silent default."""

import math
from collections.abc import Iterator

import pytest

from counterfoil.client.errors import status_error
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from tests.bundles import SCHEMA, TinyBundle, tiny_bundle
from tests.fakes import FakeRegistry
from tests.service.scoring import APPLICATION, Scorer, answer_of, ask, batch, dense, failure, feature_map, scorer


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return the bundle that serves in this module."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=1)


@pytest.fixture(scope="module")
def running(bundle: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scorer]:
    """Give a scorer that serves the bundle."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    with scorer(tmp_path_factory.mktemp("state"), registry) as it:
        yield it


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"AMT_CREDIT": math.nan}, 'subject.features["AMT_CREDIT"]', "finite"),
        ({"AMT_CREDIT": math.inf}, 'subject.features["AMT_CREDIT"]', "finite"),
        ({"AMT_CREDIT": -math.inf}, 'subject.features["AMT_CREDIT"]', "finite"),
        ({"AMT_CREDIT": "plenty"}, 'subject.features["AMT_CREDIT"]', "number"),
        ({"SHOE_SIZE": 43.0}, 'subject.features["SHOE_SIZE"]', "not a feature"),
        ({"CODE_GENDER": "X"}, 'subject.features["CODE_GENDER"]', '"F", "M"'),
        ({"CODE_GENDER": 0.5}, 'subject.features["CODE_GENDER"]', '"F", "M"'),
        ({"NAME_CONTRACT_TYPE": "Barter"}, 'subject.features["NAME_CONTRACT_TYPE"]', '"Cash loans"'),
        ({"NAME_CONTRACT_TYPE": 1.0}, 'subject.features["NAME_CONTRACT_TYPE"]', "category"),
        (
            {"NAME_CONTRACT_TYPE_Cash loans": 1.0},
            'subject.features["NAME_CONTRACT_TYPE_Cash loans"]',
            "not both",
        ),
    ],
)
def test_a_feature_that_cannot_be_used_is_named(
    running: Scorer, change: dict[str, float | str | None], field: str, says: str
) -> None:
    """INVALID_ARGUMENT with the feature's path and what would be accepted."""
    error = failure(lambda: running.stub.Score(ask(features=APPLICATION | change)))

    assert error.code == "INVALID_ARGUMENT"
    assert [problem.field for problem in error.fields] == [field]
    assert says in error.fields[0].description


def test_every_feature_that_is_not_given_is_named(running: Scorer) -> None:
    """Absent is neither zero nor missing: it is refused, all at once."""
    error = failure(lambda: running.stub.Score(ask(features={"AMT_CREDIT": 1.0})))

    named = {problem.field for problem in error.fields}
    assert error.code == "INVALID_ARGUMENT"
    assert named == {f'subject.features["{name}"]' for name in SCHEMA.names if name != "AMT_CREDIT"}


def test_an_empty_feature_value_is_not_a_missing_one(running: Scorer) -> None:
    """A FeatureValue in which nothing is set was forgotten, not said to be missing."""
    request = ask(features=APPLICATION)
    request.subject.features.features["AMT_CREDIT"].Clear()

    error = failure(lambda: running.stub.Score(request))

    assert [problem.field for problem in error.fields] == ['subject.features["AMT_CREDIT"]']
    assert "is empty" in error.fields[0].description


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (scorer_pb2.ScoreRequest(subject=scorer_pb2.Subject(applicant_id="100001")), "purpose"),
        (ask("100001", purpose=prediction_pb2.PURPOSE_SHADOW), "purpose"),
        (ask("100001", request_id="r" * 129), "request_id"),
        (scorer_pb2.ScoreRequest(purpose=prediction_pb2.PURPOSE_TEST), "subject"),
        (ask(""), "subject"),
        (ask("1" * 129), "subject.applicant_id"),
        (dense(()), "subject.vector.values"),
        (dense([0.0] * 7), "subject.vector.values"),
        (dense([1.0, math.inf, 0.0, 1.0, 0.0, 0.0]), "subject.vector.values[1]"),
        (dense([1.0, 1.0, 0.0, 0.5, 0.0, 0.0]), "subject.vector.values[3]"),
        (dense([0.0] * 6, schema_digest=""), "subject.vector.schema_digest"),
        (dense([0.0] * 6, schema_digest="0" * 64), "subject.vector.schema_digest"),
        (ask(features={f"F{number}": 0.0 for number in range(10_001)}), "subject.features"),
        (
            scorer_pb2.ScoreRequest(
                purpose=prediction_pb2.PURPOSE_TEST,
                subject=scorer_pb2.Subject(applicant_id="1", application_number="n" * 129),
            ),
            "subject.application_number",
        ),
        *(
            (
                scorer_pb2.ScoreRequest(
                    purpose=prediction_pb2.PURPOSE_TEST,
                    subject=scorer_pb2.Subject(applicant_id="1", as_of_date=date),
                ),
                "subject.as_of_date",
            )
            for date in ("20260301", "2026-02-30", "yesterday", "2026-W09-7")
        ),
    ],
)
def test_a_request_that_says_too_little_or_too_much_is_refused(
    running: Scorer, request_: scorer_pb2.ScoreRequest, field: str
) -> None:
    """INVALID_ARGUMENT with the path of the one field that is wrong."""
    error = failure(lambda: running.stub.Score(request_))

    assert error.code == "INVALID_ARGUMENT"
    assert [problem.field for problem in error.fields] == [field]


def test_an_unknown_applicant_is_not_found(running: Scorer) -> None:
    """By Score and by GetApplicant; the error does not repeat who was asked about."""
    errors = [
        failure(lambda: running.stub.Score(ask("4711-unknown"))),
        failure(lambda: running.stub.GetApplicant(scorer_pb2.GetApplicantRequest(name="applicants/4711-unknown"))),
    ]

    assert [(error.code, error.reason) for error in errors] == [("NOT_FOUND", "APPLICANT_NOT_FOUND")] * 2
    assert all("4711" not in error.message for error in errors)


@pytest.mark.parametrize("name", ["", "applicants/", "100001", "datasets/100001"])
def test_another_name_than_an_applicants_is_refused(running: Scorer, name: str) -> None:
    """INVALID_ARGUMENT, not NOT_FOUND: it never could be an applicant."""
    error = failure(lambda: running.stub.GetApplicant(scorer_pb2.GetApplicantRequest(name=name)))

    assert (error.code, error.fields[0].field) == ("INVALID_ARGUMENT", "name")


def test_a_model_that_is_not_served_is_not_found(running: Scorer) -> None:
    """By every rpc that names a model."""
    stub, other = running.stub, "mortgages"
    errors = [
        failure(lambda: stub.Score(ask("100001", model=other))),
        failure(lambda: stub.BatchScore(batch([], model=other))),
        failure(lambda: stub.GetApplicant(scorer_pb2.GetApplicantRequest(name="applicants/100001", model=other))),
        failure(lambda: stub.GetServingModel(scorer_pb2.GetServingModelRequest(model=other))),
        failure(lambda: stub.ReloadModel(scorer_pb2.ReloadModelRequest(model=other))),
    ]

    assert {(error.code, error.reason) for error in errors} == {("NOT_FOUND", "MODEL_NOT_SERVED")}


@pytest.mark.parametrize("rows", [0, 1001])
def test_a_batch_of_another_size_than_1_to_1000_is_refused(running: Scorer, rows: int) -> None:
    """As a whole, before anything is scored."""
    error = failure(lambda: running.stub.BatchScore(batch([scorer_pb2.Subject(applicant_id="100001")] * rows)))

    assert (error.code, error.fields[0].field) == ("INVALID_ARGUMENT", "subjects")


def test_a_bad_row_spoils_only_itself(running: Scorer, bundle: TinyBundle) -> None:
    """Each row has its score or its status, in order; field paths begin with the row's place."""
    good = scorer_pb2.Subject(applicant_id=bundle.applicant_ids[0])
    subjects = [
        good,
        scorer_pb2.Subject(applicant_id="nobody"),
        scorer_pb2.Subject(features=feature_map(APPLICATION | {"AMT_CREDIT": math.nan})),
        scorer_pb2.Subject(),
        good,
    ]

    results = running.stub.BatchScore(batch(subjects)).results

    kinds = [result.WhichOneof("result") for result in results]
    errors = [status_error(result.status) for result in results[1:4]]
    assert kinds == ["score", "status", "status", "status", "score"]
    assert [error.reason for error in errors] == ["APPLICANT_NOT_FOUND", "INVALID_FIELD", "INVALID_FIELD"]
    assert errors[1].fields[0].field == 'subjects[2].features["AMT_CREDIT"]'
    assert errors[2].fields[0].field == "subjects[3]"
    assert answer_of(results[0].score) == answer_of(results[4].score)
