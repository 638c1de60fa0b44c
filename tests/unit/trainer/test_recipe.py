"""Rows become a model by what was asked: weights, synthetic rows inside of training alone, then the classifier."""

import numpy as np
import pytest
from numpy.typing import NDArray

from services.trainer.domain.classifiers.fitting import Fit
from services.trainer.domain.hyperparameters import Hyperparameters
from services.trainer.domain.imbalance import Imbalance
from services.trainer.domain.preprocessing import Preprocessing
from services.trainer.domain.recipe import Recipe
from shared.bundle.linear_model import LinearModel
from shared.bundle.model import Model

_ROWS = np.random.default_rng(0).normal(size=(90, 3))
_TARGETS = (np.arange(90) % 9 == 0).astype(np.int8)


class _Learner:
    """A classifier that keeps what it was to learn from and by which hyper-parameters."""

    def __init__(self) -> None:
        self.values: list[NDArray[np.float64]] = []
        self.weights: list[NDArray[np.float64]] = []
        self.hyperparameters: list[Hyperparameters] = []

    def __call__(
        self, values: NDArray[np.float64], targets: NDArray[np.int8], weights: NDArray[np.float64], *, threads: int
    ) -> Fit:
        """Keep the rows."""
        assert (len(values), threads) == (len(targets), 2)
        self.values.append(values)
        self.weights.append(weights)
        return self._fit

    def _fit(self, hyperparameters: Hyperparameters, seed: int) -> Model:
        assert seed == 7
        self.hyperparameters.append(hyperparameters)
        return LinearModel(np.ones(3), 0.0, np.zeros(3), np.ones(3))


@pytest.mark.parametrize("imbalance", [Imbalance.NONE, Imbalance.CLASS_WEIGHTS])
def test_weights_are_those_of_the_rows_learnt_from(imbalance: Imbalance) -> None:
    """Balanced among them, all equal to one where nothing was asked for."""
    learner = _Learner()

    Recipe(learner, imbalance)(_ROWS, _TARGETS, threads=2)

    (weights,) = learner.weights
    assert weights.sum() == pytest.approx(90.0)
    assert len(set(weights)) == (2 if imbalance is Imbalance.CLASS_WEIGHTS else 1)


@pytest.mark.parametrize("imbalance", [Imbalance.SMOTE, Imbalance.SMOTENC])
def test_synthetic_rows_weigh_as_much_as_real_ones(imbalance: Imbalance) -> None:
    """And the classifier never hears of the neighbours."""
    learner = _Learner()
    fit = Recipe(learner, imbalance)(_ROWS, _TARGETS, threads=2)

    fit({"smote_k_neighbors": 3, "C": 1.0}, 7)

    assert [len(values) for values in learner.values] == [160]
    assert set(learner.weights[0]) == {1.0}
    assert learner.hyperparameters == [{"C": 1.0}]


@pytest.mark.parametrize("imbalance", Imbalance)
def test_preprocessing_is_fitted_on_real_rows_and_ends_up_in_the_model(imbalance: Imbalance) -> None:
    """The learner's coefficients are of deviations, the model's of values as they are."""
    learner = _Learner()
    rows = _ROWS * 3.0 + 5.0
    fit = Recipe(learner, imbalance, Preprocessing.STANDARDISATION)(rows, _TARGETS, threads=2)

    model = fit({"smote_k_neighbors": 3}, 7)

    standardised = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    assert learner.values[0][:90] == pytest.approx(standardised)
    assert model.margins(rows) == pytest.approx(standardised.sum(axis=1))


def test_rows_are_made_up_once_for_all_trials_of_as_many_neighbours() -> None:
    """A trial of other hyper-parameters costs a training, not the rows as well."""
    learner = _Learner()
    fit = Recipe(learner, Imbalance.SMOTE)(_ROWS, _TARGETS, threads=2)

    for neighbours in (3, 3, 4):
        fit({"smote_k_neighbors": neighbours}, 7)

    assert len(learner.values) == 2
    assert len(learner.hyperparameters) == 3
