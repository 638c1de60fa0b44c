"""The measured shapes of the tables, and drawing from them.

Every draw starts from standard normal numbers, which can be correlated or shifted before they become values: a
Gaussian copula keeps each column's own distribution whatever its rows have in common.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats: TypeAlias = NDArray[np.float64]
Texts: TypeAlias = NDArray[np.object_]

PROBABILITIES: Final = np.array(
    [0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075]
    + [step / 20 for step in range(2, 19)]
    + [0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999]
)
"""The probabilities at which every quantile grid is measured."""

FILE: Final = "marginals.json"


@dataclass(frozen=True)
class Marginal:
    """One column's distribution: a quantile grid, or levels with shares; both with a share of missing values.

    Levels are ordered so that higher normal numbers give later ones.
    """

    missing: float
    grid: Floats | None = None
    levels: NDArray[Any] = field(default_factory=lambda: np.array([]))
    shares: Floats = field(default_factory=lambda: np.array([]))

    def draw(self, normal: Floats, missing_normal: Floats | None = None) -> NDArray[Any]:
        """Return a value per normal number; missing (NaN or None) where the second ones fall below the share."""
        uniform = ndtr(normal)
        if self.grid is not None:
            values: NDArray[Any] = np.interp(uniform, PROBABILITIES, self.grid)
        else:
            ends = np.cumsum(self.shares) / self.shares.sum()
            values = self.levels[np.minimum(np.searchsorted(ends, uniform, side="right"), len(self.levels) - 1)]
        if missing_normal is not None and self.missing > 0:
            absent = np.array(None) if values.dtype == object else np.nan
            values = np.where(ndtr(missing_normal) < self.missing, absent, values)
        return values


@dataclass(frozen=True)
class Conditional:
    """A column's distribution, apart for each kind of row that was frequent enough to be measured."""

    pooled: Marginal
    by_kind: Mapping[str, Marginal]

    def draw(self, normal: Floats, missing_normal: Floats | None = None, kind: Texts | None = None) -> NDArray[Any]:
        """Return a value per normal number, from its kind's distribution or else the pooled one."""
        values = self.pooled.draw(normal, missing_normal)
        for name, marginal in self.by_kind.items() if kind is not None else ():
            rows = np.flatnonzero(kind == name)
            values[rows] = marginal.draw(normal[rows], None if missing_normal is None else missing_normal[rows])
        return values


@dataclass(frozen=True)
class TableParameters:
    """All that was measured of one table.

    `correlated` names the columns of `factor`, the square root of their correlation matrix; `profiles` are the
    frequent combinations of the `profile` columns with their shares; `facts` are single figures.
    """

    columns: Mapping[str, Conditional]
    correlated: tuple[str, ...]
    factor: Floats
    profile: tuple[str, ...]
    profiles: Texts
    profile_shares: Floats
    facts: Mapping[str, float]

    def normals(self, rng: np.random.Generator, rows: int) -> dict[str, Floats]:
        """Return standard normal numbers for every column, correlated as measured."""
        together = rng.standard_normal((rows, len(self.correlated))) @ self.factor.T
        normals = dict(zip(self.correlated, together.T, strict=True))
        for column in self.columns:
            if column not in normals:
                normals[column] = rng.standard_normal(rows)
        return normals


@cache
def load_parameters() -> Mapping[str, TableParameters]:
    """Return the committed parameters by table; "application" stands for both application tables."""
    text = resources.files("shared.tables.synthetic").joinpath(FILE).read_text(encoding="utf-8")
    return {table: _table(entry) for table, entry in json.loads(text).items()}


def _table(entry: Mapping[str, Any]) -> TableParameters:
    correlated = tuple(entry["correlated"])
    profiles = np.array([row[:-1] for row in entry["profiles"]], dtype=object)
    return TableParameters(
        columns={name: _conditional(column) for name, column in entry["columns"].items()},
        correlated=correlated,
        factor=_factor(entry["correlation"], len(correlated)),
        profile=tuple(entry["profile"]),
        profiles=profiles,
        profile_shares=np.array([row[-1] for row in entry["profiles"]], dtype=float),
        facts=entry["facts"],
    )


def _conditional(entry: Mapping[str, Any]) -> Conditional:
    return Conditional(_marginal(entry), {kind: _marginal(part) for kind, part in entry.get("by", {}).items()})


def _marginal(entry: Mapping[str, Any]) -> Marginal:
    if "grid" in entry:
        return Marginal(entry["missing"], grid=np.array(entry["grid"], dtype=float))
    levels = entry["levels"]
    text = any(isinstance(level, str) for level in levels)
    return Marginal(
        entry["missing"],
        levels=np.array(levels, dtype=object if text else float),
        shares=np.array(entry["shares"], dtype=float),
    )


def _factor(lower: list[list[float]], size: int) -> Floats:
    """Return F with F F' = the correlation matrix, whose measured form may be slightly indefinite."""
    matrix = np.eye(size)
    for row, values in enumerate(lower):
        matrix[row, : len(values)] = values
        matrix[: len(values), row] = values
    eigenvalues, vectors = np.linalg.eigh(matrix)
    factor = vectors * np.sqrt(np.clip(eigenvalues, 0.0, None))
    scaled: Floats = factor / np.linalg.norm(factor, axis=1, keepdims=True)
    return scaled
