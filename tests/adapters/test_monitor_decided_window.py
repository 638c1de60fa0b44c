"""Decisions out of a projection, with what is at stake, their outcomes and their slices beside each other."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from services.monitor.adapters.decided_window import DecidedWindow
from services.monitor.adapters.projection_rows import projection_schema
from services.monitor.domain.decided import Stakes
from services.monitor.domain.slicing import ByFeature, settle_slicings
from services.monitor.domain.window import Window
from tests.unit.monitor.models import FEATURES, model_facts

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
AMOUNT = FEATURES[0]
PLAIN = Stakes(10.0, 1.0)


@pytest.fixture(scope="module")
def projection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a projection of six decisions, stored the last first."""
    folder = tmp_path_factory.mktemp("projection")
    rows = pl.DataFrame(
        {
            "prediction_id": [f"p-{place}" for place in range(6)],
            "applicant_id": None,
            "application_number": None,
            "create_time": [START + dt.timedelta(hours=10 * place) for place in range(6)],
            "day": [(START + dt.timedelta(hours=10 * place)).date() for place in range(6)],
            "purpose": "DECISION",
            "probability": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
            "margin": [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0],
            "decision": ["APPROVE", "APPROVE", "REFER", "REFUSE", "REFUSE", "REFUSE"],
            "as_of_date": None,
            "instance": "spool-1",
            "sequence": range(1, 7),
            AMOUNT: [100.0, None, 300.0, -400.0, 500.0, 600.0],
            FEATURES[1]: [1.0, 1.0, 0.0, 0.0, 1.0, 0.0],
            FEATURES[2]: [0.0] * 6,
        }
    )
    table = pa.table(rows.to_arrow().cast(projection_schema(FEATURES)))
    for place in reversed(range(6)):
        write_deltalake(folder, table.slice(place, 1), mode="append", partition_by=["day"])
    return folder


def test_outcomes_join_their_decisions(projection: Path) -> None:
    """In the order of time, whatever order they come in; those of others change nothing."""
    labels = pl.DataFrame({"prediction_id": ["p-4", "other", "p-1"], "defaulted": [1.0, 1.0, 0.0]})

    window = DecidedWindow.read(projection, Window(5), PLAIN, [])
    decided = window.decided(labels)

    np.testing.assert_array_equal(decided.labels, [0.0, np.nan, np.nan, 1.0, np.nan])
    assert decided.probabilities.tolist() == [0.2, 0.3, 0.4, 0.5, 0.6]
    assert decided.approved.tolist() == [True, False, False, False, False]
    assert decided.refused.tolist() == [False, False, True, True, True]
    assert window.margins.tolist() == [-1.0, 0.0, 1.0, 2.0, 3.0]
    assert window.span == (START + dt.timedelta(hours=10), START + dt.timedelta(hours=50))


def test_stakes_are_numbers_or_shares_of_a_feature(projection: Path) -> None:
    """What is missing or not above 0 is not known, and so is a feature that is not logged."""
    shares = Stakes(0.5, 2.0, AMOUNT, "")
    unknown = Stakes(0.5, 2.0, "GOODS", "").known(FEATURES)

    found = DecidedWindow.read(projection, Window(), shares, []).decided(None)
    without = DecidedWindow.read(projection, Window(), unknown, []).decided(None)

    np.testing.assert_array_equal(found.missed, [50.0, np.nan, 150.0, np.nan, 250.0, 300.0])
    assert found.lost.tolist() == without.lost.tolist() == [2.0] * 6
    assert np.isnan(without.missed).all()


def test_each_row_knows_its_slices(projection: Path) -> None:
    """One number a slicing, whatever was read to tell it."""
    slicings = settle_slicings(
        [ByFeature(AMOUNT, edges=(0.0, 300.0)), ByFeature(AMOUNT, edges=(550.0,))], model_facts()
    )

    window = DecidedWindow.read(projection, Window(), PLAIN, slicings)

    assert [slicings[0].labels[place] for place in window.places(0)] == [
        *("0 to 300", "missing", "0 to 300", "up to 0", "above 300", "above 300")
    ]
    assert window.places(1).tolist() == [0, 2, 0, 0, 0, 1]


def test_a_model_that_decided_nothing_has_an_empty_window(tmp_path: Path) -> None:
    """Of the same form as any other."""
    window = DecidedWindow.read(tmp_path / "none", Window(), PLAIN, settle_slicings([ByFeature(AMOUNT)], model_facts()))

    assert window.span is None
    assert window.decided(None).rows == 0
    assert window.places(0).tolist() == []
