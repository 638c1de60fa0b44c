"""scikit-learn's boosted trees as numbers: their margins to the bit, and Shapley values by their definition."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from services.trainer.domain.classifiers.catalogue import find_classifier
from services.trainer.domain.hyperparameters import Hyperparameters
from shared.bundle.model import Model
from shared.bundle.tree_model import TreeModel
from tests.unit.kernels.shapley import shapley_values

_RANDOM = np.random.default_rng(6)
_ROWS = np.round(_RANDOM.normal(size=(400, 5)) * np.array([1e6, 1.0, 1e-3, 7.0, 1.0]), 4)
_ROWS[:, 4] = _RANDOM.integers(0, 2, 400)
_TARGETS = (_ROWS[:, 0] / 1e6 + _ROWS[:, 3] * _ROWS[:, 4] / 7.0 + _RANDOM.normal(size=400) > 1.0).astype(np.int8)
_WEIGHTS = np.where(_TARGETS == 1, 3.0, 0.5)
_GAPS = np.where(_RANDOM.random(_ROWS.shape) < 0.15, np.nan, _ROWS)
_HIST = {"max_iter": 25, "max_leaf_nodes": 7, "min_samples_leaf": 5, "max_features": 0.8, "learning_rate": 0.2}
_EXACT = {"n_estimators": 25, "max_depth": 3, "min_samples_leaf": 5, "max_features": 0.8, "subsample": 0.7}


def _fit(classifier: str, values: NDArray[np.float64], hyperparameters: Hyperparameters, *, threads: int = 1) -> Model:
    return find_classifier(classifier).prepare(values, _TARGETS, _WEIGHTS, threads=threads)(hyperparameters, 3)


def _probes(model: TreeModel) -> NDArray[np.float64]:
    """Return rows of training, and rows at, just below and just above every threshold."""
    nodes = [node for tree in model.ensemble.trees for node in tree.nodes if np.isfinite(node.threshold)]
    rows = np.repeat(_ROWS[:1], 3 * len(nodes), axis=0)
    for place, node in enumerate(nodes):
        at = node.threshold
        rows[3 * place : 3 * place + 3, node.feature] = [np.nextafter(at, -np.inf), at, np.nextafter(at, np.inf)]
    return np.vstack([_ROWS, rows])


def test_binned_trees_are_scikit_learns_to_the_bit() -> None:
    """Also with missing values, and where a split parts them from all others."""
    expected: Any = HistGradientBoostingClassifier(**_HIST, early_stopping=False, random_state=3)
    expected.fit(_GAPS, _TARGETS, sample_weight=_WEIGHTS)

    model = _fit("hist_gradient_boosting", _GAPS, _HIST)

    assert isinstance(model, TreeModel)
    for rows in (_GAPS, _probes(model)):
        assert model.margins(rows).tobytes() == expected.decision_function(rows).tobytes()


def test_exact_trees_are_scikit_learns_to_the_bit() -> None:
    """Though it compares in single precision: thresholds stand where its rounding parts the numbers."""
    expected: Any = GradientBoostingClassifier(**_EXACT, random_state=3)
    expected.fit(_ROWS, _TARGETS, sample_weight=_WEIGHTS)

    model = _fit("gradient_boosting", _ROWS, _EXACT)

    assert isinstance(model, TreeModel)
    for rows in (_ROWS, _probes(model)):
        assert model.margins(rows).tobytes() == expected.decision_function(rows).tobytes()


@pytest.mark.parametrize(
    ("classifier", "rows", "hyperparameters"),
    [("hist_gradient_boosting", _GAPS, _HIST), ("gradient_boosting", _ROWS, _EXACT)],
)
def test_contributions_are_path_dependent_shapley_values(
    classifier: str, rows: NDArray[np.float64], hyperparameters: Hyperparameters
) -> None:
    """By the definition over all subsets of features; with the baseline they are the margin."""
    model = _fit(classifier, rows, hyperparameters)

    margins, explained = model.explain(rows[:6])

    assert isinstance(model, TreeModel)
    by_definition = [sum(shapley_values(tree, row) for tree in model.ensemble.trees) for row in rows[:6]]
    assert np.abs(explained - np.array(by_definition)).max() <= 1e-12
    assert np.abs(model.contributions(rows[:6]).sum(axis=1) - margins).max() <= 1e-12


def test_the_baseline_is_what_training_rows_are_expected_to_have() -> None:
    """Each node weighs by the training rows that reached it: the mean margin, where no row weighs more than another."""
    fit = find_classifier("hist_gradient_boosting").prepare(_ROWS, _TARGETS, np.ones(400), threads=1)

    model = fit({**_HIST, "max_features": 1.0}, 3)

    assert model.contributions(_ROWS)[0, -1] == pytest.approx(model.margins(_ROWS).mean())


@pytest.mark.parametrize(
    ("classifier", "hyperparameters"), [("hist_gradient_boosting", _HIST), ("gradient_boosting", _EXACT)]
)
def test_the_same_seed_gives_the_same_model_whatever_the_threads(
    classifier: str, hyperparameters: Hyperparameters
) -> None:
    """Its files are equal byte for byte."""
    first, again = (_fit(classifier, _ROWS, hyperparameters, threads=threads) for threads in (1, 2))

    assert first.files() == again.files()


def test_only_binned_trees_take_missing_values() -> None:
    """The others have no side for them, and say so by a missing margin."""
    margins = [
        _fit(classifier, _ROWS, hyperparameters).margins(_GAPS)
        for classifier, hyperparameters in (("hist_gradient_boosting", _HIST), ("gradient_boosting", _EXACT))
    ]

    assert np.isfinite(margins[0]).all()
    assert (np.isnan(margins[1]) == np.isnan(_GAPS).any(axis=1)).all()


@pytest.mark.parametrize("classifier", ["hist_gradient_boosting", "gradient_boosting"])
def test_defaults_train(classifier: str) -> None:
    """Every hyper-parameter is one that the library takes by that name."""
    known = find_classifier(classifier).hyperparameters

    model = _fit(classifier, _ROWS, {each.name: each.default for each in known})

    assert np.isfinite(model.margins(_ROWS)).all()


@pytest.mark.parametrize(
    ("classifier", "hyperparameters", "name"),
    [("hist_gradient_boosting", _HIST, "max_iter"), ("gradient_boosting", _EXACT, "n_estimators")],
)
def test_early_stopping_grows_all_rows_as_far_as_was_best_for_those_watched(
    classifier: str, hyperparameters: Hyperparameters, name: str
) -> None:
    """The model is the one that is grown on all rows with that number of trees, to the bit."""
    many = {**hyperparameters, name: 300, "learning_rate": 0.3}

    stopped = _fit(classifier, _ROWS, {**many, "early_stopping_rounds": 15})

    assert isinstance(stopped, TreeModel)
    assert 1 <= stopped.rounds < 200
    assert stopped.files() == _fit(classifier, _ROWS, {**many, name: stopped.rounds}).files()


def test_the_trees_that_were_best_are_those_of_least_loss() -> None:
    """Held against the library's own losses on the same rows, tree by tree."""
    many = {**_EXACT, "n_estimators": 60, "learning_rate": 0.3}
    places = np.arange(len(_TARGETS))
    grown, watched = train_test_split(places, test_size=0.2, stratify=_TARGETS, random_state=3)
    booster: Any = GradientBoostingClassifier(**many, random_state=3)
    booster.fit(_ROWS[grown], _TARGETS[grown], sample_weight=_WEIGHTS[grown])
    losses = [
        log_loss(_TARGETS[watched], probabilities[:, 1], sample_weight=_WEIGHTS[watched])
        for probabilities in booster.staged_predict_proba(_ROWS[watched])
    ]

    stopped = _fit("gradient_boosting", _ROWS, {**many, "early_stopping_rounds": 60})

    assert isinstance(stopped, TreeModel)
    assert stopped.rounds == int(np.argmin(losses)) + 1
