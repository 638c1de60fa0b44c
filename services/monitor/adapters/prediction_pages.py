"""Pages of predictions, newest first, out of the projections: as much is read as a page needs, and no more."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow.compute as pc
import pyarrow.dataset as ds

from services.monitor.adapters.fragments import newest_days
from services.monitor.adapters.locations import Location, open_table
from services.monitor.domain.prediction import Bounds, Place, PredictionFilter

MOST_ROWS_LOOKED_AT = 5_000_000
_ORDER = ("create_time", "instance", "sequence", "prediction_id")
_SHOWN: dict[str, pl.DataType | type[pl.DataType]] = {
    "prediction_id": pl.String,
    "create_time": pl.Datetime("us", "UTC"),
    "instance": pl.String,
    "sequence": pl.Int64,
    "purpose": pl.String,
    "decision": pl.String,
    "probability": pl.Float64,
    "applicant_id": pl.String,
    "application_number": pl.String,
}
_VERSION = "model_version"
_LEAST_SLACK = 1_000
_MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class Page:
    """Predictions, newest first, and below which place the next page goes on; None if nothing is left."""

    rows: list[dict[str, Any]]
    next: Place | None


@dataclass(frozen=True)
class _Piece:
    """A row group with the times that it lies between, both included."""

    oldest: dt.datetime
    newest: dt.datetime
    rows: int
    model_version: str
    fragment: ds.ParquetFileFragment
    schema: Any

    def read(self, columns: list[str], wanted: Any) -> pl.DataFrame:
        """Return what is wanted of it."""
        frame = pl.DataFrame(self.fragment.to_table(schema=self.schema, columns=columns, filter=wanted))
        return frame.with_columns(pl.lit(self.model_version).alias(_VERSION))


@dataclass
class _Newest:
    """The newest rows of those that were added: `count` at least, and little more than that is held."""

    count: int
    columns: list[str]
    held: list[pl.DataFrame] = field(default_factory=list)
    height: int = 0
    threshold: dt.datetime | None = None

    def add(self, rows: pl.DataFrame) -> None:
        """Take in rows; what can no longer be among the newest is let go now and then."""
        self.held.append(rows)
        self.height += rows.height
        if self.height >= self.count + max(self.count, _LEAST_SLACK):
            self.cut()

    def cut(self) -> pl.DataFrame:
        """Return the newest rows, at most `count`, newest first, and let go of the others."""
        empty = pl.DataFrame(schema={**{name: _SHOWN[name] for name in self.columns}, _VERSION: pl.String})
        newest = pl.concat([empty, *self.held]).sort(_ORDER, descending=True).head(self.count)
        self.held, self.height = [newest], newest.height
        if newest.height == self.count:
            self.threshold = newest["create_time"][-1]
        return newest


@dataclass(frozen=True)
class _Search:
    """What is looked for, and in which projections."""

    projections: Mapping[str, Location]
    wanted: PredictionFilter
    bounds: Bounds

    @property
    def earliest(self) -> dt.datetime:
        """Return the time that nothing of interest lies before."""
        first = self.bounds.first
        times = [self.wanted.start_time, first.create_time if first is not None else None]
        return max((time for time in times if time is not None), default=dt.datetime.min.replace(tzinfo=dt.UTC))

    @property
    def latest(self) -> dt.datetime:
        """Return the time that nothing of interest lies after."""
        before = self.bounds.before
        times = [self.wanted.end_time, before.create_time if before is not None else None]
        return min((time for time in times if time is not None), default=dt.datetime.max.replace(tzinfo=dt.UTC))

    def condition(self) -> Any:
        """Return what a row must be; the times stand first, since row groups are left out by them."""
        time, wanted, bounds = pc.field("create_time"), self.wanted, self.bounds
        condition = (time >= self.earliest) & (time <= self.latest)
        if wanted.end_time is not None:
            condition &= time < wanted.end_time
        if bounds.before is not None:
            condition &= _below(bounds.before)
        if bounds.first is not None:
            condition &= ~_below(bounds.first)
        for column, words in (("decision", wanted.decisions), ("purpose", wanted.purposes)):
            if words:
                condition &= pc.field(column).isin(sorted(words))
        texts = {"applicant_id": wanted.applicant_id, "application_number": wanted.application_number}
        for column, text in texts.items():
            if text:
                condition &= pc.field(column) == text
        return condition

    def pieces(self) -> Iterator[_Piece]:
        """Yield the row groups that may hold something, a day at a time, those that end last first."""
        days: dict[dt.date, list[tuple[str, ds.Dataset, ds.ParquetFileFragment]]] = {}
        for model_version, folder in self.projections.items():
            if table := open_table(folder):
                dataset = table.to_pyarrow_dataset()
                for day, files in newest_days(dataset, self._may_hold):
                    days.setdefault(day, []).extend((model_version, dataset, each) for each in files)
        for day in sorted(days, reverse=True):
            pieces = [piece for source in days[day] for piece in _row_groups(*source)]
            within = [piece for piece in pieces if piece.newest >= self.earliest and piece.oldest <= self.latest]
            yield from sorted(within, key=lambda piece: piece.newest, reverse=True)

    def _may_hold(self, day: dt.date) -> bool:
        return self.earliest.date() <= day <= self.latest.date()


def read_page(
    projections: Mapping[str, Location],
    wanted: PredictionFilter,
    bounds: Bounds,
    count: int,
    *,
    most_rows: int = MOST_ROWS_LOOKED_AT,
) -> Page:
    """Return the newest `count` predictions within the bounds that match, out of the projections by model version.

    A page that has looked at `most_rows` is given as far as it is. The filter's window is not looked at: its place is
    in the bounds.
    """
    rows, reached = _newest(_Search(projections, wanted, bounds), count + 1, list(_SHOWN), most_rows)
    if reached is not None:
        rows = rows.filter(pl.col("create_time") > reached)
    shown = rows.head(count).to_dicts()
    if rows.height > count:
        return Page(shown, _place(shown[-1]))
    return Page(shown, None if reached is None else Place(reached + _MICROSECOND, "", 0, ""))


def window_start(projection: Location, wanted: PredictionFilter, count: int) -> Place | None:
    """Return the place of the oldest of the newest `count` predictions that match; None if none does."""
    rows, _ = _newest(_Search({wanted.model_version: projection}, wanted, Bounds()), count, list(_ORDER), None)
    return _place(rows.row(-1, named=True)) if rows.height else None


def _newest(
    search: _Search, count: int, columns: list[str], most_rows: int | None
) -> tuple[pl.DataFrame, dt.datetime | None]:
    """Return the newest rows, and where looking at so many ended: rows at and before that time were not all seen."""
    found = _Newest(count, columns)
    condition = search.condition()
    looked_at = 0
    for piece in search.pieces():
        if found.threshold is not None and found.threshold > piece.newest:
            break
        # Pieces that overlap the end of the last page are read again, and this page must get further than it did.
        if most_rows is not None and looked_at >= most_rows and piece.newest + _MICROSECOND < search.latest:
            return found.cut(), piece.newest
        looked_at += piece.rows
        found.add(piece.read(columns, condition))
    return found.cut(), None


def _row_groups(model_version: str, dataset: ds.Dataset, file: ds.ParquetFileFragment) -> Iterable[_Piece]:
    for fragment in file.split_by_row_group():
        (group,) = fragment.row_groups
        times = group.statistics["create_time"]
        yield _Piece(times["min"], times["max"], group.num_rows, model_version, fragment, dataset.schema)


def _below(place: Place) -> Any:
    """Return what a row before the place is, the first field that differs deciding."""
    values = (place.create_time, place.instance, place.sequence, place.prediction_id)
    below, same = pc.scalar(False), pc.scalar(True)
    for name, value in zip(_ORDER, values, strict=True):
        below |= same & (pc.field(name) < value)
        same &= pc.field(name) == value
    return below


def _place(row: Mapping[str, Any]) -> Place:
    return Place(row["create_time"], row["instance"], row["sequence"], row["prediction_id"])
