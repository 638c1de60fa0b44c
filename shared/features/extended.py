"""The extended set: the reference's features and what the best public single models for these tables added to them.

Combinations of the external scores, ratios within the application and across tables, windows of recent rows, the last
rows, and trends. No feature is made of a target.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from shared.features.extended_histories import HISTORIES
from shared.features.reference import REFERENCE
from shared.features.specification import Derived, FeatureSpecification, HistorySpecification, Subset, Within

_SCORES: Final = ("EXT_SOURCE_1", "EXT_SOURCE_2", "EXT_SOURCE_3")
_APPLICATION: Final = REFERENCE.application


def _numbers(start: str, end: str = "") -> tuple[str, ...]:
    """Return the application's numbers whose names begin and end so."""
    return tuple(name for name in _APPLICATION.numbers if name.startswith(start) and name.endswith(end))


_OF_SCORES: Final = (
    Derived("EXT_SOURCES_MEAN", "mean", _SCORES),
    Derived("EXT_SOURCES_WEIGHTED", "mean", _SCORES, weights=(2.0, 3.0, 4.0)),
    Derived("EXT_SOURCES_PRODUCT", "product", _SCORES),
    Derived("EXT_SOURCES_MIN", "min", _SCORES),
    Derived("EXT_SOURCES_MAX", "max", _SCORES),
    Derived("EXT_SOURCES_STD", "std", _SCORES),
    Derived("EXT_SOURCES_MISSING", "missing", _SCORES),
    Derived("EXT_SOURCES_1_2_PRODUCT", "product", ("EXT_SOURCE_1", "EXT_SOURCE_2")),
    Derived("EXT_SOURCES_1_3_PRODUCT", "product", ("EXT_SOURCE_1", "EXT_SOURCE_3")),
    Derived("EXT_SOURCES_2_3_PRODUCT", "product", ("EXT_SOURCE_2", "EXT_SOURCE_3")),
    Derived("EXT_SOURCES_MEAN_TERM", "ratio", ("EXT_SOURCES_MEAN", "CREDIT_TERM")),
    Derived("EXT_SOURCES_MEAN_RATE", "ratio", ("EXT_SOURCES_MEAN", "PAYMENT_RATE")),
    Derived("EXT_SOURCES_MEAN_CREDIT", "ratio", ("AMT_CREDIT", "EXT_SOURCES_MEAN")),
    Derived("EXT_SOURCES_MEAN_AGE", "product", ("EXT_SOURCES_MEAN", "DAYS_BIRTH")),
    Derived("EXT_SOURCES_MEAN_EMPLOYED", "product", ("EXT_SOURCES_MEAN", "DAYS_EMPLOYED")),
)

_OF_APPLICATION: Final = (
    Derived("CREDIT_TERM", "ratio", ("AMT_CREDIT", "AMT_ANNUITY")),
    Derived("CREDIT_GOODS_PERC", "ratio", ("AMT_CREDIT", "AMT_GOODS_PRICE")),
    Derived("AMT_CREDIT_GOODS_DIFF", "difference", ("AMT_CREDIT", "AMT_GOODS_PRICE")),
    Derived("GOODS_TERM", "ratio", ("AMT_GOODS_PRICE", "AMT_ANNUITY")),
    Derived("CREDIT_INCOME_PERC", "ratio", ("AMT_CREDIT", "AMT_INCOME_TOTAL")),
    Derived("GOODS_INCOME_PERC", "ratio", ("AMT_GOODS_PRICE", "AMT_INCOME_TOTAL")),
    Derived("AMT_INCOME_LEFT", "difference", ("AMT_INCOME_TOTAL", "AMT_ANNUITY")),
    Derived("INCOME_AGE_RATIO", "ratio", ("AMT_INCOME_TOTAL", "DAYS_BIRTH")),
    Derived("DAYS_EMPLOYED_DIFF", "difference", ("DAYS_EMPLOYED", "DAYS_BIRTH")),
    Derived("DAYS_ID_PUBLISH_PERC", "ratio", ("DAYS_ID_PUBLISH", "DAYS_BIRTH")),
    Derived("DAYS_REGISTRATION_PERC", "ratio", ("DAYS_REGISTRATION", "DAYS_BIRTH")),
    Derived("DAYS_PHONE_PERC", "ratio", ("DAYS_LAST_PHONE_CHANGE", "DAYS_BIRTH")),
    Derived("DAYS_PHONE_EMPLOYED_PERC", "ratio", ("DAYS_LAST_PHONE_CHANGE", "DAYS_EMPLOYED")),
    Derived("OWN_CAR_AGE_PERC", "ratio", ("OWN_CAR_AGE", "DAYS_BIRTH")),
    Derived("OWN_CAR_AGE_EMPLOYED_PERC", "ratio", ("OWN_CAR_AGE", "DAYS_EMPLOYED")),
    Derived("CNT_ADULTS", "difference", ("CNT_FAM_MEMBERS", "CNT_CHILDREN")),
    Derived("CNT_CHILDREN_PERC", "ratio", ("CNT_CHILDREN", "CNT_FAM_MEMBERS")),
    Derived("INCOME_PER_CHILD", "ratio", ("AMT_INCOME_TOTAL", "CNT_CHILDREN")),
    Derived("INCOME_PER_ADULT", "ratio", ("AMT_INCOME_TOTAL", "CNT_ADULTS")),
    Derived("CNT_DOCUMENTS", "sum", _numbers("FLAG_DOCUMENT_")),
    Derived("CNT_CONTACTS", "sum", (*_numbers("FLAG_", "PHONE"), "FLAG_MOBIL", "FLAG_CONT_MOBILE", "FLAG_EMAIL")),
    Derived("CNT_ADDRESS_DIFFERENCES", "sum", (*_numbers("REG_"), *_numbers("LIVE_"))),
    Derived("CNT_ENQUIRIES", "sum", _numbers("AMT_REQ_CREDIT_BUREAU_")),
    Derived("DEF_30_PERC", "ratio", ("DEF_30_CNT_SOCIAL_CIRCLE", "OBS_30_CNT_SOCIAL_CIRCLE")),
    Derived("DEF_60_PERC", "ratio", ("DEF_60_CNT_SOCIAL_CIRCLE", "OBS_60_CNT_SOCIAL_CIRCLE")),
    Derived("CNT_HOUSING_MISSING", "missing", (*_numbers("", "_AVG"), "TOTALAREA_MODE")),
)

