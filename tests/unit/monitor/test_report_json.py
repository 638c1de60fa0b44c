"""Any report survives the job store, and a comparison is judged at its exact bounds."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.monitor.domain.drift import ColumnDrift, Comparison, DriftBounds, DriftResult, Outcome, Verdict, screen
from services.monitor.domain.model import is_numbered, join_name, split_name
from services.monitor.domain.report import (
    LARGEST_COLUMNS,
    AskedReport,
    ReportRequest,
    ReportResult,
    check_asked,
    choose_columns,
)
from services.monitor.domain.window import Window
from shared.errors import InvalidInput
from tests.unit.monitor.models import FEATURES, MODEL_VERSION, model_facts

NAMES = st.text(max_size=8)
SHARES = st.floats(0.0, 1.0)
COUNTS = st.integers(0, 2**31)
TIMES = st.none() | st.datetimes(timezones=st.just(dt.UTC))
COLUMNS = st.lists(NAMES, max_size=4).map(tuple)
ASKED = st.builds(AskedReport, NAMES, st.none() | st.builds(Window, COUNTS, TIMES, TIMES), COLUMNS, COUNTS)
COMPARISONS = st.builds(Comparison, NAMES, st.floats(allow_nan=False), SHARES, st.booleans())
DRIFTS = st.builds(
    DriftResult,
    st.sampled_from(Outcome),
    COUNTS,
    COUNTS,
    st.builds(DriftBounds, COUNTS, SHARES),
    st.lists(
        st.builds(ColumnDrift, NAMES, st.sampled_from(Verdict), SHARES, SHARES, st.none() | COMPARISONS), max_size=3
    ).map(tuple),
    st.none() | SHARES,
    st.none() | st.booleans(),
)


@settings(deadline=None)
@given(st.builds(ReportRequest, ASKED, NAMES, COLUMNS))
def test_any_request_survives_the_store(request_: ReportRequest) -> None:
    """Times keep their microseconds and their zone; an empty choice of columns stays one."""
    again = ReportRequest.from_json(request_.to_json())

    assert again == request_
    assert again.to_json() == request_.to_json()


@settings(deadline=None)
@given(st.builds(ReportResult, DRIFTS, NAMES))
def test_any_result_survives_the_store(result: ReportResult) -> None:
    """Verdicts come back as verdicts, and what was absent is absent."""
    again = ReportResult.from_json(result.to_json())

    assert again == result
    assert all(isinstance(column.verdict, Verdict) for column in again.drift.columns)


@pytest.mark.parametrize(
    ("values", "verdict"), [(0, Verdict.EMPTY), (1, Verdict.TOO_FEW), (4, Verdict.TOO_FEW), (5, Verdict.STABLE)]
)
@pytest.mark.parametrize("side", ["current", "reference"])
def test_a_column_is_compared_from_the_bound_on(side: str, values: int, verdict: Verdict) -> None:
    """Five of five needed is enough, whichever side is short."""
    short = pl.DataFrame({"a": [1.0] * values + [None] * (5 - values)}, schema={"a": pl.Float64})
    full = pl.DataFrame({"a": [1.0] * 5})
    sides = (short, full) if side == "current" else (full, short)

    (column,) = screen(*sides, DriftBounds(minimum_rows=5))

    assert column.verdict is verdict
    shares = {"current": column.current_missing_share, "reference": column.reference_missing_share}
    assert shares.pop(side) == pytest.approx(1 - values / 5)
    assert shares.popitem()[1] == 0.0


@settings(deadline=None)
@given(st.lists(st.none() | st.just(float("nan")) | st.just(float("inf")) | st.floats(-9, 9), min_size=1, max_size=30))
def test_null_and_not_a_number_are_missing_alike(values: list[float | None]) -> None:
    """An infinity is no value either: no method can place it."""
    table = pl.DataFrame({"a": values}, schema={"a": pl.Float64})

    (column,) = screen(table, table, DriftBounds(minimum_rows=1))

    present = [value for value in values if value is not None and abs(value) <= 9]
    assert column.current_missing_share == pytest.approx(1 - len(present) / len(values))
    assert (column.verdict is Verdict.EMPTY) is (not present)


def test_as_many_columns_as_are_allowed_can_be_asked_for() -> None:
    """The bound itself is allowed, one more is not."""
    names = tuple(f"c{place}" for place in range(LARGEST_COLUMNS))

    check_asked(AskedReport(MODEL_VERSION, None, names, max_rows=100))

    with pytest.raises(InvalidInput, match="1,000"):
        check_asked(AskedReport(MODEL_VERSION, None, (*names, "one more"), max_rows=100))


@settings(deadline=None)
@given(st.permutations(FEATURES), st.integers(1, len(FEATURES)))
def test_columns_keep_the_order_in_which_they_were_asked_for(names: list[str], count: int) -> None:
    """A caller finds them where they were named."""
    assert choose_columns(names[:count], model_facts()) == tuple(names[:count])


@settings(deadline=None)
@given(st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True), st.integers(0, 10**9))
def test_the_name_of_a_version_can_be_taken_apart_again(model: str, version: int) -> None:
    """Names that are put together are names that are taken."""
    name = join_name(model, str(version))

    assert split_name(name, field="model_version") == (model, str(version))
    assert is_numbered(name)
    assert not is_numbered(join_name(model, "champion"))


@pytest.mark.parametrize(
    "name", ["", "models/m", "models/M/versions/1", "models/../versions/1", "models/m/versions/1\n"]
)
def test_what_is_no_name_of_a_version_is_refused_by_its_field(name: str) -> None:
    """Names become folders; none may lead elsewhere."""
    with pytest.raises(InvalidInput) as refused:
        split_name(name, field="model_version")

    assert [violation.field for violation in refused.value.violations] == ["model_version"]
    assert not is_numbered(name)
