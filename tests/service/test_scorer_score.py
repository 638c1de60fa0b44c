"""Scoring over a real channel: exact reasons, equal bits on every path, and nothing wrong that is let through."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from counterfoil.client.errors import status_error
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from tests.bundles import CREDIT_MEDIAN, SCHEMA, TinyBundle, tiny_bundle
from tests.fakes import FakeRegistry
from tests.service.scoring import Scorer, ask, failure, feature_map, scorer

APPLICATION: dict[str, float | str | None] = {
    "CODE_GENDER": "F",
    "AMT_CREDIT": 250_000.0,
    "EXT_SOURCE_2": None,
    "NAME_CONTRACT_TYPE": "Cash loans",
    "BURO_DAYS_CREDIT_MEAN": -500.0,
}


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


def batch(subjects: list[scorer_pb2.Subject], **fields: object) -> scorer_pb2.BatchScoreRequest:
    """Return a request for decisions about the subjects."""
    purpose = prediction_pb2.PURPOSE_DECISION
    return scorer_pb2.BatchScoreRequest(purpose=purpose, subjects=subjects, **fields)  # type: ignore[arg-type]


def everyone(bundle: TinyBundle) -> list[scorer_pb2.Subject]:
    """Return all 1,000 applicants as subjects."""
    return [scorer_pb2.Subject(applicant_id=applicant_id) for applicant_id in bundle.applicant_ids]


def answer_of(response: scorer_pb2.ScoreResponse) -> scorer_pb2.ScoreResponse:
    """Return the answer without what tells one prediction from another."""
    answer = scorer_pb2.ScoreResponse()
    answer.CopyFrom(response)
    for field in ("prediction", "create_time", "receipt"):
        answer.ClearField(field)
    return answer


def test_baseline_and_contributions_are_the_margin_of_1000_applicants(running: Scorer, bundle: TinyBundle) -> None:
    """Within 1e-9; the probability is the calibrated margin and the decision follows from the threshold."""
    results = running.stub.BatchScore(batch(everyone(bundle))).results

    scores = [result.score for result in results]
    sums = np.array([math.fsum([score.baseline, *score.reasons.contributions]) for score in scores])
    margins = np.array([score.margin for score in scores])
    probabilities = np.array([score.probability for score in scores])
    refused = [score.decision == prediction_pb2.DECISION_REFUSE for score in scores]

    assert len(scores) == 1000
    assert np.abs(sums - margins).max() <= 1e-9
    assert_array_equal(probabilities, bundle.contents.calibrator.probabilities(margins))
    assert refused == [score.probability >= score.threshold for score in scores]
    assert 0 < sum(refused) < 1000


def test_margins_are_those_of_the_model_itself(running: Scorer, bundle: TinyBundle) -> None:
    """What comes over the wire is to the bit what the model says in process about the applicants' own values."""
    results = running.stub.BatchScore(batch(everyone(bundle))).results

    margins = np.array([result.score.margin for result in results])

    assert_array_equal(margins, bundle.contents.model.margins(bundle.values))


def test_a_batch_equals_single_scores_bit_for_bit(running: Scorer, bundle: TinyBundle) -> None:
    """However many rows the worker took together."""
    subjects = everyone(bundle)[::20]

    together = [result.score for result in running.stub.BatchScore(batch(subjects)).results]
    alone = [running.stub.Score(ask(subject.applicant_id)) for subject in subjects]

    assert [answer_of(score) for score in together] == [answer_of(score) for score in alone]


def test_reasons_are_ranked_and_the_principal_ones_raise_the_risk(running: Scorer, bundle: TinyBundle) -> None:
    """By falling absolute contribution without zeros; codes and texts are those of the features that raised it most."""
    features = {feature.name: feature for feature in bundle.contents.schema.features}
    for subject in everyone(bundle)[:50]:
        reasons = running.stub.Score(ask(subject.applicant_id)).reasons

        weights = np.array(reasons.contributions)
        raising = [name for name, weight in zip(reasons.features, weights, strict=True) if weight > 0][:4]

        assert np.all(np.diff(np.abs(weights)) <= 0)
        assert np.all(weights != 0)
        assert list(reasons.principal_codes) == [features[name].reason_code for name in raising]
        assert list(reasons.principal_texts) == [features[name].reason_text for name in raising]


