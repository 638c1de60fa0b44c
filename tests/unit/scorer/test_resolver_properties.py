"""Named features in any order and either spelling: one row and one digest, and each mistake is named alone."""

import math
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.domain.features import FeatureResolver, field_path
from services.scorer.domain.requests import (
    Absence,
    FeatureValue,
    NamedFeatures,
    Purpose,
    Question,
    StoredApplicant,
    Subject,
    content_digest,
)
from shared.errors import InvalidInput
from tests.bundles import SCHEMA

GROUP: Final = "NAME_CONTRACT_TYPE"
LEVELS: Final = {feature.level: feature.name for feature in SCHEMA.features if feature.kind == "one_hot"}
RESOLVER: Final = FeatureResolver(SCHEMA)
WRONG: Final[dict[str, list[FeatureValue]]] = {
    "CODE_GENDER": ["X", 2.0, math.nan, Absence.EMPTY],
    "AMT_CREDIT": ["much", math.inf, -math.inf, math.nan, Absence.EMPTY],
    "EXT_SOURCE_2": ["0.5", math.nan, Absence.EMPTY],
    GROUP: ["Overdraft", 1.0, math.inf, Absence.EMPTY],
    "BURO_DAYS_CREDIT_MEAN": ["", math.inf, Absence.EMPTY],
}

numbers = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.just(Absence.MISSING))
sound = st.fixed_dictionaries(
    {
        "CODE_GENDER": st.sampled_from(["M", "F", 0.0, 1.0, Absence.MISSING]),
        "AMT_CREDIT": numbers,
        "EXT_SOURCE_2": numbers,
        GROUP: st.sampled_from([*LEVELS, "XNA", Absence.MISSING]),
        "BURO_DAYS_CREDIT_MEAN": numbers,
    },
    optional={"FLAG_MOBIL": numbers},
)


def asked(features: dict[str, FeatureValue]) -> Question:
    """Return a question about named features."""
    return Question(Subject(NamedFeatures(features)), Purpose.DECISION, "credit-default", "bank", "Score", "r")


def spelled_out(features: dict[str, FeatureValue]) -> dict[str, FeatureValue]:
    """Return the same features with the group's one-hots in place of its level."""
    rest = {name: value for name, value in features.items() if name != GROUP}
    return rest | {name: float(level == features[GROUP]) for level, name in LEVELS.items()}


@given(sound, st.data())
def test_any_order_of_the_map_is_the_same_row_and_digest(given_: dict[str, FeatureValue], data: st.DataObject) -> None:
    """Maps have no order on the wire; neither the score nor the request_id may depend on one."""
    shuffled = dict(data.draw(st.permutations(list(given_.items()))))

    rows = [RESOLVER.resolve(each) for each in (given_, shuffled)]

    assert rows[0].tobytes() == rows[1].tobytes()
    assert content_digest(asked(given_)) == content_digest(asked(shuffled))


@given(sound)
def test_a_level_and_its_one_hots_are_the_same_row(given_: dict[str, FeatureValue]) -> None:
    """To the bit, whether the level is known, dropped or missing."""
    by_level, by_one_hots = RESOLVER.resolve(given_), RESOLVER.resolve(spelled_out(given_))

    assert by_level.tobytes() == by_one_hots.tobytes()


@given(sound)
def test_a_level_and_its_one_hots_are_not_the_same_request(given_: dict[str, FeatureValue]) -> None:
    """A request_id stands for what was sent, not for what it was taken to mean."""
    assert content_digest(asked(given_)) != content_digest(asked(spelled_out(given_)))


@given(sound, st.sampled_from([(name, value) for name, values in WRONG.items() for value in values]))
def test_a_single_wrong_value_is_named_and_alone(
    given_: dict[str, FeatureValue], mistake: tuple[str, FeatureValue]
) -> None:
    """No follow-on complaints about the places that it would have filled."""
    name, value = mistake

    with pytest.raises(InvalidInput) as refused:
        RESOLVER.resolve(given_ | {name: value}, field_prefix="subject.")

    assert [violation.field for violation in refused.value.violations] == [f"subject.{field_path(name)}"]


@given(sound, st.sets(st.sampled_from(sorted(WRONG)), min_size=1))
def test_whatever_is_left_out_is_named_feature_by_feature(given_: dict[str, FeatureValue], left_out: set[str]) -> None:
    """A group left out is named by each of its one-hots: that is what the model lacks."""
    given_ = {name: value for name, value in given_.items() if name not in left_out}

    with pytest.raises(InvalidInput) as refused:
        RESOLVER.resolve(given_)

    lacking = {feature.name for feature in SCHEMA.features if (feature.group or feature.name) in left_out}
    assert {violation.field for violation in refused.value.violations} == {field_path(name) for name in lacking}


@given(sound, st.sampled_from(sorted(LEVELS.values())))
def test_a_group_and_one_of_its_one_hots_contradict(given_: dict[str, FeatureValue], one_hot: str) -> None:
    """Even where they agree: which of them counts is not guessed, in either order."""
    after, before = {**given_, one_hot: 1.0}, {one_hot: 1.0, **given_}

    with pytest.raises(InvalidInput) as first:
        RESOLVER.resolve(after)
    with pytest.raises(InvalidInput) as second:
        RESOLVER.resolve(before)

    assert first.value.violations == second.value.violations
    assert [violation.field for violation in first.value.violations] == [field_path(one_hot)]


@given(sound, st.sampled_from(["CODE_GENDER", "AMT_CREDIT", "EXT_SOURCE_2", "BURO_DAYS_CREDIT_MEAN"]))
def test_one_number_changes_one_place_of_the_row(given_: dict[str, FeatureValue], name: str) -> None:
    """No feature reaches into another's column."""
    row, other = RESOLVER.resolve(given_), RESOLVER.resolve(given_ | {name: Absence.MISSING})

    place = SCHEMA.names.index(name)
    assert np.isnan(other[place])
    np.testing.assert_array_equal(np.delete(row, place), np.delete(other, place))


@given(sound)
def test_resolving_leaves_what_was_given_and_earlier_rows_alone(given_: dict[str, FeatureValue]) -> None:
    """One resolver serves all threads: two rows share no memory."""
    before = dict(given_)
    first = RESOLVER.resolve(given_)
    kept = first.copy()

    second = RESOLVER.resolve(spelled_out(given_) | {"AMT_CREDIT": 1.0})

    assert given_ == before
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, kept)


@given(sound)
def test_the_digest_is_of_the_content_and_not_of_how_it_came(given_: dict[str, FeatureValue]) -> None:
    """Caller, method, id and row are the key that a digest is kept under; the prefix only words errors."""
    question = asked(given_)
    elsewhere = question._replace(caller="other", method="BatchScore", request_id="s", row=4)
    reworded = question._replace(subject=question.subject._replace(field_prefix="subjects[4]."))

    digests = {content_digest(each) for each in (question, elsewhere, reworded)}

    assert len(digests) == 1
    assert len(digests.pop()) == 32


@given(st.text(max_size=4), st.text(max_size=4), st.text(max_size=4))
def test_texts_do_not_run_into_each_other_in_the_digest(applicant: str, number: str, day: str) -> None:
    """Moving a character from one field to the next is another request."""
    one = Subject(StoredApplicant(applicant), f"{number}x", day)
    other = Subject(StoredApplicant(applicant), number, f"x{day}")

    digests = [content_digest(asked({})._replace(subject=each)) for each in (one, other)]

    assert digests[0] != digests[1]
