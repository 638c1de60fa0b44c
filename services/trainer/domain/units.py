"""The units that features are measured in, read off the names that Home Credit gave its columns."""

import re

from shared.features.columns import FeatureColumn

# The first that fits counts: DAYS_EMPLOYED_PERC is a ratio of days.
_UNITS = (
    (re.compile(r"_PERC$|^RATE_|_RATE$|^EXT_SOURCE|_(AVG|MODE|MEDI)$"), ""),
    (re.compile(r"^AMT_|^INCOME_PER_PERSON$|^PAYMENT_DIFF$"), "currency"),
    (re.compile(r"^DAYS_|^CREDIT_DAY_|^SK_DPD|^DPD$|^DBD$"), "days"),
    (re.compile(r"^MONTHS_"), "months"),
    (re.compile(r"^HOUR_"), "hours"),
    (re.compile(r"^OWN_CAR_AGE$"), "years"),
    (re.compile(r"^CNT_|^COUNT$"), "count"),
)
_COUNTING = frozenset({"size", "nunique"})


def unit_of(column: FeatureColumn) -> str:
    """Return the unit of a feature's numbers, a variance's squared; empty for shares, ratios, indicators and codes."""
    if column.kind != "numeric" or column.level is not None:
        return ""
    if _COUNTING & set(column.aggregations):
        return "count"
    unit = next((unit for pattern, unit in _UNITS if pattern.search(column.source)), "")
    return f"{unit}²" if unit and "var" in column.aggregations else unit
