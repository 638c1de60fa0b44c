"""A scorecard: what a value is worth, to the bin, and a way to disk that changes nothing."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shared.bundle.models import read_model
from shared.bundle.scorecard_model import Characteristic, ScorecardModel

_AGE = Characteristic(-0.8, (25.0, 40.0), (-0.9, 0.1, 0.7), -0.2)
_FLAG = Characteristic(-1.1, (0.5,), (0.3, -0.4), 0.0)
_UNASKED = Characteristic(0.0, (), (0.0,), 0.0)
_CARD = ScorecardModel(-2.5, (_AGE, _UNASKED, _FLAG))
_ROWS = np.column_stack([np.linspace(18.0, 70.0, 300), np.full(300, np.nan), np.arange(300) % 2])


def test_margin_is_the_intercept_and_what_each_bin_is_worth() -> None:
    """A bin begins at its edge, and a missing value has a bin of its own, by hand."""
    values = np.array([[24.9, 5.0, 0.0], [25.0, 5.0, 1.0], [40.0, 5.0, 0.0], [np.nan, np.nan, np.nan]])

    margins, contributions = _CARD.margins(values), _CARD.contributions(values)

    assert contributions == pytest.approx(
        np.array([[0.72, 0.0, -0.33, -2.5], [-0.08, 0.0, 0.44, -2.5], [-0.56, 0.0, -0.33, -2.5], [0.16, 0, 0, -2.5]])
    )
    assert margins == pytest.approx(contributions.sum(axis=1))


@settings(deadline=None)
@given(arrays(np.float64, (6, 3), elements=st.floats(-1e9, 1e9) | st.just(float("nan"))))
def test_a_row_has_the_same_bits_alone_and_in_a_batch(rows: Any) -> None:
    """And adds up, whatever the numbers."""
    margins, contributions = _CARD.margins(rows), _CARD.contributions(rows)

    assert b"".join(_CARD.margins(row[np.newaxis]).tobytes() for row in rows) == margins.tobytes()
    assert np.abs(contributions.sum(axis=1) - margins).max() <= 1e-9


def test_model_read_from_its_files_answers_with_the_same_bits() -> None:
    """Bins, weights of evidence and coefficients, as numbers that anyone can read."""
    read = read_model("scorecard", _CARD.files())

    assert read.files() == _CARD.files()
    assert (read.kind, read.kernel_id, read.n_features, read.explains) == ("scorecard", "scorecard-1", 3, True)
    assert read.margins(_ROWS).tobytes() == _CARD.margins(_ROWS).tobytes()
    assert json.loads(_CARD.files()["scorecard.json"])["characteristics"][0]["edges"] == [25.0, 40.0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"woes": (0.1,)},
        {"edges": (40.0, 25.0)},
        {"woes": (0.1, np.inf, 0.2)},
        {"missing_woe": np.nan},
        {"coefficient": np.inf},
    ],
)
def test_numbers_that_make_no_characteristic_are_refused(wrong: dict[str, Any]) -> None:
    """Such a bundle is not written, nor read."""
    with pytest.raises(ValueError, match="characteristic"):
        Characteristic(**{**vars(_AGE), **wrong})


def test_an_intercept_that_is_no_number_and_rows_of_another_width_are_refused() -> None:
    """As with every other model."""
    with pytest.raises(ValueError, match="intercept"):
        ScorecardModel(np.nan, (_AGE,))
    with pytest.raises(ValueError, match="3 columns"):
        _CARD.margins(np.zeros((2, 2)))


def test_no_rows_have_no_answers() -> None:
    """An empty window is no error."""
    assert _CARD.margins(np.empty((0, 3))).shape == (0,)
    assert _CARD.contributions(np.empty((0, 3))).shape == (0, 4)
