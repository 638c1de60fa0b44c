"""Decisions as drift looks at them, out of rows that are being projected and out of the projections' history."""

import datetime as dt
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.locations import Location, open_table, tables_below
from services.monitor.adapters.projections import projection_folder
from services.monitor.adapters.windows import window_batches
from services.monitor.domain.histograms import Decisions
from services.monitor.domain.model import join_name
from services.monitor.domain.window import Window

# Parsing is what contributions cost; a mean needs no more of a batch than this.
_EXPLAINED_AT_ONCE = 256
_READ_AT_ONCE = 10_000
_TIME = "create_time"
# What contributions may differ from the margin by, in log-odds, where all of them were logged.
_TOLERANCE = 1e-6


def new_decisions(projected: pa.Table, rows: pa.Table, features: Sequence[str]) -> Decisions:
    """Return the decisions among rows that were just projected; `rows` are the ledger's that they came from.

    Of up to 256 of them, evenly spread, the contributions are looked at; those of rows that were logged without all
    their contributions are not known.
    """
    frame = _frame(projected).filter(pl.col("purpose") == "DECISION")
    drawn = np.linspace(0, frame.height, min(frame.height, _EXPLAINED_AT_ONCE), endpoint=False).astype(np.intp)
    parts = dict(zip(rows["prediction_id"].to_pylist(), rows["decision_part"].to_pylist(), strict=True))
    contributions = np.full((frame.height, len(features)), np.nan)
    for place in drawn:
        part = parts.get(frame["prediction_id"][int(place)])
        if part is not None:
            _fill(contributions[place], prediction_pb2.DecisionPart.FromString(part))
    return _decisions(frame, features, contributions)


class DriftHistory:
    """The newest decisions in the projections of a folder, up to `max_rows` of a model version."""

    def __init__(self, folder: Location, max_rows: int) -> None:
        self._folder = folder
        self._max_rows = max_rows

    def model_versions(self, since: dt.date) -> list[str]:
        """Return models/{model}/versions/{n} of every projection with predictions of this day or later."""
        versions = [join_name(*names) for names in tables_below(self._folder)]
        day = since.isoformat()
        return [each for each in versions if _newest_day(projection_folder(self._folder, each)) >= day]

    def read(self, model_version: str, features: Sequence[str]) -> Iterator[Decisions]:
        """Yield the decisions in the order of time, some thousands at once, without contributions."""
        folder = projection_folder(self._folder, model_version)
        newest = Window(last_count=self._max_rows)
        keys = [batch.select(_TIME) for batch in window_batches(folder, newest, (), self._max_rows)]
        if not keys:
            return
        times = pl.concat(keys)[_TIME].sort()
        starts = times.gather_every(_READ_AT_ONCE).unique().sort().to_list()
        for start, end in zip(starts, [*starts[1:], None], strict=True):
            window = Window(last_count=self._max_rows, start_time=start, end_time=end)
            batches = list(window_batches(folder, window, ("margin", *features), self._max_rows))
            yield _decisions(pl.concat(batches).sort(_TIME), features, None)


def _newest_day(projection: Location) -> str:
    """Return the newest day that a projection has predictions of, as an ISO date; empty if it has none."""
    table = open_table(projection)
    return max((partition["day"] for partition in table.partitions()), default="") if table else ""


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):
        raise TypeError("a table became a series")
    return frame


def _decisions(frame: pl.DataFrame, features: Sequence[str], contributions: NDArray[np.float64] | None) -> Decisions:
    return Decisions(
        times=frame[_TIME].dt.epoch("us").to_numpy() / 1e6,
        values=frame.select(pl.col(name).cast(pl.Float64) for name in features).to_numpy(),
        margins=frame["margin"].to_numpy(),
        contributions=contributions,
    )


def _fill(row: NDArray[np.float64], decision: prediction_pb2.DecisionPart) -> None:
    """Set a row of contributions (n_features,) if all of them were logged."""
    places, parts = list(decision.reason_features), np.array(decision.reason_contributions)
    if len(places) != len(parts) or abs(decision.baseline + parts.sum() - decision.margin) > _TOLERANCE:
        return
    row[:] = 0.0
    row[places] = parts
