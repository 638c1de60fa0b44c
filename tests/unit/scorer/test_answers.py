"""From a margin to a decision and its reasons, and from a question to its digest."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.scorer.domain.decision import Decision, decide
from services.scorer.domain.reasons import PRINCIPAL_REASONS, Detail, Wish, rank
from services.scorer.domain.requests import (
    Absence,
    NamedFeatures,
    Purpose,
    Question,
    StoredApplicant,
    Subject,
    content_digest,
)
from services.scorer.domain.scoring import Answer, answer
from shared.bundle.calibration import Calibrator
from shared.bundle.reading import Bundle, load_bundle
from shared.bundle.writing import write_bundle
from shared.errors import InvalidInput
from tests.bundles import TinyBundle, tiny_bundle

QUESTION = Question(Subject(StoredApplicant("1")), Purpose.DECISION, "credit-default", "bank", "Score", "r-1")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return a tiny bundle."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=8)


@pytest.fixture(scope="module")
def bundle(tiny: TinyBundle) -> Bundle:
    """Return it verified."""
    return load_bundle(tiny.folder, digest=tiny.digest)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_refusal_means_that_the_threshold_is_reached(probability: float, threshold: float) -> None:
    """At and above it, and nowhere else."""
    refuse = decide(probability, threshold) is Decision.REFUSE

    assert refuse == (probability >= threshold)


def test_an_isotonic_bundle_answers_with_reasons_in_the_margin(tiny: TinyBundle, tmp_path: Path) -> None:
    """Only the probability is another one; everyone keeps margin and reasons, and nobody gets 0 or 1."""
    isotonic = Calibrator("isotonic", 0.5, 0.0, (-1.0, -0.999, 1.0), (-4.0, -2.0, -1.9))
    contents = dataclasses.replace(tiny.contents, calibrator=isotonic)
    plain = load_bundle(tiny.folder, digest=tiny.digest)
    bent = load_bundle(tmp_path / "bent", digest=write_bundle(tmp_path / "bent", contents))
    rows = list(tiny.contents.golden_values)

    for before, after in zip(answer(plain, rows), answer(bent, rows), strict=True):
        assert isinstance(before, Answer)
        assert isinstance(after, Answer)
        assert (after.margin, after.baseline, after.reasons) == (before.margin, before.baseline, before.reasons)
        assert after.probability == isotonic.probabilities(np.array([after.margin]))[0]
        assert 0.0 < after.probability < 1.0


contributions = arrays.arrays(np.float64, st.integers(0, 12), elements=st.floats(-3, 3).map(lambda x: round(x, 1)))


@given(contributions)
def test_reasons_are_all_that_is_not_zero_heaviest_first(row: np.ndarray) -> None:
    """Ties by position in the schema, so that the order never depends on chance."""
    reasons = rank(row)

    expected = sorted(np.flatnonzero(row).tolist(), key=lambda place: (-abs(row[place]), place))
    assert list(reasons.features) == expected
    assert list(reasons.contributions) == [row[place] for place in expected]


@given(contributions)
def test_principal_reasons_are_the_first_four_that_raise_the_risk(row: np.ndarray) -> None:
    """What lowered it is no reason to refuse."""
    reasons = rank(row)

    raising = [place for place in reasons.features if row[place] > 0]
    assert list(reasons.principal) == raising[:PRINCIPAL_REASONS]


@given(st.data())
def test_a_row_has_the_same_answer_in_any_company(bundle: Bundle, tiny: TinyBundle, data: st.DataObject) -> None:
    """To the bit, wherever it stands among however many others."""
    places = data.draw(st.lists(st.integers(0, 999), min_size=1, max_size=16))

    together = answer(bundle, [tiny.values[place] for place in places])
    alone = [answer(bundle, [tiny.values[place]])[0] for place in places]

    assert together == alone


calibrators = st.sampled_from(
    [
        Calibrator("identity"),
        Calibrator("sigmoid", 0.3, -2.0),
        Calibrator("isotonic", 0.01, 0.0, (-1.5, -1.2, -1.1999, 0.5), (-4.0, -3.0, -1.0, 0.9)),
    ]
)


@given(calibrators, st.lists(st.floats(-8, 8), max_size=8), st.lists(st.floats(-1e-9, 1e-9), max_size=8))
def test_contributions_add_up_to_the_probability_too(
    bundle: Bundle, calibrator: Calibrator, far: list[float], near: list[float]
) -> None:
    """Scaled they lead from the baseline's probability to the row's, at the baseline itself and right beside it."""
    scoring = dataclasses.replace(bundle.scoring, calibrator=calibrator)
    gaps = np.array([*far, *near, 0.0])
    margins = scoring.baseline + gaps
    probabilities = calibrator.probabilities(margins)

    scales = scoring.probability_scales(margins, probabilities)

    assert np.all(scales > 0)
    told = scoring.baseline_probability + scales * (margins - scoring.baseline)
    np.testing.assert_allclose(told, probabilities, rtol=0, atol=1e-9)


def test_who_wants_no_reasons_gets_the_same_bits(bundle: Bundle, tiny: TinyBundle) -> None:
    """Whether anybody beside them wants some or not; what they were asked for stands in the answer."""
    rows = list(tiny.values[:6])
    without = [Wish(Detail.NONE)] * 6

    everything = answer(bundle, rows)
    bare = answer(bundle, rows, without)
    mixed = answer(bundle, rows, [*without[:5], Wish(Detail.PRINCIPAL, 2)])

    nothing = rank(np.zeros(0))
    assert bare[:5] == mixed[:5]
    for whole, plain in zip(everything, bare, strict=True):
        assert isinstance(whole, Answer)
        assert plain == whole._replace(reasons=nothing, wish=Wish(Detail.NONE))


def test_a_row_that_cannot_be_added_up_spoils_only_itself(bundle: Bundle, tiny: TinyBundle) -> None:
    """A calibrator that saturates would give a probability of 1, which no model can know."""
    steep = dataclasses.replace(bundle.calibrator, slope=1e6)
    certain = dataclasses.replace(bundle, scoring=dataclasses.replace(bundle.scoring, calibrator=steep))

    outcome = answer(certain, [tiny.values[0]])[0]
    sound = answer(bundle, [tiny.values[0]])[0]

    assert isinstance(sound, Answer)
    assert isinstance(outcome, InvalidInput)
    assert outcome.reason == "MARGIN_NOT_FINITE"


features = st.dictionaries(
    st.text(max_size=5), st.one_of(st.floats(allow_nan=False), st.text(max_size=3), st.sampled_from(list(Absence)))
)


def test_another_wish_is_another_content() -> None:
    """A stored answer without reasons is no answer to who wants them."""
    wishes = [Wish(), Wish(Detail.NONE), Wish(Detail.PRINCIPAL), Wish(Detail.PRINCIPAL, 2)]

    assert len({content_digest(QUESTION._replace(wish=wish)) for wish in wishes}) == len(wishes)


@given(features)
def test_the_digest_does_not_depend_on_the_order_of_a_map(given_: dict[str, float | str | Absence]) -> None:
    """Equal content has equal digests."""
    backwards = dict(reversed(given_.items()))

    digests = {content_digest(QUESTION._replace(subject=Subject(NamedFeatures(each)))) for each in (given_, backwards)}

    assert len(digests) == 1


@given(features, features)
def test_different_features_have_different_digests(
    one: dict[str, float | str | Absence], other: dict[str, float | str | Absence]
) -> None:
    """A number is not the text that spells it, and -0.0 as it was sent is not 0.0."""

    def spelled(given_: dict[str, float | str | Absence]) -> dict[str, str]:
        return {name: f"{type(value).__name__} {value!r}" for name, value in given_.items()}

    digests = [content_digest(QUESTION._replace(subject=Subject(NamedFeatures(each)))) for each in (one, other)]

    assert (digests[0] == digests[1]) == (spelled(one) == spelled(other))


@pytest.mark.parametrize(
    "other",
    [
        QUESTION._replace(model="mortgages"),
        QUESTION._replace(purpose=Purpose.TEST),
        QUESTION._replace(subject=Subject(StoredApplicant("2"))),
        QUESTION._replace(subject=Subject(NamedFeatures({}))),
        QUESTION._replace(subject=Subject(StoredApplicant("1"), application_number="A")),
        QUESTION._replace(subject=Subject(StoredApplicant("1"), as_of_date="2026-03-01")),
    ],
)
def test_any_other_content_has_another_digest(other: Question) -> None:
    """Whatever the answer could depend on, or the record would say."""
    assert content_digest(other) != content_digest(QUESTION)
