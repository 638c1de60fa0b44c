"""Pages of predictions out of projections, against the plainest reading of what a list is."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from deltalake import write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.monitor.adapters.prediction_pages import Page, read_page, window_start
from services.monitor.adapters.projection_rows import projection_schema
from services.monitor.domain.prediction import Bounds, Place, PredictionFilter
from tests.unit.monitor.models import FEATURES

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
DAYS, ROWS_A_DAY = 3, 40
ONE, OTHER = "models/credit-default/versions/1", "models/credit-default/versions/2"
ALL = PredictionFilter()
OLDEST_FIRST = ["create_time", "instance", "sequence", "prediction_id"]


def history(model_version: str, seed: int) -> pl.DataFrame:
    """Return some days of predictions of a version, several at the same moment, in no order."""
    rng = np.random.default_rng(seed)
    count = DAYS * ROWS_A_DAY
    hours = rng.integers(0, 24 * DAYS, count // 10).repeat(10)
    times = [START + dt.timedelta(hours=int(hour)) for hour in hours]
    return pl.DataFrame(
        {
            "prediction_id": [f"p-{seed}-{place}" for place in range(count)],
            "applicant_id": [f"applicant-{place % 7}" if place % 5 else None for place in range(count)],
            "application_number": [f"application-{place % 11}" for place in range(count)],
            "create_time": times,
            "day": [time.date() for time in times],
            "purpose": rng.choice(["DECISION", "TEST", "WHAT_IF"], count).tolist(),
            "probability": rng.random(count),
            "margin": 0.0,
            "decision": rng.choice(["APPROVE", "REFUSE", "3"], count).tolist(),
            "as_of_date": None,
            "instance": [f"spool-{seed}-{place % 2}" for place in range(count)],
            # Rows of a chunk share their sequence and tell themselves apart by their identifiers.
            "sequence": [place // 30 for place in range(count)],
            **dict.fromkeys(FEATURES, 1.0),
            "model_version": model_version,
        }
    )


@pytest.fixture(scope="module")
def projections(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the projections of two versions, whose rows came in commits that overlap in time."""
    folder = tmp_path_factory.mktemp("projections")
    for seed, version in enumerate((ONE, OTHER)):
        rows = history(version, seed).drop("model_version")
        table = pa.table(rows.to_arrow().cast(projection_schema(FEATURES)))
        for part in np.array_split(np.arange(table.num_rows), 4):
            write_deltalake(folder / str(seed), table.take(pa.array(part)), mode="append", partition_by=["day"])
    return {ONE: folder / "0", OTHER: folder / "1", "models/credit-default/versions/3": folder / "absent"}


def expected(*wanted: pl.Expr) -> list[str]:
    """Return the identifiers of the rows that match, newest first."""
    rows = pl.concat([history(ONE, 0), history(OTHER, 1)]).filter(*wanted)
    return rows.sort(OLDEST_FIRST, descending=True)["prediction_id"].to_list()


def listed(read: Callable[[Bounds], Page]) -> tuple[list[str], int]:
    """Return the identifiers of all pages, and how many pages there were."""
    bounds, found, pages = Bounds(), [], 0
    while True:
        page = read(bounds)
        found += [row["prediction_id"] for row in page.rows]
        pages += 1
        if page.next is None:
            return found, pages
        bounds = replace(bounds, before=page.next)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(30, 300), most_rows=st.integers(20, 300))
def test_pages_together_are_the_list(projections: dict[str, Path], count: int, most_rows: int) -> None:
    """Nothing is left out or told twice, however large a page is and wherever looking at rows has to end."""
    found, _ = listed(lambda bounds: read_page(projections, ALL, bounds, count, most_rows=most_rows))

    assert found == expected()


