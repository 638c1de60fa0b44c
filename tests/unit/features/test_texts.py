"""Texts and reason codes of features: complete, readable, stable."""

import re
from dataclasses import replace

import pytest

from shared.features.columns import FeatureColumn, feature_columns
from shared.features.levels import Levels
from shared.features.reference import REFERENCE
from shared.features.texts import REASON_CODE_LENGTH, describe, phrase, reason_code
from shared.tables.schema import TABLES
from tests.unit.features.small_set import SMALL


def named(levels: Levels, name: str) -> FeatureColumn:
    """Return the feature of that name."""
    return next(column for column in feature_columns(levels) if column.name == name)


def test_no_two_features_share_a_reason_code(reference_levels: Levels) -> None:
    """A letter of refusal names codes; each must lead back to one feature."""
    codes = [reason_code(column) for column in feature_columns(reference_levels)]

    assert len(set(codes)) == len(codes) == 771


def test_reason_codes_are_short_upper_snake_case(reference_levels: Levels) -> None:
    """They travel in logs and error details of other systems."""
    for column in feature_columns(reference_levels):
        code = reason_code(column)
        assert re.fullmatch(r"[A-Z0-9]+(_[A-Z0-9]+)*", code), code
        assert len(code) <= REASON_CODE_LENGTH


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("AMT_CREDIT", "AMT_CREDIT"),
        ("NAME_TYPE_SUITE_Spouse, partner", "NAME_TYPE_SUITE_SPOUSE_PARTNER"),
        (
            "PREV_NAME_CASH_LOAN_PURPOSE_Purchase of electronic equipment_MEAN",
            "PREV_NAME_CASH_LOAN_PURPOSE_PURCHASE_OF_ELECTRONIC_EQ_1E11B1",
        ),
    ],
)
def test_a_reason_code_never_changes(reference_levels: Levels, name: str, code: str) -> None:
    """Decisions of years ago are explained by it."""
    assert reason_code(named(reference_levels, name)) == code


def test_names_beyond_ascii_get_distinct_ascii_codes(reference_levels: Levels) -> None:
    """Another lender's levels may be in another script."""
    column = named(reference_levels, "OCCUPATION_TYPE_Managers")

    first, second = (reason_code(replace(column, name=f"OCCUPATION_TYPE_{level}")) for level in ("Врач", "Маляр"))

    assert first != second
    assert first.isascii()
    assert first.startswith("OCCUPATION_TYPE_")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("AMT_CREDIT", "Amount of credit"),
        ("CODE_GENDER", "Gender"),
        ("OCCUPATION_TYPE_Laborers", "Occupation: Laborers"),
        ("PAYMENT_RATE", "Regular repayment as a share of the credit"),
        ("BURO_AMT_CREDIT_SUM_DEBT_MEAN", "Average outstanding debt over credits at other lenders"),
        ("ACTIVE_AMT_CREDIT_SUM_DEBT_MAX", "Highest outstanding debt over active credits at other lenders"),
        ("BURO_CREDIT_TYPE_nan_MEAN", "Share of credits at other lenders with kind of credit not recorded"),
        ("POS_COUNT", "Number of monthly records of shop and cash loans"),
        ("INSTAL_DPD_MEAN", "Average days paid late over past instalments"),
        ("INSTAL_PAYMENT_DIFF_VAR", "Variance of amount left unpaid over past instalments"),
        (
            "REFUSED_DAYS_DECISION_MAX",
            "Highest date of the decision (days from this application) over refused earlier applications",
        ),
        (
            "CC_NAME_CONTRACT_STATUS_Active_MAX",
            'Whether any of the monthly records of credit cards has state of the contract "Active"',
        ),
        (
            "BURO_STATUS_0_MEAN_MEAN",
            'Average share of months on record with payment status "0", per credit, over credits at other lenders',
        ),
        (
            "CLOSED_MONTHS_BALANCE_SIZE_SUM",
            "Total number of months on record, per credit, over closed credits at other lenders",
        ),
    ],
)
def test_a_feature_reads_as_plain_english(reference_levels: Levels, name: str, text: str) -> None:
    """One example of every way in which texts are composed."""
    assert describe(named(reference_levels, name)) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SCORES_MEAN", "Average of external score 1, external score 2 and external score 3"),
        ("SCORES_MISSING", "Number missing of external score 1, external score 2 and external score 3"),
        ("TERM", "Amount of credit divided by regular repayment"),
        ("LEFT", "Amount of credit less regular repayment"),
        ("BEYOND", "Excess of amount of credit over regular repayment"),
        ("ANY_LEFT", "Whether there is any amount of credit less regular repayment"),
        ("B_RECENT_COUNT", "Number of credits at other lenders (b recent)"),
        (
            "RECORDS",
            "Sum of number of credits at other lenders (b recent) and number of monthly records of shop and cash loans",
        ),
    ],
)
def test_a_feature_without_an_entry_is_put_together_from_its_inputs(
    reference_levels: Levels, name: str, text: str
) -> None:
    """A specification that grows before the catalogue does still has texts, if clumsy ones."""
    column = next(column for column in feature_columns(reference_levels, SMALL) if column.name == name)

    assert describe(column) == text


def test_every_feature_has_a_text_without_raw_names(reference_levels: Levels) -> None:
    """An applicant cannot be expected to know what AMT_CREDIT is."""
    for column in feature_columns(reference_levels):
        described = describe(column).replace(column.level or "\n", "")
        assert not re.search(r"[A-Z]{2,}_|_", described), described
        assert described[0].isupper()


def test_only_equal_features_share_a_text(reference_levels: Levels) -> None:
    """The reference counts the point-of-sale records twice, as a size and as a count."""
    names: dict[str, list[str]] = {}
    for column in feature_columns(reference_levels):
        names.setdefault(describe(column), []).append(column.name)

    shared = [same for same in names.values() if len(same) > 1]
    assert shared == [["POS_MONTHS_BALANCE_SIZE", "POS_COUNT"]]


def test_the_catalogue_knows_every_raw_and_derived_column() -> None:
    """Also those that no feature is made of: raw tables are described to people as well."""
    raw = {(table, column) for table, schema in TABLES.items() for column in schema.columns}
    known = {("application" if table.startswith("application") else table, column) for table, column in raw}
    known |= {("application", derived.name) for derived in REFERENCE.application.derived}
    known |= {(history.table, derived.name) for history in REFERENCE.histories for derived in history.derived}

    lacking = [(t, c) for t, c in known if phrase(t, c) == phrase("no such table", c)]

    assert lacking == []


def test_a_column_without_an_entry_is_put_into_words() -> None:
    """A specification that grows before the catalogue does still has texts."""
    assert phrase("bureau", "SHOE_SIZE") == "shoe size"
