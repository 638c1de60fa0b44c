"""What a classifier sees, fitted on training rows."""

import numpy as np
import pytest

from services.trainer.domain.preprocessing import Preprocessing
from services.trainer.domain.preprocessors import Components, fit_preprocessing
from shared.bundle.linear_model import LinearModel

_RANDOM = np.random.default_rng(4)
# Four columns that are one and the same but for little, in other units, and two of their own.
_COMMON = _RANDOM.normal(size=(300, 1)) + 0.01 * _RANDOM.normal(size=(300, 4))
_ROWS = np.hstack([_COMMON, _RANDOM.normal(size=(300, 2))]) * np.array([1e5, 1.0, 1.0, -1e-3, 1.0, 1.0]) + 50.0


def test_without_preprocessing_values_are_as_they_are() -> None:
    """And so is the model."""
    untouched = fit_preprocessing(Preprocessing.NONE, _ROWS)
    model = LinearModel(np.ones(6), 0.0, np.zeros(6), np.ones(6))

    assert untouched.apply(_ROWS) is _ROWS
    assert untouched.fold(model) is model


def test_standardised_columns_have_no_unit() -> None:
    """Mean 0 and deviation 1 over the rows they were fitted on; missing values stay missing and count for nothing."""
    gaps = _ROWS.copy()
    gaps[:30, 2] = np.nan

    standardised = fit_preprocessing(Preprocessing.STANDARDISATION, gaps).apply(gaps)

    assert np.nanmean(standardised, axis=0) == pytest.approx(np.zeros(6), abs=1e-9)
    assert np.nanstd(standardised, axis=0) == pytest.approx(np.ones(6))
    assert np.isnan(standardised[:30, 2]).all()


def test_a_constant_column_becomes_zero() -> None:
    """It says nothing, and nothing is divided by its deviation."""
    rows = np.column_stack([_ROWS[:, 0], np.full(300, 0.1)])

    assert set(fit_preprocessing(Preprocessing.STANDARDISATION, rows).apply(rows)[:, 1]) == {0.0}


def test_components_keep_as_much_variance_as_was_asked_for_and_no_more() -> None:
    """Four columns that say the same are one component; of three, none can go."""
    preprocessor = fit_preprocessing(Preprocessing.PCA, _ROWS)

    components = preprocessor.apply(_ROWS)

    assert components.shape == (300, 3)
    variances = components.var(axis=0)
    assert 0.95 <= variances.sum() / 6.0 <= 1.0
    assert variances[:2].sum() / 6.0 < 0.95
    assert np.corrcoef(components.T) == pytest.approx(np.eye(3), abs=1e-9)


def test_an_axis_points_where_its_largest_loading_is_positive() -> None:
    """Whatever the linear algebra library says: equal rows give equal components."""
    preprocessor = fit_preprocessing(Preprocessing.PCA, _ROWS)

    assert isinstance(preprocessor, Components)
    loadings = preprocessor.projection.loadings
    assert (loadings[np.arange(3), np.abs(loadings).argmax(axis=1)] > 0.0).all()


def test_one_column_alone_is_one_component() -> None:
    """Also if it is constant and has no variance to keep."""
    for rows in (_ROWS[:, :1], np.full((10, 1), 3.0)):
        assert fit_preprocessing(Preprocessing.PCA, rows).apply(rows).shape == (len(rows), 1)
