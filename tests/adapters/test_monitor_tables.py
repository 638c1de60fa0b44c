"""The splits that a drift report reads."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from services.monitor.adapters.models import ReportTables
from services.monitor.domain.window import Window
from tests.unit.monitor.models import FEATURES, model_facts

ROWS = 500  # As the facts' reference says.


@pytest.fixture
def tables(tmp_path: Path) -> ReportTables:
    """Return tables whose splits hold a counting column, a sparse one and one with odd numbers."""
    sparse: list[float | None] = [None if place % 4 else 1.0 for place in range(ROWS)]
    odd = np.where(np.arange(ROWS) % 2 == 0, np.inf, np.nan)
    columns = {"applicant_id": ["x"] * ROWS, FEATURES[0]: np.arange(float(ROWS)), FEATURES[1]: sparse, FEATURES[2]: odd}
    for split, shift in (("train", 0.0), ("production", 1_000.0)):
        pl.DataFrame(columns).with_columns(pl.col(FEATURES[0]) + shift).write_parquet(tmp_path / f"{split}.parquet")
    return ReportTables(lambda _dataset, split: tmp_path / f"{split}.parquet", tmp_path / "predictions")


def test_a_split_is_read_by_name_in_the_order_asked(tables: ReportTables) -> None:
    """Missing stays missing; what is no number counts as missing too."""
    rows = tables.training(model_facts(), (FEATURES[2], FEATURES[0], FEATURES[1]), max_rows=ROWS)

    assert rows.columns == [FEATURES[2], FEATURES[0], FEATURES[1]]
    assert rows[FEATURES[0]].to_list() == list(range(ROWS))
    assert rows[FEATURES[1]].null_count() == ROWS * 3 // 4
    assert rows[FEATURES[2]].null_count() == ROWS


def test_a_large_split_is_sampled_the_same_each_time(tables: ReportTables) -> None:
    """Two reports on the same data must say the same."""
    first, second = (tables.production(model_facts(), FEATURES[:1], max_rows=100) for _ in range(2))

    assert first.equals(second)
    assert first.height == 100
    assert first[FEATURES[0]].min() >= 1_000  # type: ignore[operator]  # a float column's least value is a float
    assert first[FEATURES[0]].is_sorted()


def test_without_predictions_the_window_is_empty(tables: ReportTables) -> None:
    """A report may be asked for before the first score."""
    assert tables.window(model_facts(), Window(), FEATURES, max_rows=100).shape == (0, 3)
