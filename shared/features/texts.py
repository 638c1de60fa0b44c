"""Plain words and stable codes for features, composed from `catalogue.tsv` (table, column, short noun phrase).

There `*` as a column stands for the rows of the table, and a subset's prefix with `*` for the rows of the subset.
"""

import csv
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from shared.features.columns import FeatureColumn
from shared.features.reference import REFERENCE
from shared.features.specification import APPLICATION, MISSING_LEVEL, Aggregation, Operation

REASON_CODE_LENGTH = 60
_ROWS = "*"
_DIGEST_LENGTH = 6
_OVER_NUMBERS: dict[Aggregation, str] = {
    "min": "lowest {}",
    "max": "highest {}",
    "mean": "average {}",
    "var": "variance of {}",
    "sum": "total {}",
    "size": "number of {}",
    "nunique": "number of different {}",
}
_OVER_LEVELS: dict[Aggregation, str] = {
    "min": "whether all {} have",
    "max": "whether any of the {} has",
    "mean": "share of {} with",
    "var": "variance over {} of having",
    "sum": "number of {} with",
}
_OVER_PAIRS: dict[Operation, str] = {
    "ratio": "{} divided by {}",
    "difference": "{} less {}",
    "excess": "excess of {} over {}",
}
_OVER_FEATURES: dict[Operation, str] = {
    "positive": "whether there is any {}",
    "product": "product of {}",
    "sum": "sum of {}",
    "mean": "average of {}",
    "min": "lowest of {}",
    "max": "highest of {}",
    "std": "spread of {}",
    "missing": "number missing of {}",
}


def describe(column: FeatureColumn) -> str:
    """Return what the feature measures, in plain English, as a phrase that begins with a capital letter."""
    text = _text(column)
    return text[0].upper() + text[1:]


def phrase(table: str, column: str) -> str:
    """Return the catalogue's short noun phrase for a raw or derived column; the name itself in words if it has none."""
    return _catalogue().get((table, column), column.replace("_", " ").lower())


def reason_code(column: FeatureColumn) -> str:
    """Return the feature's code: UPPER_SNAKE, ASCII, at most 60 characters.

    It depends on the feature's name alone, so that it stays the same from model to model. A name that is too long or
    not ASCII ends in six hexadecimal digits of its SHA-256.
    """
    readable = readable_code(column.name)
    return readable if len(readable) <= REASON_CODE_LENGTH and column.name.isascii() else digest_code(column.name)


def readable_code(name: str) -> str:
    """Return the name in UPPER_SNAKE and ASCII, however long; other names may give the same."""
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")


def digest_code(name: str) -> str:
    """Return the name in UPPER_SNAKE, at most 60 characters, the last six hexadecimal digits of its SHA-256."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_LENGTH].upper()
    readable = readable_code(name)[: REASON_CODE_LENGTH - _DIGEST_LENGTH - 1].rstrip("_")
    return f"{readable}_{digest}" if readable else f"FEATURE_{digest}"


def _text(column: FeatureColumn) -> str:
    if column.table != APPLICATION:
        return _history_text(column)
    if column.operation and (column.table, column.source) not in _catalogue():
        return _computed_text(column.operation, [_text(feature) for feature in column.inputs])
    text = phrase(column.table, column.source)
    return text if column.kind != "one_hot" else f"{text}: {column.level}"


def _computed_text(operation: Operation, inputs: Sequence[str]) -> str:
    if operation in _OVER_PAIRS:
        return _OVER_PAIRS[operation].format(*inputs)
    *others, last = inputs
    return _OVER_FEATURES[operation].format(f"{', '.join(others)} and {last}" if others else last)


def _history_text(column: FeatureColumn) -> str:
    parent = _parents().get(column.table)
    inner, *outer = column.aggregations
    rows = _rows(column, column.table) if parent is None else phrase(column.table, _ROWS)
    measured = _measured(column, inner, rows)
    if parent is None:
        return measured if column.level or inner == "size" else f"{measured} over {rows}"
    per_row = measured if outer == [inner] and column.level is None else _OVER_NUMBERS[outer[0]].format(measured)
    return f"{per_row}, per credit, over {_rows(column, parent)}"


def _measured(column: FeatureColumn, function: Aggregation, rows: str) -> str:
    text = phrase(column.table, column.source)
    if column.level is not None:
        state = "not recorded" if column.level == MISSING_LEVEL else f'"{column.level}"'
        return f"{_OVER_LEVELS.get(function, _OVER_NUMBERS[function]).format(rows)} {text} {state}"
    return _OVER_NUMBERS[function].format(rows if function == "size" else text)


def _rows(column: FeatureColumn, table: str) -> str:
    if column.subset is None:
        return phrase(table, _ROWS)
    known = _catalogue().get((table, column.subset.prefix + _ROWS))
    return known or f"{phrase(table, _ROWS)} ({phrase(table, column.subset.prefix.strip('_'))})"


@cache
def _parents() -> Mapping[str, str]:
    return {history.rollup.history.table: history.table for history in REFERENCE.histories if history.rollup}


@cache
def _catalogue() -> Mapping[tuple[str, str], str]:
    with Path(__file__).with_name("catalogue.tsv").open(encoding="utf-8", newline="") as lines:
        return {(row["table"], row["column"]): row["text"] for row in csv.DictReader(lines, delimiter="\t")}
