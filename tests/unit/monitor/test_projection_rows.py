"""What becomes of a ledger row in its model's projection, value by value."""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.ledger_rows import ledger_rows
from services.monitor.adapters.projection_rows import (
    COMMIT_COLUMN,
    LEDGER_COLUMNS,
    SET_APART_SCHEMA,
    project_rows,
    projection_schema,
)
from tests.unit.monitor.models import FEATURES, model_facts
from tests.unit.monitor.segments import NOW, Spool, decisions_of, seeded_values

_VALUE = st.one_of(st.just(math.nan), st.floats(allow_nan=False, allow_infinity=False))
_ROW = st.lists(_VALUE, min_size=3, max_size=3)


def _ledger(segment: prediction_pb2.Segment, *, commit: int = 4) -> pa.Table:
    """Return the segment as the projector reads it out of the ledger."""
    rows = ledger_rows(segment, decisions_of(segment), NOW).select(LEDGER_COLUMNS)
    return rows.append_column(COMMIT_COLUMN, pa.repeat(pa.scalar(commit, pa.int64()), rows.num_rows))


def _segment(values: np.ndarray) -> prediction_pb2.Segment:
    return Spool().seal(values)[0]


def _segment_of(values: Sequence[Sequence[float]]) -> prediction_pb2.Segment:
    """Return a segment of these values, which may be too large to make a probability of."""
    segment = _segment(seeded_values(len(values)))
    for record, row in zip(segment.records, values, strict=True):
        record.personal_part = prediction_pb2.PersonalPart(values=row).SerializeToString()
    return segment


def _with_decision(segment: prediction_pb2.Segment, decision: int) -> prediction_pb2.Segment:
    part = prediction_pb2.DecisionPart.FromString(segment.records[0].decision_part)
    part.decision = prediction_pb2.Decision.ValueType(decision)
    segment.records[0].decision_part = part.SerializeToString(deterministic=True)
    return segment


@settings(max_examples=40, deadline=None)
@given(st.lists(_ROW, min_size=1, max_size=5))
def test_a_value_stays_what_it_was_and_a_missing_one_is_null(values: list[list[float]]) -> None:
    """To the last bit, zero included; no column holds a NaN that a reader would take for a number."""
    projected, apart = project_rows(_ledger(_segment_of(values)), model_facts())

    kept = [[row[name] for name in FEATURES] for row in projected.to_pylist()]
    assert kept == [[None if math.isnan(value) else value for value in row] for row in values]
    assert apart.num_rows == 0


def test_a_projection_keeps_its_columns_without_a_row() -> None:
    """A commit may hold no record of a model at all."""
    projected, apart = project_rows(_ledger(_segment(seeded_values(1))).slice(0, 0), model_facts())

    assert projected.schema.names == [*projection_schema(FEATURES).names, COMMIT_COLUMN]
    assert (projected.num_rows, apart.num_rows) == (0, 0)
    assert apart.schema == SET_APART_SCHEMA


def test_every_row_is_either_projected_or_set_apart() -> None:
    """None is lost and none is in both; each tells the commit that it came from."""
    segment = _segment(seeded_values(4))
    segment.records[1].personal_part = prediction_pb2.PersonalPart(values=[1.0, 2.0]).SerializeToString()
    segment.records[2].personal_part = prediction_pb2.PersonalPart(values=[1.0, -math.inf, 2.0]).SerializeToString()

    projected, apart = project_rows(_ledger(segment, commit=9), model_facts())

    assert projected["sequence"].to_pylist() == [1, 4]
    assert apart["sequence"].to_pylist() == [2, 3]
    assert apart["reason"].to_pylist() == ["VALUES_INVALID"] * 2
    assert set(projected[COMMIT_COLUMN].to_pylist() + apart[COMMIT_COLUMN].to_pylist()) == {9}


def test_bytes_that_are_no_personal_part_are_set_apart() -> None:
    """They must not stop the projector, and are no erasure either."""
    segment = _segment(seeded_values(1))
    segment.records[0].personal_part = b"\xff\xff\xff"

    projected, apart = project_rows(_ledger(segment), model_facts())

    assert projected.num_rows == 0
    assert apart["reason"].to_pylist() == ["VALUES_INVALID"]


def test_another_bundle_is_the_reason_before_values_that_do_not_fit_it() -> None:
    """Values of another bundle are right in their own place."""
    facts = model_facts(FEATURES[:2], bundle_digest="e" * 64)

    _, apart = project_rows(_ledger(_segment(seeded_values(2))), facts)

    assert apart["reason"].to_pylist() == ["BUNDLE_MISMATCH"] * 2


def test_an_erased_row_fits_a_bundle_of_any_width() -> None:
    """There is nothing left that could fit or not."""
    segment = _segment(seeded_values(1, features=5))
    segment.records[0].personal_part = b""

    projected, apart = project_rows(_ledger(segment), model_facts())

    (row,) = projected.to_pylist()
    assert [row[name] for name in ("applicant_id", "application_number", *FEATURES)] == [None] * 5
    assert (row["probability"], row["decision"]) != (None, None)
    assert apart.num_rows == 0


def test_an_applicant_who_was_not_named_is_null() -> None:
    """A what-if has no applicant; an empty text would look like one."""
    segment = _segment(seeded_values(1))
    segment.records[0].personal_part = prediction_pb2.PersonalPart(values=[1.0, 2.0, 3.0]).SerializeToString()

    projected, _ = project_rows(_ledger(segment), model_facts())

    assert projected["applicant_id"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("decision", "name"),
    [
        *((number, name.removeprefix("DECISION_")) for name, number in prediction_pb2.Decision.items()),
        (77, "77"),
    ],
)
def test_each_decision_has_its_name_and_a_newer_one_its_number(decision: int, name: str) -> None:
    """A scorer may be upgraded before the monitor is."""
    projected, _ = project_rows(_ledger(_with_decision(_segment(seeded_values(1)), decision)), model_facts())

    assert projected["decision"].to_pylist() == [name]


def test_the_day_is_that_of_the_prediction_in_utc() -> None:
    """Not that of its arrival, which may be after midnight."""
    late = dt.datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=dt.UTC)
    segment, _ = replace(Spool(), instance="spool-2").seal(seeded_values(2), time=late)

    projected, _ = project_rows(_ledger(segment), model_facts())

    assert projected["day"].to_pylist() == [dt.date(2026, 2, 28), dt.date(2026, 3, 1)]
    assert projected["create_time"].to_pylist()[0] == late


def test_the_as_of_date_is_kept_where_there_is_one() -> None:
    """Outcomes are reported by it."""
    segment = _segment(seeded_values(2))
    part = prediction_pb2.DecisionPart.FromString(segment.records[0].decision_part)
    part.as_of_date = "2026-02-28"
    segment.records[0].decision_part = part.SerializeToString(deterministic=True)

    projected, _ = project_rows(_ledger(segment), model_facts())

    assert projected["as_of_date"].to_pylist() == ["2026-02-28", None]
