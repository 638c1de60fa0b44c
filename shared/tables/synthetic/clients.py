"""The clients of one block: what their rows in every table have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from shared.tables.schema import TableSchema
from shared.tables.synthetic.parameters import Conditional, Floats

Columns = dict[str, NDArray[Any]]

DAYS_PER_MONTH: Final = 30.4375

# Longer delays are mostly of small sums, which SK_DPD_DEF tolerates.
_TOLERATED_DAYS: Final = 30

_WHOLE_FLOATS: Final = ("DAYS_", "CNT_", "OBS_", "DEF_", "OWN_CAR_AGE", "AMT_REQ_", "NUM_", "NFLAG_")


@dataclass(frozen=True)
class Clients:
    """A block of clients: identifiers, whether they are in application_test, and standard normal traits.

    Traits are "income", "debt", "lateness", "refusal" and "card_use"; a satellite's columns mix them in, so that the
    rows of one client cohere and tell something about default.
    """

    ids: NDArray[np.int64]
    in_test: NDArray[np.bool_]
    traits: Mapping[str, Floats]


def mixed(normal: Floats, owner: NDArray[np.int64], *loaded: tuple[Floats, float]) -> Floats:
    """Return standard normal numbers per row that share the given loadings of their clients' traits."""
    total = sum(loading**2 for _, loading in loaded)
    result: Floats = normal * np.sqrt(1 - total)
    for trait, loading in loaded:
        result += trait[owner] * loading
    return result


def owners(rows_per_client: Conditional, normal: Floats) -> NDArray[np.int64]:
    """Return the client's position for every row of a satellite table."""
    rows = np.rint(rows_per_client.draw(normal)).astype(np.int64)
    return np.repeat(np.arange(len(rows), dtype=np.int64), rows)


def positions(lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for runs of the given lengths laid end to end, each element's run and its place in it from 0."""
    run = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    starts = np.cumsum(lengths) - lengths
    return run, np.arange(len(run), dtype=np.int64) - starts[run]


def chance(rng: np.random.Generator, rows: int, share: float) -> NDArray[np.bool_]:
    """Return rows that are true with the given probability."""
    return rng.random(rows) < share


def rounded_to(values: Floats, step: float) -> Floats:
    """Return the values on multiples of a step; missing stays missing."""
    result: Floats = np.rint(values / step) * step
    return result


def tolerated(rng: np.random.Generator, days_past_due: Floats, share: float) -> Floats:
    """Return SK_DPD_DEF: the days past due of a share of the short delays, none for the others."""
    kept: Floats = np.where(
        (days_past_due <= _TOLERATED_DAYS) & chance(rng, len(days_past_due), share), days_past_due, 0
    )
    return kept


def table(schema: TableSchema, columns: Mapping[str, NDArray[Any]], rng: np.random.Generator) -> pl.DataFrame:
    """Return the columns as the schema's table with its rows in random order, since real ones are not grouped."""
    series = [_series(name, columns[name], dtype) for name, dtype in schema.columns.items()]
    frame = pl.DataFrame(series)
    return frame[rng.permutation(frame.height)]


def _series(name: str, values: NDArray[Any], dtype: type[pl.DataType]) -> pl.Series:
    if dtype == pl.String:
        return pl.Series(name, values.tolist(), dtype=pl.String)
    numbers = values.astype(np.float64)
    if dtype == pl.Int64:
        return pl.Series(name, np.rint(numbers).astype(np.int64))
    if name.startswith(_WHOLE_FLOATS):
        numbers = np.rint(numbers)
    elif name.startswith("AMT_"):
        numbers = np.round(numbers, 3)
    else:
        numbers = np.round(numbers, 9)
    return pl.Series(name, numbers + 0.0).fill_nan(None)
