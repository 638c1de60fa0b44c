"""Scoring over a real channel: exact reasons, equal bits on every path, and all of what serves said."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import explanation_pb2, prediction_pb2
from tests.bundles import CREDIT_MEDIAN, SCHEMA, TinyBundle, tiny_bundle
from tests.fakes import FakeRegistry
from tests.service.scoring import APPLICATION, Scorer, answer_of, ask, batch, dense, failure, scorer


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


def everyone(bundle: TinyBundle) -> list[scorer_pb2.Subject]:
    """Return all 1,000 applicants as subjects."""
    return [scorer_pb2.Subject(applicant_id=applicant_id) for applicant_id in bundle.applicant_ids]


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
        shown = [text.replace(': not "', ": ").removesuffix('"') for text in reasons.principal_texts]
        assert shown == [features[name].reason_text for name in raising]


def test_an_applicant_can_be_sent_back_as_named_features(running: Scorer, bundle: TinyBundle) -> None:
    """GetApplicant's features give the same answer to the bit as the identifier, missing values included."""
    for applicant_id in bundle.applicant_ids[::100]:
        applicant = running.stub.GetApplicant(scorer_pb2.GetApplicantRequest(name=f"applicants/{applicant_id}"))
        request = scorer_pb2.ScoreRequest(purpose=prediction_pb2.PURPOSE_DECISION)
        request.subject.features.CopyFrom(applicant.features)

        by_features = running.stub.Score(request)
        by_identifier = running.stub.Score(ask(applicant_id))

        assert answer_of(by_features) == answer_of(by_identifier)


def test_a_vector_is_scored_like_the_applicant_whose_values_it_has(running: Scorer, bundle: TinyBundle) -> None:
    """To the bit, missing values included; GetServingModel tells the digest that it must name."""
    model = running.stub.GetServingModel(scorer_pb2.GetServingModelRequest())
    for applicant_id, values in zip(bundle.applicant_ids[::100], bundle.values[::100].tolist(), strict=True):
        by_vector = running.stub.Score(dense(values, schema_digest=model.schema_digest))
        by_identifier = running.stub.Score(ask(applicant_id))

        assert answer_of(by_vector) == answer_of(by_identifier)


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


def test_the_served_model_may_be_named(running: Scorer) -> None:
    """Its own name and none are the same."""
    named = running.stub.Score(ask("100001", model="credit-default"))

    assert named.model_version == "models/credit-default/versions/1"


def test_what_is_served_is_told_with_every_feature(running: Scorer, bundle: TinyBundle) -> None:
    """In schema order, with digest, kernel and data set, so that a caller knows what to send."""
    model = running.stub.GetServingModel(scorer_pb2.GetServingModelRequest())

    first = model.features[0]
    assert model.model_version == "models/credit-default/versions/1"
    assert model.bundle_digest == bundle.digest
    assert model.dataset == f"datasets/{bundle.contents.dataset.id}"
    assert (model.classifier, model.threshold) == ("lightgbm", 0.25)
    assert [feature.name for feature in model.features] == list(SCHEMA.names)
    assert (first.minimum, first.maximum, dict(first.codes)) == (0.0, 1.0, {"M": 0.0, "F": 1.0})
    assert {feature.group: feature.level for feature in model.features}["NAME_CONTRACT_TYPE"] == "Revolving loans"


def test_reasons_lead_to_the_probability_too(running: Scorer, bundle: TinyBundle) -> None:
    """Each contribution times the scale; together with the baseline's probability they are the applicant's."""
    for applicant_id in bundle.applicant_ids[:50]:
        score = running.stub.Score(ask(applicant_id))
        reasons = score.reasons

        told = reasons.baseline_probability + reasons.probability_scale * sum(reasons.contributions)
        assert told == pytest.approx(score.probability, abs=1e-9)
        assert reasons.probability_scale > 0


def test_as_many_reasons_are_sent_as_were_asked_for(running: Scorer, bundle: TinyBundle) -> None:
    """None, the principal ones with their weights, or all; the rest of the answer is the same to the bit."""
    applicant_id = max(bundle.applicant_ids[:40], key=lambda each: running.stub.Score(ask(each)).probability)
    everything = answer_of(running.stub.Score(ask(applicant_id, explain=explanation_pb2.EXPLAIN_ALL)))

    default = answer_of(running.stub.Score(ask(applicant_id)))
    nothing = answer_of(running.stub.Score(ask(applicant_id, explain=explanation_pb2.EXPLAIN_NONE)))
    two = running.stub.Score(
        ask(applicant_id, explain=explanation_pb2.EXPLAIN_REASONS, max_principal_reasons=2)
    ).reasons

    weights = dict(zip(everything.reasons.features, everything.reasons.contributions, strict=True))
    raising = [name for name, weight in weights.items() if weight > 0][:2]
    assert default == everything
    assert not nothing.HasField("reasons")
    everything.ClearField("reasons")
    assert nothing == everything
    assert list(two.features) == raising
    assert list(two.contributions) == [weights[name] for name in raising]
    assert len(two.principal_codes) == len(two.principal_texts) == 2


def test_rows_of_a_batch_are_explained_as_it_asks(running: Scorer, bundle: TinyBundle) -> None:
    """One wish for all of them."""
    subjects = [scorer_pb2.Subject(applicant_id=each) for each in bundle.applicant_ids[:3]]

    bare = running.stub.BatchScore(batch(subjects, explain=explanation_pb2.EXPLAIN_NONE))

    assert [each.score.HasField("reasons") for each in bare.results] == [False] * 3


def test_a_wish_that_cannot_be_met_is_refused_by_its_field(running: Scorer) -> None:
    """An unknown kind of explanation is not taken for the default."""
    # Field 5, over the wire, since a message refuses the number in Python.
    wire = ask("100001").SerializeToString() + b"\x28\x63"
    unknown = failure(lambda: running.stub.Score(scorer_pb2.ScoreRequest.FromString(wire)))
    many = failure(lambda: running.stub.Score(ask("100001", max_principal_reasons=21)))

    assert (unknown.code, unknown.fields[0].field) == ("INVALID_ARGUMENT", "explain")
    assert (many.code, many.fields[0].field) == ("INVALID_ARGUMENT", "max_principal_reasons")
