"""The newest decisions of a projection, read without its history."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.monitor.adapters.projection_rows import projection_schema
from services.monitor.adapters.windows import read_window, window_batches
from services.monitor.domain.window import LARGEST_LAST_COUNT, Window
from tests.unit.monitor.models import FEATURES

DAYS, ROWS_A_DAY = 4, 60
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
EVERY_ROW = 10_000


def history() -> pl.DataFrame:
    """Return four days of decisions and tests, every 24 minutes; the first feature counts the rows."""
    count = DAYS * ROWS_A_DAY
    times = [START + dt.timedelta(minutes=24 * place) for place in range(count)]
    fixed = {
        "prediction_id": [f"p-{place}" for place in range(count)],
        "applicant_id": None,
        "application_number": None,
        "create_time": times,
        "day": [time.date() for time in times],
        "purpose": ["TEST" if place % 5 == 0 else "DECISION" for place in range(count)],
        "probability": 0.5,
        "margin": 0.0,
        "decision": "REFUSE",
        "as_of_date": None,
        "instance": "spool-1",
        "sequence": list(range(1, count + 1)),
    }
    features = {name: [float(place)] * count if place else np.arange(count) for place, name in enumerate(FEATURES)}
    return pl.DataFrame({**fixed, **features})


@pytest.fixture(scope="module")
def projection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a projection whose rows came in shuffled commits."""
    folder = tmp_path_factory.mktemp("projection")
    table = pa.table(history().to_arrow().cast(projection_schema(FEATURES)))
    order = np.random.default_rng(3).permutation(table.num_rows)
    for part in np.array_split(order, 5):
        write_deltalake(folder, table.take(pa.array(part)), mode="append", partition_by=["day"])
    return folder


def expected(window: Window) -> list[float]:
    """Return the window by the plainest reading of its definition."""
    rows = history().filter(pl.col("purpose") == "DECISION").sort("create_time")
    if window.start_time is not None:
        rows = rows.filter(pl.col("create_time") >= window.start_time)
    if window.end_time is not None:
        rows = rows.filter(pl.col("create_time") < window.end_time)
    return rows.tail(window.last_count)[FEATURES[0]].to_list()


_TIMES = st.none() | st.integers(-60, DAYS * 24 * 60).map(lambda minutes: START + dt.timedelta(minutes=minutes))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(last_count=st.integers(1, 250), start_time=_TIMES, end_time=_TIMES)
def test_a_window_holds_the_newest_decisions_between_its_bounds(
    projection: Path, last_count: int, start_time: dt.datetime | None, end_time: dt.datetime | None
) -> None:
    """In the order of time, whatever order they were stored in."""
    window = Window(last_count, start_time, end_time)

    rows = read_window(projection, window, FEATURES, EVERY_ROW)

    assert rows[FEATURES[0]].to_list() == expected(window)
    assert rows.columns == list(FEATURES)


def test_a_large_window_is_sampled_the_same_each_time(projection: Path) -> None:
    """All of its rows are as likely, and their order stays."""
    window = Window(LARGEST_LAST_COUNT)

    first, second = (read_window(projection, window, FEATURES[:1], 50) for _ in range(2))

    drawn = first[FEATURES[0]].to_list()
    assert first.equals(second)
    assert len(drawn) == 50
    assert drawn == sorted(drawn)
    assert set(drawn) < set(expected(window))


def test_days_before_the_window_are_not_read(projection: Path, tmp_path: Path) -> None:
    """The history may be years: a report on the newest rows must not depend on it."""
    table = pa.table(history().to_arrow().cast(projection_schema(FEATURES)))
    write_deltalake(tmp_path, table, partition_by=["day"])
    for path in tmp_path.glob(f"day={START.date()}/*.parquet"):
        path.unlink()

    newest = read_window(tmp_path, Window(40), FEATURES, EVERY_ROW)

    assert newest.equals(read_window(projection, Window(40), FEATURES, EVERY_ROW))
    with pytest.raises(FileNotFoundError):
        read_window(tmp_path, Window(1_000), FEATURES, EVERY_ROW)


def test_a_window_may_end_inside_of_a_chunk(tmp_path: Path) -> None:
    """The rows of a chunk have one time, instance and sequence; each counts as a decision all the same."""
    rows = history().filter(pl.col("purpose") == "DECISION").head(50)
    same = {"create_time": START, "day": START.date(), "sequence": 1}
    chunk = rows.with_columns(pl.lit(value).alias(name) for name, value in same.items())
    write_deltalake(tmp_path, pa.table(chunk.to_arrow().cast(projection_schema(FEATURES))), partition_by=["day"])

    assert read_window(tmp_path, Window(20), FEATURES, EVERY_ROW).height == 20
    assert read_window(tmp_path, Window(50), FEATURES, 30).height == 30


def test_a_model_without_predictions_has_an_empty_window(tmp_path: Path) -> None:
    """Nothing was projected yet, or nothing lies between the bounds."""
    never = read_window(tmp_path / "none", Window(), FEATURES, EVERY_ROW)
    DeltaTable.create(tmp_path / "some", projection_schema(FEATURES), partition_by=["day"])
    empty = read_window(tmp_path / "some", Window(), FEATURES, EVERY_ROW)

    assert never.equals(empty)
    assert never.shape == (0, len(FEATURES))
    assert set(never.dtypes) == {pl.Float64}


def test_a_window_comes_in_pieces_with_columns_of_any_type(projection: Path) -> None:
    """Together they are the window, so that whoever keeps less of a row than was read needs no memory for the rest."""
    window = Window(150)

    pieces = list(window_batches(projection, window, ["prediction_id", FEATURES[0]], EVERY_ROW))

    together = pl.concat(pieces).sort("create_time")
    assert len(pieces) > 1
    assert together[FEATURES[0]].to_list() == expected(window)
    assert together["prediction_id"].to_list() == [f"p-{place:.0f}" for place in expected(window)]
    assert list(window_batches(projection / "none", window, FEATURES, EVERY_ROW)) == []
