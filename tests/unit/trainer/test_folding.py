"""A model on prepared columns becomes one on features that says the same, trees to the last bit."""

import lightgbm
import numpy as np
import pytest
from numpy.typing import NDArray

from services.trainer.domain.folding import as_numbers, on_components, on_unscaled
from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.linear_model import LinearModel
from shared.bundle.projected_model import ProjectedModel
from shared.bundle.projection import Projection

_ROWS = np.random.default_rng(3).normal(size=(400, 5)) * np.array([1e6, 1.0, 1e-3, 7.0, 1.0]) + 11.0
_MEANS, _SCALES = _ROWS.mean(axis=0), _ROWS.std(axis=0)


def _trees(values: NDArray[np.float64]) -> LightGbmModel:
    targets = (values[:, 0] + values[:, 3] * values[:, 1] > 0.5).astype(np.int8)
    parameters = {"objective": "binary", "num_leaves": 7, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(values, targets), num_boost_round=15)
    return LightGbmModel.from_text(booster.model_to_string())


def test_trees_as_numbers_are_lightgbms_to_the_bit() -> None:
    """Margins; contributions within rounding. Missing values too, also where training saw none."""
    model = _trees(_ROWS)
    probes = np.vstack([_ROWS, np.where(np.random.default_rng(1).random(_ROWS.shape) < 0.2, np.nan, _ROWS)])

    numbers = as_numbers(model)

    assert numbers.margins(probes).tobytes() == model.margins(probes).tobytes()
    assert np.abs(numbers.contributions(probes) - model.contributions(probes)).max() <= 1e-12


def test_trees_on_standardised_columns_send_every_row_the_same_way() -> None:
    """On rows of training and exactly at thresholds, to the bit."""
    model = _trees((_ROWS - _MEANS) / _SCALES)

    folded = on_unscaled(model, _MEANS, _SCALES)

    nodes = [node for tree in folded.ensemble.trees for node in tree.nodes]  # type: ignore[attr-defined]  # it is trees
    probes = np.repeat(_ROWS[:1], 3 * len(nodes), axis=0)
    for place, node in enumerate(nodes):
        at = node.threshold
        probes[3 * place : 3 * place + 3, node.feature] = [np.nextafter(at, -np.inf), at, np.nextafter(at, np.inf)]
    for rows in (_ROWS, probes):
        assert folded.margins(rows).tobytes() == model.margins((rows - _MEANS) / _SCALES).tobytes()


def test_a_linear_model_takes_the_standardisation_in() -> None:
    """Also on top of means and scales of its own."""
    model = LinearModel(np.arange(5.0), 0.3, np.full(5, 0.1), np.full(5, 2.0))

    folded = on_unscaled(model, _MEANS, _SCALES)

    assert folded.margins(_ROWS) == pytest.approx(model.margins((_ROWS - _MEANS) / _SCALES), abs=1e-12)
    assert isinstance(folded, LinearModel)


def test_a_linear_model_on_components_is_one_on_features() -> None:
    """So its reasons are exact: coefficients and rotation make one coefficient a feature."""
    loadings = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0][:3]
    projection = Projection(_MEANS, _SCALES, loadings)
    model = LinearModel(np.array([1.0, -2.0, 0.5]), 0.3, np.full(3, 0.1), np.full(3, 2.0))

    folded = on_components(model, projection)

    assert isinstance(folded, LinearModel)
    assert folded.margins(_ROWS) == pytest.approx(model.margins(projection.apply(_ROWS)), abs=1e-12)
    assert folded.contributions(_ROWS).sum(axis=1) == pytest.approx(folded.margins(_ROWS), abs=1e-12)


def test_trees_on_components_keep_the_projection_before_them() -> None:
    """There is no tree on features that says the same."""
    projection = Projection(_MEANS, _SCALES, np.eye(5)[:4])
    model = _trees(projection.apply(_ROWS))

    folded = on_components(model, projection)

    assert isinstance(folded, ProjectedModel)
    assert folded.margins(_ROWS).tobytes() == model.margins(projection.apply(_ROWS)).tobytes()


def test_a_model_without_such_a_form_is_no_guess() -> None:
    """Two projections would be a mistake of the caller."""
    projected = on_components(_trees(_ROWS), Projection(_MEANS, _SCALES, np.eye(5)))

    with pytest.raises(TypeError, match="projected"):
        on_unscaled(projected, _MEANS, _SCALES)