@pytest.mark.parametrize(
    ("wanted", "condition"),
    [
        (PredictionFilter(decisions=frozenset({"REFUSE"})), pl.col("decision") == "REFUSE"),
        (PredictionFilter(purposes=frozenset({"TEST", "WHAT_IF"})), pl.col("purpose") != "DECISION"),
        (PredictionFilter(applicant_id="applicant-3"), pl.col("applicant_id") == "applicant-3"),
        (PredictionFilter(application_number="application-9"), pl.col("application_number") == "application-9"),
        (PredictionFilter(start_time=START + dt.timedelta(hours=30)), pl.col("create_time").dt.ordinal_day() > 60),
        (PredictionFilter(end_time=START + dt.timedelta(hours=24)), pl.col("create_time").dt.ordinal_day() == 60),
        (PredictionFilter(applicant_id="nobody"), pl.lit(value=False)),
    ],
)
def test_what_does_not_match_is_left_out(
    projections: dict[str, Path], wanted: PredictionFilter, condition: pl.Expr
) -> None:
    """By what stands in the row, with times from the first included to the last excluded."""
    if wanted.start_time is not None:
        condition &= pl.col("create_time") >= wanted.start_time

    found, _ = listed(lambda bounds: read_page(projections, wanted, bounds, 10))

    assert found == expected(condition)


def test_a_page_without_a_match_ends_where_it_has_looked_at_enough(projections: dict[str, Path]) -> None:
    """Whoever looks for a rare applicant gets answers in time, each with a token to go on."""
    found, pages = listed(
        lambda bounds: read_page(projections, PredictionFilter(applicant_id="nobody"), bounds, 10, most_rows=50)
    )

    assert not found
    assert pages > 2


def test_a_page_has_what_a_list_shows_and_no_feature(projections: dict[str, Path]) -> None:
    """Decision, probability and identity; the columns of features are not read."""
    (row,) = read_page({ONE: projections[ONE]}, ALL, Bounds(), 1).rows

    assert not set(row) & set(FEATURES)
    assert {"decision", "probability", "applicant_id", "application_number", "model_version"} <= set(row)


@pytest.mark.parametrize("count", [1, 20, 10_000])
def test_a_window_starts_at_the_oldest_of_its_newest_decisions(projections: dict[str, Path], count: int) -> None:
    """Listing from there on gives as many decisions as the window has."""
    wanted = PredictionFilter(model_version=ONE, purposes=frozenset({"DECISION"}))

    first = window_start(projections[ONE], wanted, count)

    page = read_page({ONE: projections[ONE]}, wanted, Bounds(first=first), 10_000)
    decisions = expected(pl.col("model_version") == ONE, pl.col("purpose") == "DECISION")
    assert [row["prediction_id"] for row in page.rows] == decisions[:count]


def test_a_window_on_nothing_starts_nowhere(projections: dict[str, Path]) -> None:
    """There is no oldest of none."""
    absent = "models/credit-default/versions/3"

    assert window_start(projections[absent], PredictionFilter(model_version=absent), 5) is None


def test_what_arrives_later_does_not_move_the_next_page(tmp_path: Path) -> None:
    """A list that is read while predictions come in neither repeats nor skips."""
    rows = history(ONE, 0).drop("model_version").sort(OLDEST_FIRST)
    table: Any = pa.table(rows.to_arrow().cast(projection_schema(FEATURES)))
    write_deltalake(tmp_path / "p", table.slice(0, 60), mode="append", partition_by=["day"])
    first = read_page({ONE: tmp_path / "p"}, ALL, Bounds(), 10)

    write_deltalake(tmp_path / "p", table.slice(60), mode="append", partition_by=["day"])
    second = read_page({ONE: tmp_path / "p"}, ALL, Bounds(before=first.next), 10)

    ids = rows["prediction_id"].to_list()[:60][::-1]
    assert [row["prediction_id"] for row in first.rows + second.rows] == ids[:20]


def test_places_are_ordered_by_time_then_instance_then_sequence() -> None:
    """As the tables are."""
    places = [Place(START, "b", 1, "p"), Place(START, "a", 10, "p"), Place(START, "a", 9, "p")]

    assert sorted(places) == [places[2], places[1], places[0]]
