"""The units that features are measured in, read off the names that Home Credit gave its columns."""

import re
from collections.abc import Sequence

from shared.features.columns import FeatureColumn
from shared.features.specification import Operation

# The first that fits counts: DAYS_EMPLOYED_PERC is a ratio of days.
_UNITS = (
    (re.compile(r"_PERC$|^RATE_|_RATE$|^EXT_SOURCE|_(AVG|MODE|MEDI)$"), ""),
    (re.compile(r"^CNT_|^COUNT$|^AMT_REQ_"), "count"),
    (re.compile(r"^AMT_|^INCOME_PER_PERSON$|^PAYMENT_DIFF$"), "currency"),
    (re.compile(r"^DAYS_|^CREDIT_DAY_|^SK_DPD|^DPD$|^DBD$"), "days"),
    (re.compile(r"^MONTHS_"), "months"),
    (re.compile(r"^HOUR_"), "hours"),
    (re.compile(r"^OWN_CAR_AGE$"), "years"),
)
_COUNTING = frozenset({"size", "nunique"})


def unit_of(column: FeatureColumn) -> str:
    """Return the unit of a feature's numbers, a variance's squared; empty for shares, ratios, indicators and codes."""
    if column.kind != "numeric" or column.level is not None:
        return ""
    if column.operation:
        return _computed_unit(column.operation, [unit_of(feature) for feature in column.inputs])
    if _COUNTING & set(column.aggregations):
        return "count"
    unit = next((unit for pattern, unit in _UNITS if pattern.search(column.source)), "")
    return f"{unit}²" if unit and "var" in column.aggregations else unit


def _computed_unit(operation: Operation, units: Sequence[str]) -> str:
    first = units[0]
    if operation == "ratio":
        # Per person or per loan: what is counted does not show in the unit.
        return "" if first == units[1] else first if units[1] in {"", "count"} else f"{first or 1}/{units[1]}"
    if operation == "product":
        return "·".join(unit for unit in units if unit)
    return {"positive": "", "missing": "count"}.get(operation, first)
