"""The catalogue of reasons: complete, without idle entries, in words that an applicant can read."""

import re

import pytest

from shared.features.columns import FeatureColumn, feature_columns
from shared.features.extended import EXTENDED
from shared.features.levels import Levels
from shared.features.reasons import catalogue, reason_of
from shared.features.reference import REFERENCE
from shared.features.specification import FeatureSpecification
from shared.features.texts import REASON_CODE_LENGTH


@pytest.mark.parametrize("specification", [REFERENCE, EXTENDED])
def test_every_feature_of_both_sets_has_a_reason(reference_levels: Levels, specification: FeatureSpecification) -> None:
    """No refusal can rest on a feature that the applicant is told nothing about."""
    columns = feature_columns(reference_levels, specification)

    assert [column.name for column in columns if reason_of(column) is None] == []


def test_every_entry_counts_something(reference_levels: Levels) -> None:
    """An entry that nothing matches is a misspelt one."""
    found = {reason_of(column) for column in feature_columns(reference_levels, EXTENDED)}

    assert found == set(catalogue())


def test_codes_and_texts_are_such_as_a_notice_can_print() -> None:
    """Codes are short UPPER_SNAKE, texts short phrases; no two reasons say the same."""
    for reason in catalogue():
        assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", reason.code)
        assert len(reason.code) <= REASON_CODE_LENGTH
        assert re.fullmatch(r"[A-Z][a-z ,']+", reason.text), reason.text
    assert len({reason.text for reason in catalogue()}) == len(catalogue())


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("EXT_SOURCE_2", "EXTERNAL_SCORES"),
        ("EXT_SOURCES_MEAN_TERM", "EXTERNAL_SCORES"),
        ("DAYS_EMPLOYED_PERC", "EMPLOYMENT_LENGTH"),
        ("NAME_HOUSING_TYPE_Rented apartment", "HOUSING"),
        ("INSTAL_90D_LATE_TREND", "LATE_WITH_US"),
        ("BURO_CREDIT_DAY_OVERDUE_MAX", "OTHER_LENDERS_LATE"),
        ("APARTMENTS_AVG", "BUILDING"),
        ("DEBT_INCOME_PERC", "OBLIGATIONS_TO_INCOME"),
        ("CODE_GENDER", "GENDER"),
    ],
)
def test_a_feature_counts_to_what_it_says_of_the_applicant(reference_levels: Levels, name: str, code: str) -> None:
    """Also one that is computed from others, or summarises many rows."""
    reason = reason_of(_named(reference_levels, name))

    assert reason is not None
    assert reason.code == code


def _named(levels: Levels, name: str) -> FeatureColumn:
    return next(column for column in feature_columns(levels, EXTENDED) if column.name == name)
