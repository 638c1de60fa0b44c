"""Small random tables in the real schema: keys that join and orphans, missing cells, sentinels, zeros to divide by."""

import random
from collections.abc import Callable, Mapping

import polars as pl

from shared.tables.schema import TABLES

Cell = int | float | str | None
BINARY_LEVELS = {"CODE_GENDER": ("M", "F"), "FLAG_OWN_CAR": ("N", "Y"), "FLAG_OWN_REALTY": ("Y", "N")}
OTHER_LEVELS: Mapping[str, tuple[str | None, ...]] = {
    "CREDIT_ACTIVE": ("Active", "Closed", "Sold", None),
    "NAME_CONTRACT_STATUS": ("Approved", "Refused", "Unused offer", None),
}
LEVELS: tuple[str | None, ...] = ("spouse, partner", "A/B", "x", None)


def random_tables(seed: int, *, clients: int, rows: int) -> dict[str, pl.LazyFrame]:
    """Return all eight tables: `clients` applications (every third one unlabelled) and `rows` rows in each satellite.

    Numbers are multiples of a quarter, so that sums and squares are exact in any order of the rows.
    """
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    applicants = range(1, clients + 1)
    keys: dict[str, Callable[[], Mapping[str, Cell]]] = {
        "bureau_balance": lambda: {"SK_ID_BUREAU": chance.randint(1, rows + 1)},
    }
    tables = {
        "application_train": _table("application_train", chance, [{"SK_ID_CURR": i} for i in applicants if i % 3]),
        "application_test": _table("application_test", chance, [{"SK_ID_CURR": i} for i in applicants if i % 3 == 0]),
    }
    for name in list(TABLES)[2:]:
        draw = keys.get(name, lambda: {"SK_ID_CURR": chance.randint(1, clients + 1)})
        unique = {"bureau": "SK_ID_BUREAU", "previous_application": "SK_ID_PREV"}.get(name)
        given = [{**draw(), **({unique: i + 1} if unique else {})} for i in range(rows)]
        tables[name] = _table(name, chance, given)
    return tables


def only_client(tables: Mapping[str, pl.LazyFrame], client: int) -> dict[str, pl.LazyFrame]:
    """Return the tables cut down to the rows of one client."""
    own = {
        name: frame.filter(pl.col("SK_ID_CURR") == client) for name, frame in tables.items() if name != "bureau_balance"
    }
    if "bureau_balance" in tables:
        own["bureau_balance"] = tables["bureau_balance"].join(own["bureau"], on="SK_ID_BUREAU", how="semi")
    return own


def shuffled(tables: Mapping[str, pl.LazyFrame], seed: int) -> dict[str, pl.LazyFrame]:
    """Return the tables with their rows in another order."""
    return {
        name: frame.collect().sample(fraction=1.0, shuffle=True, seed=seed).lazy() for name, frame in tables.items()
    }


def with_cells(frame: pl.LazyFrame, **cells: Cell) -> pl.LazyFrame:
    """Return the frame with each named column filled with one value."""
    schema = frame.collect_schema()
    return frame.with_columns(pl.lit(value, schema[column]).alias(column) for column, value in cells.items())


def _table(name: str, chance: random.Random, given: list[dict[str, Cell]]) -> pl.LazyFrame:
    types = TABLES[name].columns
    rows = [{column: _cell(chance, column, types[column]) for column in types} | row for row in given]
    return pl.LazyFrame(rows, schema=dict(types))


def _cell(chance: random.Random, column: str, dtype: type[pl.DataType]) -> Cell:
    if column == "TARGET":
        return chance.randint(0, 1)
    if dtype == pl.String:
        return chance.choice(BINARY_LEVELS.get(column) or OTHER_LEVELS.get(column, LEVELS))
    if dtype == pl.Int64:
        return chance.choice((-2, -1, 0, 1, 2, 3, 365243))
    return chance.choice((None, 0.0, 365243.0, chance.randint(-40, 40) / 4))
