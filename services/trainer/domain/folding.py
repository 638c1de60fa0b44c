"""Models on standardised columns or components as models on features, margins and reasons alike."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.lifting import largest_at_most
from shared.bundle.ensemble import Ensemble
from shared.bundle.lightgbm_model import FILE, LightGbmModel
from shared.bundle.linear_model import LinearModel
from shared.bundle.model import Model
from shared.bundle.projected_model import ProjectedModel
from shared.bundle.projection import Projection
from shared.bundle.scorecard_model import Characteristic, ScorecardModel
from shared.bundle.tree_model import TreeModel
from shared.kernels.lightgbm_text import parse_trees
from shared.kernels.trees import Missing, Tree


def on_unscaled(model: Model, means: NDArray[np.float64], scales: NDArray[np.float64]) -> Model:
    """Return the model on columns as they are that gives the margins of `model` on (column - mean) / scale.

    Trees send every row the same way, to the last bit; a linear model agrees but for rounding. Raises TypeError for a
    kind of model that has no such form.
    """
    if isinstance(model, LinearModel):
        return LinearModel(model.coefficients, model.intercept, means + model.means * scales, scales * model.scales)
    if isinstance(model, LightGbmModel):
        model = as_numbers(model)
    if isinstance(model, TreeModel):
        trees = tuple(_unscaled(tree, means, scales) for tree in model.ensemble.trees)
        return TreeModel(replace(model.ensemble, trees=trees))
    if isinstance(model, ScorecardModel):
        columns = zip(model.characteristics, means, scales, strict=True)
        return replace(model, characteristics=tuple(_uncut(each, mean, scale) for each, mean, scale in columns))
    raise TypeError(f"a model of kind {model.kind!r} cannot take a standardisation in")


def on_components(model: Model, projection: Projection) -> Model:
    """Return the model on features that gives the margins of `model` on their components."""
    if isinstance(model, LinearModel):
        weights = model.coefficients / model.scales
        intercept = model.intercept - float(weights @ model.means)
        return LinearModel(weights @ projection.loadings, intercept, projection.means, projection.scales)
    return ProjectedModel(projection, model)


def as_numbers(model: LightGbmModel) -> TreeModel:
    """Return LightGBM's trees as numbers; every row reaches the same leaves."""
    trees = tuple(_with_sides(tree) for tree in parse_trees(model.files()[FILE].decode()))
    return TreeModel(Ensemble(trees, model.n_features, 0.0, takes_missing_values=True))


def _uncut(characteristic: Characteristic, mean: float, scale: float) -> Characteristic:
    """Return the characteristic with edges on the column as it is: each the first number that is lifted to its edge."""
    edges = np.array(characteristic.edges)
    before = largest_at_most(lambda values: (values - mean) / scale, np.nextafter(edges, -np.inf))
    return replace(characteristic, edges=tuple(np.nextafter(before, np.inf).tolist()))


def _unscaled(tree: Tree, means: NDArray[np.float64], scales: NDArray[np.float64]) -> Tree:
    features = np.array([node.feature for node in tree.nodes], dtype=np.intp)
    thresholds = np.array([node.threshold for node in tree.nodes], dtype=np.float64)
    moved = largest_at_most(lambda values: (values - means[features]) / scales[features], thresholds)
    return with_thresholds(tree, moved)


def with_thresholds(tree: Tree, thresholds: NDArray[np.float64]) -> Tree:
    """Return the tree with other thresholds, in the order of its nodes."""
    nodes = zip(tree.nodes, thresholds.tolist(), strict=True)
    return replace(tree, nodes=tuple(replace(node, threshold=threshold) for node, threshold in nodes))


def _with_sides(tree: Tree) -> Tree:
    """Return the tree with a side for missing values at each split: zero's, where LightGBM takes them for zero."""
    nodes = (
        replace(node, missing=Missing.NAN, default_left=node.threshold >= 0.0) if node.missing is Missing.NONE else node
        for node in tree.nodes
    )
    return replace(tree, nodes=tuple(nodes))
