"""The training data of a model version as drift is measured against it, and what of it is tested as one."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.monitor.domain.histograms import Bins, Counts, Floats, Sketch
from services.monitor.domain.model import ModelFacts
from shared.bundle.profile import FeatureProfile
from shared.bundle.schema import Feature

NO_CELL = -1
WITHOUT_LEVEL = -2
_LEVEL_EDGE = 0.5


@dataclass(frozen=True)
class Variable:
    """What is tested as one: a numeric or binary feature, or all one-hot features of one raw column.

    `places` are the features' positions in the schema.
    """

    name: str
    places: tuple[int, ...]
    is_categorical: bool


@dataclass(frozen=True, eq=False)
class Reference:
    """The variables of a model version, and last the margin, with the cells that their values are counted in.

    `cells` (n_variables + 1, n_cells) are positions in a sketch's flattened counts: a bin each, or of a categorical
    variable a level each and last, WITHOUT_LEVEL, the rows that have none of them; NO_CELL where it has no more.
    `counts` are the training data's in these cells, `centres` what each stands for on the feature's own scale.
    `missing` is by column, `weights` by variable, and contributions are by feature.
    """

    model_version: str
    variables: tuple[Variable, ...]
    bins: Bins
    cells: NDArray[np.intp]
    counts: Counts
    centres: Floats
    rows: int
    missing: Counts
    weights: Floats
    contribution_means: Floats
    contribution_deviations: Floats
    names: tuple[str, ...]

    @classmethod
    def of(cls, model: ModelFacts) -> "Reference":
        """Return the reference of a model version."""
        profile = model.profile
        features = zip(model.schema.features, profile.features, strict=True)
        columns = [*(_split_levels(feature, column) for feature, column in features), profile.margins]
        found = _variables(model.schema.features, columns)
        bins = Bins.of(model.schema, columns)
        cells = _cells(found, columns, bins.n_bins)
        rows = _training_rows(profile.features)
        counted = _counted(columns, bins.n_bins, rows)
        means = np.array(profile.mean_absolute_contributions)
        return cls(
            model_version=model.model_version,
            variables=found,
            bins=bins,
            cells=cells,
            counts=_gather(counted, cells, rows),
            centres=_centres(found, columns, bins, n_cells=cells.shape[1]),
            rows=rows,
            missing=counted[:, -1],
            weights=_weights(found, means),
            contribution_means=means,
            # Without deviations they are taken for as large as the means, as those of exponential sizes are.
            contribution_deviations=np.array(profile.contribution_deviations or means),
            names=model.schema.names,
        )

    @cached_property
    def columns(self) -> NDArray[np.intp]:
        """The column of each variable that is one feature, and of the margin; -1 of a categorical variable."""
        places = [-1 if variable.is_categorical else variable.places[0] for variable in self.variables]
        return np.array([*places, self.bins.n_features])

    def count(self, sketch: Sketch) -> Counts:
        """Return a sketch's counts in the cells, (n_variables + 1, n_cells)."""
        return _gather(sketch.counts, self.cells, sketch.rows)


def _training_rows(columns: Sequence[FeatureProfile]) -> int:
    """Return how many rows a profile was fitted on, by the column that is missing least; 0 if none has a value."""
    fullest = min(columns, key=lambda column: column.missing_share)
    return round(sum(fullest.counts) / (1.0 - fullest.missing_share)) if fullest.missing_share < 1.0 else 0


def _split_levels(feature: Feature, column: FeatureProfile) -> FeatureProfile:
    """Return the column, of a one-hot feature with two bins: without its level and with it, also if it is constant."""
    if feature.kind != "one_hot" or not feature.group or len(column.edges) > 1:
        return column
    known = sum(column.counts)
    ones = column.counts[1] if column.edges else known * (feature.minimum is not None and feature.minimum > 0)
    return FeatureProfile((_LEVEL_EDGE,), (known - ones, ones), column.missing_share)


def _variables(features: Sequence[Feature], columns: Sequence[FeatureProfile]) -> tuple[Variable, ...]:
    found: dict[tuple[str, bool], list[int]] = {}
    for place, feature in enumerate(features):
        is_level = feature.kind == "one_hot" and bool(feature.group) and columns[place].edges == (_LEVEL_EDGE,)
        name = feature.group if is_level else feature.name
        found.setdefault((name, is_level), []).append(place)
    return tuple(Variable(name, tuple(places), is_level) for (name, is_level), places in found.items())


def _cells(variables: Sequence[Variable], columns: Sequence[FeatureProfile], n_bins: int) -> NDArray[np.intp]:
    width = n_bins + 1
    margin = Variable("", (len(columns) - 1,), is_categorical=False)
    rows = [_cells_of(variable, columns, width) for variable in (*variables, margin)]
    cells = np.full((len(rows), max(len(row) for row in rows)), NO_CELL, np.intp)
    for place, row in enumerate(rows):
        cells[place, : len(row)] = row
    return cells


def _cells_of(variable: Variable, columns: Sequence[FeatureProfile], width: int) -> list[int]:
    if variable.is_categorical:
        return [*(place * width + 1 for place in variable.places), WITHOUT_LEVEL]
    (place,) = variable.places
    return [place * width + cell for cell in range(len(columns[place].counts))]


def _gather(counts: Counts, cells: NDArray[np.intp], rows: int) -> Counts:
    found = np.where(cells >= 0, counts.ravel()[cells], 0)
    without = np.maximum(rows - found.sum(axis=1, keepdims=True), 0)
    return np.where(cells == WITHOUT_LEVEL, without, found)


def _counted(columns: Sequence[FeatureProfile], n_bins: int, rows: int) -> Counts:
    """Return the training data's counts as a sketch has them, missing values last."""
    counted = np.zeros((len(columns), n_bins + 1), np.int64)
    for place, column in enumerate(columns):
        counted[place, : len(column.counts)] = column.counts
        counted[place, -1] = max(rows - sum(column.counts), 0)
    return counted


def _centres(variables: Sequence[Variable], columns: Sequence[FeatureProfile], bins: Bins, *, n_cells: int) -> Floats:
    """Return what each cell stands for, the last one repeated; all 0 of a categorical variable, which has no scale."""
    centres = np.zeros((len(variables) + 1, n_cells))
    numeric = [(row, variable.places[0]) for row, variable in enumerate(variables) if not variable.is_categorical]
    for row, place in [*numeric, (len(variables), bins.n_features)]:
        of_bins = columns[place].centres or _midpoints(columns[place].edges, bins.minima[place], bins.maxima[place])
        centres[row, : len(of_bins)] = of_bins
        centres[row, len(of_bins) :] = of_bins[-1]
    return centres


def _midpoints(edges: Sequence[float], minimum: float, maximum: float) -> tuple[float, ...]:
    """Return the middles of the bins, for a profile that knows no centres; an open bin is taken to end at its edge."""
    if not edges:
        return (0.0,)
    ends = [minimum if np.isfinite(minimum) else edges[0], *edges, maximum if np.isfinite(maximum) else edges[-1]]
    return tuple(low / 2 + high / 2 for low, high in itertools.pairwise(ends))


def _weights(variables: Sequence[Variable], means: Floats) -> Floats:
    total = means.sum()
    parts = np.array([means[list(variable.places)].sum() for variable in variables])
    return parts / total if total > 0 else parts
