"""The words in which features are stated: table x column x aggregations, and nothing about how they are computed.

`reference.py` states a set of features in them. A feature is added by adding a row there; `columns.py` names it and
`building.py` computes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Literal

Aggregation = Literal["min", "max", "mean", "var", "sum", "size", "nunique"]
Operation = Literal[
    "ratio", "difference", "excess", "positive", "product", "sum", "mean", "min", "max", "std", "missing"
]

CLIENT_KEY = "SK_ID_CURR"
TARGET = "TARGET"
APPLICATION = "application"
APPLICATION_TABLES = ("application_train", "application_test")
MISSING_LEVEL = "nan"


@dataclass(frozen=True)
class Binary:
    """A text column of two levels that becomes one number; any other level is missing and counted as unseen."""

    column: str
    codes: Mapping[str, float] = field(hash=False)


@dataclass(frozen=True)
class Derived:
    """A column computed from others of the same row: raw ones, or derived ones stated before it.

    Of two inputs, left and right: `ratio` is left / right, missing where right is zero; `difference` is left - right;
    `excess` is how far left goes beyond right: never negative, and 0 where either is missing. Of one: `positive` is 1
    above zero, else 0. Of any number: `product` is missing where any of them is; `sum`, `mean` (weighted, if there are
    `weights`), `min`, `max` and `std` (ddof = 1, missing where fewer than two are there) are taken over those that are
    there, missing where none is; `missing` counts those that are not there.
    """

    name: str
    operation: Operation
    inputs: tuple[str, ...]
    weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class Aggregate:
    """One numeric column, raw or derived, and the aggregations of it that become features, in order."""

    column: str
    functions: tuple[Aggregation, ...]


@dataclass(frozen=True)
class HasLevel:
    """The row's text column has one level."""

    column: str
    level: str


@dataclass(frozen=True)
class Within:
    """The row's number lies between two bounds, both included; a missing one does not."""

    column: str
    lowest: float = -inf
    highest: float = inf


@dataclass(frozen=True)
class AmongLast:
    """Fewer than `count` rows of the same key have a greater number: by a date, the latest rows; a missing one is not.

    Of equal dates all or none are among the last, so that the order of the file does not matter.
    """

    column: str
    count: int


Condition = HasLevel | Within | AmongLast


@dataclass(frozen=True)
class Subset:
    """The rows of a table that meet every condition, aggregated once more under a prefix.

    `numbers` says how; without it the numeric aggregates of the whole table are repeated, a rollup's included.
    `categories` names text columns of the table whose one-hots are aggregated here as well.
    """

    prefix: str
    conditions: tuple[Condition, ...]
    numbers: tuple[Aggregate, ...] | None = None
    categories: tuple[str, ...] = ()
    count: bool = False


@dataclass(frozen=True)
class ApplicationSpecification:
    """The features of the application's own row: numbers, binaries and one-hots without a missing level.

    `numbers` names numeric and binary columns alike, in the order of the features; `binaries` says which of them are
    text. In the columns of `never`, 365243 is missing. Rows with `dropped` (column, level) are left out.
    """

    numbers: tuple[str, ...]
    binaries: tuple[Binary, ...]
    categories: tuple[str, ...]
    derived: tuple[Derived, ...]
    never: tuple[str, ...]
    dropped: tuple[str, str]


@dataclass(frozen=True)
class HistorySpecification:
    """How the rows of one table of history become one row per `key`.

    Text columns become one-hots with a missing level, each aggregated by `category_functions`. In the columns of
    `never`, 365243 is missing. Subsets follow the whole table in the order of the columns. `count` adds the number of
    rows as `<prefix>COUNT`, last of all.
    """

    table: str
    prefix: str
    numbers: tuple[Aggregate, ...]
    categories: tuple[str, ...] = ()
    key: str = CLIENT_KEY
    category_functions: tuple[Aggregation, ...] = ("mean",)
    derived: tuple[Derived, ...] = ()
    never: tuple[str, ...] = ()
    subsets: tuple[Subset, ...] = ()
    count: bool = False
    rollup: "Rollup | None" = None


@dataclass(frozen=True)
class Rollup:
    """A table one step further away: aggregated per row of its parent first, then joined to the parent by that key.

    `numbers` aggregates columns that `history` produced; its one-hots follow the parent's own.
    """

    history: HistorySpecification
    numbers: tuple[Aggregate, ...]


@dataclass(frozen=True)
class FeatureSpecification:
    """The whole, in the order of the columns: the application's own features, those of history tables, combined ones.

    `combined` are computed from features of the same client, by their names; one that lacks an input, since a table is
    absent, is left out.
    """

    application: ApplicationSpecification
    histories: tuple[HistorySpecification, ...]
    combined: tuple[Derived, ...] = ()
