"""A window of decisions out of a projection, of which only what figures need is kept in memory."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.monitor.adapters.locations import Location
from services.monitor.adapters.windows import window_batches
from services.monitor.domain.decided import Decided, Stakes
from services.monitor.domain.slicing import Places, Slicing
from services.monitor.domain.window import LARGEST_LAST_COUNT, Window

_FIXED: Final = {
    "prediction_id": pl.String(),
    "create_time": pl.Datetime("us", "UTC"),
    "probability": pl.Float64(),
    "margin": pl.Float64(),
    "decision": pl.String(),
}
_LABELS: Final = {"prediction_id": pl.String(), "defaulted": pl.Float64()}
_MISSED, _LOST, _SLICED = "missed", "lost", "slicing {}"


class DecidedWindow:
    """The rows of a window, each with what a wrong answer about it costs and the slices that it belongs to."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows

    @classmethod
    def read(cls, projection: Location, window: Window, stakes: Stakes, slicings: Sequence[Slicing]) -> "DecidedWindow":
        """Return all rows of a window, at most 1,000,000, from the features that stakes and slicings need.

        A feature is held no longer than the piece of the table that it came with. A stake in a feature that the
        projection does not have is not known.
        """
        columns = cls.columns(stakes, slicings)
        return cls.of(window_batches(projection, window, columns, LARGEST_LAST_COUNT), stakes, slicings)

    @staticmethod
    def columns(stakes: Stakes, slicings: Sequence[Slicing] = ()) -> list[str]:
        """Return the columns of a projection that stakes and slicings need, each once."""
        return list(dict.fromkeys([*_FIXED, *stakes.features, *(name for each in slicings for name in each.columns)]))

    @classmethod
    def of(cls, pieces: Iterable[pl.DataFrame], stakes: Stakes, slicings: Sequence[Slicing] = ()) -> "DecidedWindow":
        """Return the rows of pieces that have those columns, in the order of create_time and prediction_id."""
        kept = {**_FIXED, _MISSED: pl.Float64(), _LOST: pl.Float64()}
        kept |= {_SLICED.format(place): pl.Int16() for place in range(len(slicings))}
        reduced = (_reduced(piece, stakes, slicings).select(*kept) for piece in pieces)
        return cls(pl.concat([pl.DataFrame(schema=kept), *reduced]).sort("create_time", "prediction_id"))

    @property
    def span(self) -> tuple[dt.datetime, dt.datetime] | None:
        """The times of the first and the last decision; None where there is none."""
        times = self._rows["create_time"]
        return (times[0], times[-1]) if len(times) else None

    @property
    def margins(self) -> NDArray[np.float64]:
        """The log-odds of all decisions, (n_rows,)."""
        return self._rows["margin"].to_numpy()

    def decided(self, labels: pl.DataFrame | None) -> Decided:
        """Return the decisions; `labels` has prediction_id and defaulted (1.0 or 0.0) where the outcome is known."""
        labels = pl.DataFrame(schema=_LABELS) if labels is None else labels
        labelled = self._rows.select("prediction_id").join(
            labels, on="prediction_id", how="left", maintain_order="left"
        )
        decision = self._rows["decision"]
        return Decided(
            probabilities=self._rows["probability"].to_numpy(),
            approved=(decision == "APPROVE").to_numpy(),
            refused=(decision == "REFUSE").to_numpy(),
            labels=labelled["defaulted"].fill_null(float("nan")).to_numpy(),
            missed=self._rows[_MISSED].to_numpy(),
            lost=self._rows[_LOST].to_numpy(),
        )

    def places(self, slicing: int) -> Places:
        """Return the slice of each row by the slicing at a position."""
        return self._rows[_SLICED.format(slicing)].to_numpy()


def _reduced(piece: pl.DataFrame, stakes: Stakes, slicings: Sequence[Slicing]) -> pl.DataFrame:
    sliced = [pl.Series(_SLICED.format(place), each.places(piece)) for place, each in enumerate(slicings)]
    return piece.with_columns(
        _stake(stakes.missed, stakes.missed_feature).alias(_MISSED),
        _stake(stakes.lost, stakes.lost_feature).alias(_LOST),
        *sliced,
    )


def _stake(factor: float, feature: str) -> pl.Expr:
    """Return what is at stake with each row: the factor, or its share of a feature's value; NaN if not known."""
    if not feature:
        return pl.lit(factor, pl.Float64)
    value = pl.col(feature)
    return pl.when(value.is_finite() & (value > 0.0)).then(value * factor).otherwise(float("nan"))
