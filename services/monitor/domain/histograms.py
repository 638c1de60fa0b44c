"""Rows of features counted into the bins of the training data's profile, all features at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.bundle.profile import FeatureProfile
from shared.bundle.schema import FeatureSchema

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

_BLOCK = 256  # rows at once, so that they stay in the processor's cache


@dataclass(eq=False)
class Sketch:
    """What is remembered of some decisions: sums over rows, so that two can be added; no row can be told from it.

    A column is a feature, the last one the margin. `counts` are (n_columns, n_bins + 1), missing values last;
    `out_of_bounds` and `out_of_range` (n_columns,) count values beyond what the schema declares possible and beyond
    those of training. Contributions are sums over `contribution_rows` decisions, (n_features,).
    """

    rows: int
    counts: Counts
    out_of_bounds: Counts
    out_of_range: Counts
    contribution_rows: int
    contribution_sums: Floats
    contribution_squares: Floats

    @classmethod
    def empty(cls, n_features: int, n_bins: int) -> "Sketch":
        """Return the sketch of no rows."""
        columns = n_features + 1
        return cls(
            rows=0,
            counts=np.zeros((columns, n_bins + 1), np.int64),
            out_of_bounds=np.zeros(columns, np.int64),
            out_of_range=np.zeros(columns, np.int64),
            contribution_rows=0,
            contribution_sums=np.zeros(n_features),
            contribution_squares=np.zeros(n_features),
        )

    def add(self, other: "Sketch") -> None:
        """Take the rows of another sketch in as well."""
        self.rows += other.rows
        self.counts += other.counts
        self.out_of_bounds += other.out_of_bounds
        self.out_of_range += other.out_of_range
        self.contribution_rows += other.contribution_rows
        self.contribution_sums += other.contribution_sums
        self.contribution_squares += other.contribution_squares


@dataclass(frozen=True)
class Decisions:
    """Decisions in the order of time.

    `times` (n_rows,) are seconds since 1970, `values` (n_rows, n_features) with NaN where a value is missing, `margins`
    (n_rows,). `contributions` (n_rows, n_features) are NaN in rows whose contributions are not looked at, None if no
    row's are.
    """

    times: Floats
    values: Floats
    margins: Floats
    contributions: Floats | None = None

    def take(self, rows: slice | NDArray[np.intp]) -> "Decisions":
        """Return some of the decisions."""
        contributions = None if self.contributions is None else self.contributions[rows]
        return Decisions(self.times[rows], self.values[rows], self.margins[rows], contributions)


@dataclass(frozen=True, eq=False)
class Bins:
    """The bins of every feature, and last of the margin, padded to one width.

    `edges` are (n_columns, n_edges) with infinity beyond a column's own; the four bounds (n_columns,) are infinite
    where there is none.
    """

    edges: Floats
    lower_bounds: Floats
    upper_bounds: Floats
    minima: Floats
    maxima: Floats

    @classmethod
    def of(cls, schema: FeatureSchema, columns: Sequence[FeatureProfile]) -> "Bins":
        """Return the bins of columns, those of the schema's features and last of the margin."""
        edges = np.full((len(columns), max(len(column.edges) for column in columns)), np.inf)
        for place, column in enumerate(columns):
            edges[place, : len(column.edges)] = column.edges
        return cls(
            edges=edges,
            lower_bounds=_bounds([feature.lower_bound for feature in schema.features], -np.inf),
            upper_bounds=_bounds([feature.upper_bound for feature in schema.features], np.inf),
            minima=_bounds([feature.minimum for feature in schema.features], -np.inf),
            maxima=_bounds([feature.maximum for feature in schema.features], np.inf),
        )

    @property
    def n_features(self) -> int:
        """Return the number of features."""
        return self.minima.size - 1

    @property
    def n_bins(self) -> int:
        """Return the largest number of bins that a column has."""
        return self.edges.size // self.minima.size + 1

    def empty(self) -> Sketch:
        """Return the sketch of no rows."""
        return Sketch.empty(self.n_features, self.n_bins)

    def sketch(self, decisions: Decisions) -> Sketch:
        """Return the sketch of decisions. Those without any value, which were erased, do not count."""
        found = self.empty()
        for start in range(0, len(decisions.times), _BLOCK):
            self._count(decisions.take(slice(start, start + _BLOCK)), found)
        return found

    def _count(self, decisions: Decisions, into: Sketch) -> None:
        erased = np.isnan(decisions.values).all(axis=1)
        known = decisions.take(np.flatnonzero(~erased))
        columns = np.column_stack([known.values, known.margins])
        into.rows += len(known.times)
        into.counts += self._histogram(columns)
        into.out_of_bounds += ((columns < self.lower_bounds) | (columns > self.upper_bounds)).sum(axis=0)
        into.out_of_range += ((columns < self.minima) | (columns > self.maxima)).sum(axis=0)
        if known.contributions is not None:
            sizes = np.abs(known.contributions[~np.isnan(known.contributions).any(axis=1)])
            into.contribution_rows += len(sizes)
            into.contribution_sums += sizes.sum(axis=0)
            into.contribution_squares += np.square(sizes).sum(axis=0)

    def _histogram(self, columns: Floats) -> Counts:
        codes = np.zeros(columns.shape, np.int8)
        for edge in self.edges.T:
            codes += columns > edge
        codes[np.isnan(columns)] = self.n_bins
        cells = codes + np.arange(len(self.edges)) * (self.n_bins + 1)
        size = len(self.edges) * (self.n_bins + 1)
        return np.bincount(cells.ravel(), minlength=size).reshape(len(self.edges), -1)


def _bounds(bounds: Sequence[float | None], absent: float) -> Floats:
    """Return the bounds of the features and, absent, of the margin."""
    return np.array([*(absent if bound is None else bound for bound in bounds), absent])
