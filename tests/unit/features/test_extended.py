"""The extended set: all of the reference and more under systematic names, each with a text, the same for one client."""

import re
from collections.abc import Mapping

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from shared.features.building import build_features
from shared.features.columns import FeatureColumn, feature_columns
from shared.features.extended import EXTENDED
from shared.features.levels import Levels, fit_levels
from shared.features.reference import REFERENCE
from shared.features.sets import SPECIFICATIONS, FeatureSet
from shared.features.specification import TARGET
from shared.features.texts import REASON_CODE_LENGTH, describe, reason_code
from shared.tables.schema import TABLES
from tests.unit.features.random_tables import only_client, random_tables

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def columns(reference_levels: Levels) -> tuple[FeatureColumn, ...]:
    """Return the extended features with the levels of the reference."""
    return feature_columns(reference_levels, EXTENDED)


def test_every_set_has_a_specification() -> None:
    """A name that callers may send can be built."""
    assert set(SPECIFICATIONS) == set(FeatureSet)


def test_it_holds_every_feature_of_the_reference(reference_levels: Levels, columns: tuple[FeatureColumn, ...]) -> None:
    """With the same meaning: what the reference says of a column, the extended set says too."""
    extended = {column.name: column for column in columns}

    reference = feature_columns(reference_levels)

    assert [column for column in reference if extended.get(column.name) != column] == []
    assert len(columns) > len(reference) + 400


def test_the_reference_has_the_same_values_in_it(tables: Mapping[str, pl.LazyFrame]) -> None:
    """More rows of a specification change nothing of the others."""
    levels = fit_levels(tables)

    reference = build_features(tables, levels, REFERENCE).frame
    extended = build_features(tables, fit_levels(tables, EXTENDED), EXTENDED).frame

    assert_frame_equal(extended.select(reference.columns), reference, check_exact=True)


def test_no_combination_names_a_feature_that_is_not_there(columns: tuple[FeatureColumn, ...]) -> None:
    """With all tables a misspelt input would silently leave the feature out."""
    names = {column.name for column in columns}

    assert [made.name for made in EXTENDED.combined if made.name not in names] == []
    assert [made.name for made in EXTENDED.application.derived if made.name not in names] == []


def test_no_feature_is_made_of_the_target(columns: tuple[FeatureColumn, ...]) -> None:
    """And every raw column that one needs is in the schema of its table."""
    for column in columns:
        own_table = "application_test" if column.table == "application" else column.table
        for raw in column.columns:
            table, _, name = raw.rpartition(".")
            assert name in TABLES[table or own_table].columns, f"{column.name} needs {raw}"
            assert name != TARGET


def test_reason_codes_are_short_distinct_and_every_text_is_in_plain_words(columns: tuple[FeatureColumn, ...]) -> None:
    """A letter of refusal names any of them, a window or a trend like a raw column."""
    codes = [reason_code(column) for column in columns]

    assert len(set(codes)) == len(codes)
    assert max(map(len, codes)) <= REASON_CODE_LENGTH
    for column in columns:
        described = describe(column).replace(column.level or "\n", "")
        assert not re.search(r"[A-Z]{2,}_|_", described), described


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("EXT_SOURCES_MEAN", "Average external score"),
        ("CREDIT_GOODS_PERC", "Credit as a share of the goods' price"),
        ("BURO_365D_AMT_CREDIT_SUM_SUM", "Total amount of credit over credits at other lenders of the last year"),
        (
            "PREV_LAST1_NAME_CONTRACT_STATUS_Refused_MEAN",
            'Share of the last earlier application with outcome "Refused"',
        ),
        ("BURO_MICRO_COUNT", "Number of microloans at other lenders"),
        (
            "CREDIT_PREV_PERC",
            "Amount of credit divided by average amount of credit over earlier applications",
        ),
        (
            "INSTAL_90D_DPD_TREND",
            "Average days paid late over instalments due in the last 90 days "
            "less average days paid late over past instalments",
        ),
    ],
)
def test_a_feature_reads_as_plain_english(columns: tuple[FeatureColumn, ...], name: str, text: str) -> None:
    """One example of every kind of feature that the reference lacks."""
    assert [describe(column) for column in columns if column.name == name] == [text]


@settings(max_examples=4, deadline=None)
@given(seed=SEEDS)
def test_a_client_alone_has_the_features_it_has_among_others(seed: int) -> None:
    """To the bit, in every window, rank and combination; no value is infinite."""
    tables = random_tables(seed, clients=4, rows=24)
    levels = fit_levels(tables, EXTENDED)

    bulk = build_features(tables, levels, EXTENDED).frame
    alone = pl.concat(build_features(only_client(tables, number), levels, EXTENDED).frame for number in range(1, 5))

    assert_frame_equal(alone, bulk, check_exact=True)
    assert bulk.columns[2:] == [column.name for column in feature_columns(levels, EXTENDED)]
    assert bulk.select(pl.all_horizontal(pl.col(bulk.columns[2:]).is_finite().fill_null(value=True).all())).item()