_ACROSS_TABLES: Final = (
    Derived("CREDIT_PREV_PERC", "ratio", ("AMT_CREDIT", "PREV_AMT_CREDIT_MEAN")),
    Derived("CREDIT_APPROVED_PERC", "ratio", ("AMT_CREDIT", "APPROVED_AMT_CREDIT_MAX")),
    Derived("ANNUITY_APPROVED_PERC", "ratio", ("AMT_ANNUITY", "APPROVED_AMT_ANNUITY_MEAN")),
    Derived("CREDIT_REFUSED_PERC", "ratio", ("AMT_CREDIT", "REFUSED_AMT_CREDIT_MEAN")),
    Derived("TERM_PREV_PERC", "ratio", ("CREDIT_TERM", "APPROVED_CREDIT_TERM_MEAN")),
    Derived("GOODS_PREV_PERC", "ratio", ("AMT_GOODS_PRICE", "PREV_AMT_GOODS_PRICE_MEAN")),
    Derived("CREDIT_BURO_PERC", "ratio", ("AMT_CREDIT", "BURO_AMT_CREDIT_SUM_MEAN")),
    Derived("CREDIT_BURO_MAX_PERC", "ratio", ("AMT_CREDIT", "BURO_AMT_CREDIT_SUM_MAX")),
    Derived("CREDIT_DEBT_PERC", "ratio", ("BURO_AMT_CREDIT_SUM_DEBT_SUM", "AMT_CREDIT")),
    Derived("DEBT_INCOME_PERC", "ratio", ("BURO_AMT_CREDIT_SUM_DEBT_SUM", "AMT_INCOME_TOTAL")),
    Derived("DEBT_ANNUITY_PERC", "ratio", ("BURO_AMT_CREDIT_SUM_DEBT_SUM", "AMT_ANNUITY")),
    Derived("BURO_DEBT_PERC", "ratio", ("BURO_AMT_CREDIT_SUM_DEBT_SUM", "BURO_AMT_CREDIT_SUM_SUM")),
    Derived("ACTIVE_DEBT_PERC", "ratio", ("ACTIVE_AMT_CREDIT_SUM_DEBT_SUM", "ACTIVE_AMT_CREDIT_SUM_SUM")),
    Derived("BURO_OVERDUE_PERC", "ratio", ("BURO_AMT_CREDIT_SUM_OVERDUE_SUM", "BURO_AMT_CREDIT_SUM_DEBT_SUM")),
    Derived("BURO_INCOME_PERC", "ratio", ("BURO_AMT_CREDIT_SUM_SUM", "AMT_INCOME_TOTAL")),
    Derived("BURO_AGE_PERC", "ratio", ("BURO_DAYS_CREDIT_MIN", "DAYS_BIRTH")),
    Derived("PREV_AGE_PERC", "ratio", ("PREV_DAYS_DECISION_MIN", "DAYS_BIRTH")),
    Derived("CC_BALANCE_INCOME_PERC", "ratio", ("CC_AMT_BALANCE_MEAN", "AMT_INCOME_TOTAL")),
    Derived("CC_LIMIT_INCOME_PERC", "ratio", ("CC_AMT_CREDIT_LIMIT_ACTUAL_MAX", "AMT_INCOME_TOTAL")),
    Derived("CNT_LOANS", "sum", ("BURO_COUNT", "PREV_COUNT")),
    Derived("DAYS_LAST_LOAN", "max", ("BURO_DAYS_CREDIT_MAX", "PREV_DAYS_DECISION_MAX")),
)


def _trends(histories: tuple[HistorySpecification, ...]) -> Iterator[Derived]:
    """Yield for every mean of a window of recent rows how far it lies above the mean over all rows of the table."""
    for history in histories:
        whole = {aggregate.column for aggregate in history.numbers if "mean" in aggregate.functions}
        for subset in filter(_is_window, history.subsets):
            for aggregate in subset.numbers or ():
                column = aggregate.column
                if "mean" in aggregate.functions and column in whole:
                    means = (f"{subset.prefix}{column}_MEAN", f"{history.prefix}{column}_MEAN")
                    yield Derived(f"{subset.prefix}{column}_TREND", "difference", means)


def _is_window(subset: Subset) -> bool:
    return all(isinstance(condition, Within) for condition in subset.conditions)


EXTENDED: Final = FeatureSpecification(
    application=replace(_APPLICATION, derived=(*_APPLICATION.derived, *_OF_APPLICATION, *_OF_SCORES)),
    histories=HISTORIES,
    combined=(*_ACROSS_TABLES, *_trends(HISTORIES)),
)
