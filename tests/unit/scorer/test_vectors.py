"""Vectors by position: refused exactly where the same values would be refused under their names."""

import math
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from services.scorer.domain.features import MAX_VIOLATIONS, FeatureResolver
from services.scorer.domain.requests import Absence, DenseFeatures
from services.scorer.domain.vectors import VectorResolver
from shared.bundle.schema import Feature, FeatureSchema
from shared.errors import InvalidInput

SCHEMA: Final = FeatureSchema(
    (
        Feature("AGE", "numeric", "application", ("application.AGE",), lower_bound=18.0, upper_bound=120.0),
        Feature("HOME", "binary", "application", ("application.HOME",), codes={"rent": 0.0, "own": 1.0, "none": 7.0}),
        Feature("TYPE_Cash", "one_hot", "application", ("application.TYPE",), group="TYPE", level="Cash"),
        Feature("SEX", "binary", "application", ("application.SEX",), codes={"M": 0.0, "F": 1.0}),
        Feature("INCOME", "numeric", "application", ("application.INCOME",)),
    )
)
RESOLVER: Final = VectorResolver(SCHEMA)
SOUND: Final = (40.0, 7.0, 1.0, 0.0, -0.0)

anything = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1.0, 7.0, 18.0, 120.0, math.nan, math.inf]))


def vector(*values: float, schema_digest: str = SCHEMA.digest) -> DenseFeatures:
    """Return a vector of the values."""
    return DenseFeatures(schema_digest, np.array(values, dtype=np.float64))


def resolved(resolver: VectorResolver, given_: DenseFeatures) -> NDArray[np.float64]:
    """Return the row of a vector alone; raises InvalidInput."""
    values = resolver.accept(given_, field_prefix="subject.")
    rows, refused = resolver.resolve_rows(values[None], lambda _row: "subject.vector.")
    if refused:
        raise refused[0]
    row: NDArray[np.float64] = rows[0]
    return row


def refusal(resolver: VectorResolver, given_: DenseFeatures) -> InvalidInput:
    """Return the error that the vector is refused with."""
    with pytest.raises(InvalidInput) as caught:
        resolved(resolver, given_)
    return caught.value


@given(st.tuples(*[anything] * len(SCHEMA.features)))
def test_a_vector_is_what_the_same_values_are_under_their_names(values: tuple[float, ...]) -> None:
    """The same row, or the same refusals in the same words."""
    named = {
        name: Absence.MISSING if math.isnan(value) else value for name, value in zip(SCHEMA.names, values, strict=True)
    }

    try:
        expected = FeatureResolver(SCHEMA).resolve(named, field_prefix="subject.")
    except InvalidInput as error:
        said = {SCHEMA.names.index(each.field.split('"')[1]): each.description for each in error.violations}
        told = refusal(RESOLVER, vector(*values)).violations
        assert {each.field for each in told} == {f"subject.vector.values[{place}]" for place in said}
        assert {each.description.split('" ', 1)[1] for each in told} == set(said.values())
        return

    row = resolved(RESOLVER, vector(*values))
    assert_array_equal(row, expected)
    assert not np.signbit(row[row == 0.0]).any()


def test_a_vector_for_another_schema_is_refused_before_its_values_are_looked_at() -> None:
    """Its positions mean something else, so nothing that could be said about them would help."""
    error = refusal(RESOLVER, vector(math.inf, schema_digest="0" * 64))

    assert error.reason == "SCHEMA_MISMATCH"
    assert [each.field for each in error.violations] == ["subject.vector.schema_digest"]


@pytest.mark.parametrize("length", [0, 4, 6])
def test_a_vector_of_another_length_is_refused(length: int) -> None:
    """Nothing is filled up and nothing cut off."""
    error = refusal(RESOLVER, vector(*[1.0] * length))

    assert [each.field for each in error.violations] == ["subject.vector.values"]
    assert f"holds {length} numbers; this schema has 5" in error.message


def test_what_is_wrong_at_many_places_is_named_up_to_a_bound() -> None:
    """Up to 50 places, the last of them telling how many more there are."""
    names = [f"F{place}" for place in range(MAX_VIOLATIONS + 10)]
    schema = FeatureSchema(tuple(Feature(name, "numeric", "application", ()) for name in names))
    infinite = vector(*[math.inf] * len(names), schema_digest=schema.digest)

    violations = refusal(VectorResolver(schema), infinite).violations

    assert len(violations) == MAX_VIOLATIONS
    assert violations[0].field == "subject.vector.values[0]"
    assert (violations[-1].field, violations[-1].description) == ("subject.vector.values", "11 more are wrong as well")


def test_the_vector_that_was_given_stays_as_it_was() -> None:
    """What is recorded is a row of its own, in which -0.0 is 0.0."""
    given_ = vector(*SOUND)

    row = resolved(RESOLVER, given_)

    assert np.signbit(given_.values[-1])
    assert not np.signbit(row[-1])


def test_a_schemas_digest_is_about_what_positions_mean() -> None:
    """A retrained model on the same features has the same; an other order, level or code has another."""
    first, *others = SCHEMA.features
    retrained = Feature(**{**vars(first), "minimum": 19.0, "missing_share": 0.3, "reason_text": "Age of the applicant"})
    recoded = Feature(**{**vars(others[0]), "codes": {"rent": 1.0, "own": 0.0, "none": 7.0}})

    assert FeatureSchema((retrained, *others)).digest == SCHEMA.digest
    assert FeatureSchema((*others, first)).digest != SCHEMA.digest
    assert FeatureSchema((first, recoded, *others[1:])).digest != SCHEMA.digest


def test_each_of_many_rows_is_refused_under_its_own_position() -> None:
    """Rows are looked at in blocks, which nobody may notice."""
    rows = np.tile(np.array(SOUND), (300, 1))
    wrong = [0, 127, 128, 299]
    rows[wrong, 0] = math.inf

    resolved_rows, refused = RESOLVER.resolve_rows(rows)

    assert sorted(refused) == wrong
    assert [refused[place].violations[0].field for place in wrong] == [f"rows[{place}].values[0]" for place in wrong]
    assert_array_equal(resolved_rows, rows)
