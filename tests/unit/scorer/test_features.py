"""Named features to a row: whatever is given is used or refused, and nothing is assumed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from services.scorer.domain.features import MAX_VIOLATIONS, FeatureResolver, field_path
from services.scorer.domain.requests import Absence, FeatureValue
from shared.bundle.schema import Feature, FeatureSchema
from shared.errors import InvalidInput

LEVELS = ("Cash loans", "Revolving loans")
SCHEMA = FeatureSchema(
    (
        Feature("AGE", "numeric", "application", ("application.AGE",)),
        Feature("CODE_GENDER", "binary", "application", ("application.CODE_GENDER",), codes={"M": 0.0, "F": 1.0}),
        *(
            Feature(f"TYPE_{level}", "one_hot", "application", ("application.TYPE",), group="TYPE", level=level)
            for level in LEVELS
        ),
    ),
    dropped=("TYPE_Rare", "SHOE_SIZE"),
)
RESOLVER = FeatureResolver(SCHEMA)
SOUND: dict[str, FeatureValue] = {"AGE": 40.0, "CODE_GENDER": "F", "TYPE": "Cash loans"}

numbers = st.floats(allow_nan=False, allow_infinity=False)


def refused(given_: dict[str, FeatureValue], prefix: str = "") -> list[str]:
    """Return the paths of what is wrong."""
    with pytest.raises(InvalidInput) as caught:
        RESOLVER.resolve(given_, field_prefix=prefix)
    return [violation.field for violation in caught.value.violations]


@given(st.one_of(numbers, st.just(Absence.MISSING)), st.sampled_from([0.0, 1.0]), st.sampled_from(LEVELS))
def test_a_sound_application_becomes_the_row_in_schema_order(age: FeatureValue, gender: float, level: str) -> None:
    """Numbers as they are, a missing one NaN, a category as its one-hots."""
    row = RESOLVER.resolve({"TYPE": level, "AGE": age, "CODE_GENDER": gender})

    expected = [age if isinstance(age, float) else math.nan, gender, level == LEVELS[0], level == LEVELS[1]]
    assert_array_equal(row, np.array(expected, dtype=float))


@given(
    st.dictionaries(
        st.sampled_from(["AGE", "CODE_GENDER", "TYPE", "TYPE_Cash loans", "SHOE_SIZE", "TYPO"]),
        st.one_of(st.floats(), st.sampled_from(["F", "Cash loans", "?"]), st.sampled_from(list(Absence))),
    )
)
def test_whatever_is_given_there_is_a_row_or_a_reason(given_: dict[str, FeatureValue]) -> None:
    """Never infinite, NaN only where a value was said to be missing, every path one of the names."""
    paths, row = set(), np.zeros(4)
    try:
        row = RESOLVER.resolve(given_)
    except InvalidInput as error:
        paths = {violation.field for violation in error.violations}

    said_missing = Absence.MISSING in given_.values()
    assert paths <= {field_path(name) for name in (*given_, *SCHEMA.names)}
    assert row.shape == (4,)
    assert not np.isinf(row).any()
    assert said_missing or not np.isnan(row).any()


@given(numbers)
def test_minus_zero_is_zero(number: float) -> None:
    """Equal inputs leave equal records: no row holds -0.0."""
    row = RESOLVER.resolve(SOUND | {"AGE": number * 0.0})

    assert math.copysign(1.0, row[0]) == 1.0


def test_a_coded_level_and_its_number_are_the_same() -> None:
    """F is 1 and M is 0, as in training."""
    by_level = [RESOLVER.resolve(SOUND | {"CODE_GENDER": level})[1] for level in ("M", "F")]

    assert by_level == [0.0, 1.0]


def test_a_missing_category_sets_all_its_one_hots_to_0() -> None:
    """As in training, where a missing level is none of them."""
    row = RESOLVER.resolve(SOUND | {"TYPE": Absence.MISSING})

    assert row[2:].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("given_", [{"SHOE_SIZE": 43.0}, {"TYPE": "Rare"}, {"TYPE_Rare": 1.0}])
def test_dropped_columns_are_accepted_and_ignored(given_: dict[str, FeatureValue]) -> None:
    """Also a level whose one-hot was dropped: then the others are 0."""
    row = RESOLVER.resolve({**SOUND, **given_})

    assert row[2] == (given_.get("TYPE") != "Rare")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AGE", math.nan),
        ("AGE", math.inf),
        ("AGE", "forty"),
        ("AGE", Absence.EMPTY),
        ("CODE_GENDER", "X"),
        ("CODE_GENDER", 2.0),
        ("TYPE", "Barter"),
        ("TYPE", 1.0),
        ("TYPO", 1.0),
        ("TYPO", Absence.MISSING),
    ],
)
def test_an_unusable_value_is_named_and_nothing_else(name: str, value: FeatureValue) -> None:
    """One wrong value, one violation: it is not reported as absent too."""
    assert refused(SOUND | {name: value}) == [field_path(name)]


def test_a_one_hot_number_is_0_or_1() -> None:
    """Anything between would be a level that nobody trained on."""
    given_: dict[str, FeatureValue] = {"AGE": 40.0, "CODE_GENDER": "F", "TYPE_Revolving loans": 0.0}

    assert refused(given_ | {"TYPE_Cash loans": 0.5}) == [field_path("TYPE_Cash loans")]


def test_paths_begin_with_the_prefix_and_quote_the_name() -> None:
    """So that a client finds the place in what it sent."""
    assert refused(SOUND | {'A "quoted" name': 1.0}, "subjects[3].") == ['subjects[3].features["A \\"quoted\\" name"]']


def test_a_flood_of_violations_is_counted_not_listed() -> None:
    """Fifty at most, the last saying how many more there are."""
    flood: dict[str, FeatureValue] = {f"TYPO_{number}": 1.0 for number in range(80)}

    paths = refused(SOUND | flood)

    assert len(paths) == MAX_VIOLATIONS
    assert paths[-1] == "features"


@pytest.mark.parametrize("value", [17.9, 100.5])
def test_a_number_that_was_declared_impossible_is_refused(value: float) -> None:
    """The model has seen none such; the bounds themselves and a missing value pass."""
    bounded = Feature("AGE", "numeric", "prepared", ("prepared.AGE",), lower_bound=18.0, upper_bound=100.0)
    resolver = FeatureResolver(FeatureSchema((bounded,)))

    with pytest.raises(InvalidInput, match="its data set declares possible") as refusal:
        resolver.resolve({"AGE": value})

    assert [violation.field for violation in refusal.value.violations] == ['features["AGE"]']
    assert [resolver.resolve({"AGE": allowed})[0] for allowed in (18.0, 100.0)] == [18.0, 100.0]
    assert math.isnan(resolver.resolve({"AGE": Absence.MISSING})[0])
