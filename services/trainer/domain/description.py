"""What a column holds: how much is missing, and a histogram of its numbers or the counts of its levels."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

_SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class Numbers:
    """The finite values of a numeric column; there is at least one.

    `quantiles` are (share, value) pairs. `edges` are one more than `counts`; from the 0.01 to the 0.99 quantile they
    stand evenly, the outermost are minimum and maximum. `deviation` (ddof = 1) is None for a single value.
    """

    minimum: float
    maximum: float
    mean: float
    deviation: float | None
    quantiles: tuple[tuple[float, float], ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    infinite: int


@dataclass(frozen=True)
class Texts:
    """The most frequent levels of a text column with their rows, and how many others there are with how many rows."""

    levels: tuple[tuple[str, int], ...]
    other_levels: int
    other_rows: int


@dataclass(frozen=True)
class Description:
    """What a column holds; `content` is None where it has no value, or only infinite ones."""

    rows: int
    missing: int
    distinct: int
    content: Numbers | Texts | None

    @property
    def missing_share(self) -> float:
        """Share of rows without a value, 0 where there are no rows."""
        return self.missing / self.rows if self.rows else 0.0


def describe_column(column: pl.Series, *, bins: int, levels: int) -> Description:
    """Return what the column holds, null = missing; at most `bins` bins, at most `levels` levels apart."""
    present = column.drop_nulls()
    content: Numbers | Texts | None = None
    if column.dtype == pl.String:
        content = _texts(present, levels) if len(present) else None
    else:
        content = _numbers(present.to_numpy(), bins)
    return Description(len(column), column.null_count(), present.n_unique(), content)


def _texts(present: pl.Series, levels: int) -> Texts:
    # Of equal counts the order of the text decides, since Polars promises none.
    counted = present.alias("level").value_counts().sort(["count", "level"], descending=[True, False])
    others = counted["count"][levels:]
    return Texts(tuple(counted.head(levels).iter_rows()), len(others), int(others.sum()))


def _numbers(present: NDArray[np.float64], bins: int) -> Numbers | None:
    finite = present[np.isfinite(present)]
    if not len(finite):
        return None
    values = [float(value) for value in np.quantile(finite, _SHARES)]
    edges = _edges(finite, low=values[0], high=values[-1], bins=min(bins, len(np.unique(finite))))
    return Numbers(
        minimum=float(finite.min()),
        maximum=float(finite.max()),
        mean=float(finite.mean()),
        deviation=float(finite.std(ddof=1)) if len(finite) > 1 else None,
        quantiles=tuple(zip(_SHARES, values, strict=True)),
        edges=tuple(edges.tolist()),
        counts=tuple(np.histogram(finite, edges)[0].tolist()),
        infinite=len(present) - len(finite),
    )


def _edges(finite: NDArray[np.float64], *, low: float, high: float, bins: int) -> NDArray[np.float64]:
    """Return ascending edges of bins that hold every value; a single value has a bin of no width."""
    minimum, maximum = float(finite.min()), float(finite.max())
    if low == high:
        low, high = minimum, maximum
    edges = np.linspace(low, high, bins + 1)
    edges[0], edges[-1] = minimum, maximum
    return edges