def test_an_applicant_can_be_sent_back_as_named_features(running: Scorer, bundle: TinyBundle) -> None:
    """GetApplicant's features give the same answer to the bit as the identifier, missing values included."""
    for applicant_id in bundle.applicant_ids[::100]:
        applicant = running.stub.GetApplicant(scorer_pb2.GetApplicantRequest(name=f"applicants/{applicant_id}"))
        request = scorer_pb2.ScoreRequest(purpose=prediction_pb2.PURPOSE_DECISION)
        request.subject.features.CopyFrom(applicant.features)

        by_features = running.stub.Score(request)
        by_identifier = running.stub.Score(ask(applicant_id))

        assert answer_of(by_features) == answer_of(by_identifier)


@pytest.mark.parametrize(("place", "split"), [(0, "train"), (700, "test"), (900, "production")])
def test_get_applicant_says_where_the_features_come_from(
    running: Scorer, bundle: TinyBundle, place: int, split: str
) -> None:
    """Name, data set and split; every feature of the model, a missing value as missing."""
    name = f"applicants/{bundle.applicant_ids[place]}"

    applicant = running.stub.GetApplicant(scorer_pb2.GetApplicantRequest(name=name))

    given = applicant.features.features
    values = [math.nan if given[each].HasField("missing") else given[each].number for each in SCHEMA.names]
    assert (applicant.name, applicant.split) == (name, split)
    assert applicant.dataset == f"datasets/{bundle.contents.dataset.id}"
    assert_array_equal(values, bundle.values[place])


def test_a_category_sets_its_one_hot_features(running: Scorer) -> None:
    """The column with its level, and the one-hots with 1 and 0, are the same question."""
    one_hots = {"NAME_CONTRACT_TYPE_Cash loans": 1.0, "NAME_CONTRACT_TYPE_Revolving loans": 0.0}
    spelled_out = {name: value for name, value in APPLICATION.items() if name != "NAME_CONTRACT_TYPE"} | one_hots

    by_category = running.stub.Score(ask(features=APPLICATION))
    by_numbers = running.stub.Score(ask(features=spelled_out | {"CODE_GENDER": 1.0}))

    assert answer_of(by_category) == answer_of(by_numbers)


def test_a_missing_value_is_named_as_imputed_only_where_the_bundle_replaces_it(running: Scorer) -> None:
    """AMT_CREDIT had no missing value in training, so its fallback is taken and said; the trees know EXT_SOURCE_2's."""
    missing = running.stub.Score(ask(features=APPLICATION | {"AMT_CREDIT": None}))
    given = running.stub.Score(ask(features=APPLICATION | {"AMT_CREDIT": CREDIT_MEDIAN}))

    assert list(missing.imputed_features) == ["AMT_CREDIT"]
    assert list(given.imputed_features) == []
    assert missing.margin == given.margin


def test_zero_is_not_missing(running: Scorer) -> None:
    """A zero is a number like any other and gives another margin than a value that is not known."""
    zero = running.stub.Score(ask(features=APPLICATION | {"EXT_SOURCE_2": 0.0}))
    missing = running.stub.Score(ask(features=APPLICATION))

    assert zero.margin != missing.margin


def test_columns_that_cleaning_dropped_are_ignored(running: Scorer) -> None:
    """A lender may go on sending them."""
    plain = running.stub.Score(ask(features=APPLICATION))
    more = running.stub.Score(ask(features=APPLICATION | {"FLAG_MOBIL": 1.0}))

    assert answer_of(more) == answer_of(plain)


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


def test_the_served_model_may_be_named(running: Scorer) -> None:
    """Its own name and none are the same."""
    named = running.stub.Score(ask("100001", model="credit-default"))

    assert named.model_version == "models/credit-default/versions/1"


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


def test_what_is_served_is_told_with_every_feature(running: Scorer, bundle: TinyBundle) -> None:
    """In schema order, with digest, kernel and data set, so that a caller knows what to send."""
    model = running.stub.GetServingModel(scorer_pb2.GetServingModelRequest())

    first = model.features[0]
    assert model.model_version == "models/credit-default/versions/1"
    assert model.bundle_digest == bundle.digest
    assert model.dataset == f"datasets/{bundle.contents.dataset.id}"
    assert (model.classifier, model.threshold) == ("lightgbm", 0.25)
    assert [feature.name for feature in model.features] == list(SCHEMA.names)
    assert (first.minimum, first.maximum) == (0.0, 1.0)
    assert {feature.group: feature.level for feature in model.features}["NAME_CONTRACT_TYPE"] == "Revolving loans"
