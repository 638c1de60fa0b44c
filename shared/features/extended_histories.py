"""The history tables of the extended set: the reference's features, and windows, last rows and more ratios."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from shared.features.reference import REFERENCE
from shared.features.specification import (
    Aggregate,
    Aggregation,
    AmongLast,
    Derived,
    HasLevel,
    HistorySpecification,
    Subset,
    Within,
)

_MEAN: Final[tuple[Aggregation, ...]] = ("mean",)
_MAX: Final[tuple[Aggregation, ...]] = ("max",)
_SUM: Final[tuple[Aggregation, ...]] = ("sum",)
_MAX_MEAN: Final[tuple[Aggregation, ...]] = ("max", "mean")
_MEAN_SUM: Final[tuple[Aggregation, ...]] = ("mean", "sum")
_MIN_MAX_MEAN: Final[tuple[Aggregation, ...]] = ("min", "max", "mean")

_REFERENCE: Final = {history.table: history for history in REFERENCE.histories}


def _extended(
    table: str,
    *,
    derived: Iterable[Derived] = (),
    numbers: Iterable[Aggregate] = (),
    subsets: Iterable[Subset] = (),
) -> HistorySpecification:
    """Return the reference's history of a table, counted, with more derived columns, aggregates and subsets."""
    reference = _REFERENCE[table]
    return replace(
        reference,
        derived=(*reference.derived, *derived),
        numbers=(*reference.numbers, *numbers),
        subsets=(*reference.subsets, *subsets),
        count=True,
    )


def _of_last_days(prefix: str, column: str, days: int, numbers: tuple[Aggregate, ...]) -> Subset:
    return Subset(f"{prefix}{days}D_", (Within(column, lowest=-float(days)),), numbers, count=True)


def _of_last_months(prefix: str, months: int, numbers: tuple[Aggregate, ...]) -> Subset:
    return Subset(f"{prefix}{months}M_", (Within("MONTHS_BALANCE", lowest=-float(months)),), numbers, count=True)


_LOAN_KINDS: Final = {
    "CONSUMER": "Consumer credit",
    "CARD": "Credit card",
    "MORTGAGE": "Mortgage",
    "CAR": "Car loan",
    "MICRO": "Microloan",
}
_LOANS: Final = (
    Aggregate("DAYS_CREDIT", _MAX_MEAN),
    Aggregate("AMT_CREDIT_SUM", _MEAN_SUM),
    Aggregate("AMT_CREDIT_SUM_DEBT", _MEAN_SUM),
    Aggregate("AMT_CREDIT_SUM_OVERDUE", _SUM),
    Aggregate("DEBT_CREDIT_PERC", _MEAN),
)
BUREAU: Final = _extended(
    "bureau",
    derived=(
        Derived("DAYS_CREDIT_TERM", "difference", ("DAYS_CREDIT_ENDDATE", "DAYS_CREDIT")),
        Derived("DAYS_CREDIT_OVERRUN", "difference", ("DAYS_ENDDATE_FACT", "DAYS_CREDIT_ENDDATE")),
        Derived("DEBT_CREDIT_PERC", "ratio", ("AMT_CREDIT_SUM_DEBT", "AMT_CREDIT_SUM")),
        Derived("AMT_CREDIT_REPAID", "difference", ("AMT_CREDIT_SUM", "AMT_CREDIT_SUM_DEBT")),
        Derived("ANNUITY_CREDIT_PERC", "ratio", ("AMT_ANNUITY", "AMT_CREDIT_SUM")),
        Derived("LATE", "positive", ("AMT_CREDIT_MAX_OVERDUE",)),
    ),
    numbers=(
        Aggregate("DAYS_CREDIT_TERM", _MAX_MEAN),
        Aggregate("DAYS_CREDIT_OVERRUN", _MIN_MAX_MEAN),
        Aggregate("DAYS_ENDDATE_FACT", _MAX),
        Aggregate("DEBT_CREDIT_PERC", _MAX_MEAN),
        Aggregate("AMT_CREDIT_REPAID", _MEAN_SUM),
        Aggregate("ANNUITY_CREDIT_PERC", _MEAN),
        Aggregate("AMT_CREDIT_MAX_OVERDUE", _MAX),
        Aggregate("AMT_CREDIT_SUM_OVERDUE", _SUM),
        Aggregate("LATE", _MEAN),
    ),
    subsets=(
        *(_of_last_days("BURO_", "DAYS_CREDIT", days, _LOANS) for days in (365, 730)),
        Subset("BURO_LAST3_", (AmongLast("DAYS_CREDIT", 3),), _LOANS),
        *(
            Subset(f"BURO_{name}_", (HasLevel("CREDIT_TYPE", level),), _LOANS, count=True)
            for name, level in _LOAN_KINDS.items()
        ),
    ),
)

_APPLICATIONS: Final = (
    Aggregate("AMT_ANNUITY", _MEAN),
    Aggregate("AMT_APPLICATION", _MEAN),
    Aggregate("AMT_CREDIT", _MAX_MEAN),
    Aggregate("APP_CREDIT_PERC", _MEAN),
    Aggregate("AMT_DOWN_PAYMENT", _MEAN),
    Aggregate("RATE_DOWN_PAYMENT", _MEAN),
    Aggregate("CNT_PAYMENT", _MEAN),
    Aggregate("CREDIT_TERM", _MEAN),
    Aggregate("COST_PERC", _MEAN),
    Aggregate("DAYS_DECISION", _MEAN),
)
_OUTCOMES: Final = ("NAME_CONTRACT_STATUS", "CODE_REJECT_REASON", "NAME_YIELD_GROUP", "NAME_CONTRACT_TYPE")
PREVIOUS: Final = _extended(
    "previous_application",
    derived=(
        Derived("CREDIT_TERM", "ratio", ("AMT_CREDIT", "AMT_ANNUITY")),
        Derived("AMT_TO_PAY", "product", ("AMT_ANNUITY", "CNT_PAYMENT")),
        Derived("COST_PERC", "ratio", ("AMT_TO_PAY", "AMT_CREDIT")),
        Derived("AMT_CUT", "difference", ("AMT_APPLICATION", "AMT_CREDIT")),
        Derived("DAYS_SHORTENED", "difference", ("DAYS_LAST_DUE_1ST_VERSION", "DAYS_LAST_DUE")),
    ),
    numbers=(
        Aggregate("CREDIT_TERM", _MIN_MAX_MEAN),
        Aggregate("COST_PERC", _MIN_MAX_MEAN),
        Aggregate("AMT_CUT", _MIN_MAX_MEAN),
        Aggregate("DAYS_SHORTENED", _MIN_MAX_MEAN),
        Aggregate("DAYS_LAST_DUE_1ST_VERSION", _MAX_MEAN),
        Aggregate("DAYS_TERMINATION", _MAX),
        Aggregate("CNT_PAYMENT", _MAX),
        Aggregate("SELLERPLACE_AREA", _MEAN),
        Aggregate("NFLAG_INSURED_ON_APPROVAL", _MEAN),
    ),
    subsets=(
        _of_last_days("PREV_", "DAYS_DECISION", 365, _APPLICATIONS),
        *(
            Subset(f"PREV_LAST{count}_", (AmongLast("DAYS_DECISION", count),), _APPLICATIONS, _OUTCOMES)
            for count in (1, 3, 5)
        ),
        *(
            Subset(f"PREV_{name}_", (HasLevel("NAME_CONTRACT_TYPE", level),), _APPLICATIONS, count=True)
            for name, level in {"CASH": "Cash loans", "CONSUMER": "Consumer loans"}.items()
        ),
    ),
)

_SALES: Final = (
    Aggregate("SK_DPD", _MAX_MEAN),
    Aggregate("LATE", _MEAN),
    Aggregate("CNT_INSTALMENT_FUTURE", _MEAN),
    Aggregate("FUTURE_PERC", _MEAN),
)
POINT_OF_SALE: Final = _extended(
    "POS_CASH_balance",
    derived=(
        Derived("LATE", "positive", ("SK_DPD",)),
        Derived("FUTURE_PERC", "ratio", ("CNT_INSTALMENT_FUTURE", "CNT_INSTALMENT")),
    ),
    numbers=(
        Aggregate("LATE", _MEAN),
        Aggregate("CNT_INSTALMENT", _MIN_MAX_MEAN),
        Aggregate("CNT_INSTALMENT_FUTURE", _MIN_MAX_MEAN),
        Aggregate("FUTURE_PERC", _MEAN),
    ),
    subsets=(
        *(_of_last_months("POS_", months, _SALES) for months in (3, 6, 12)),
        Subset("POS_LAST1_", (AmongLast("MONTHS_BALANCE", 1),), _SALES, ("NAME_CONTRACT_STATUS",)),
    ),
)

_PAYMENTS: Final = (
    Aggregate("DPD", _MAX_MEAN),
    Aggregate("DBD", _MEAN),
    Aggregate("LATE", _MEAN),
    Aggregate("PAYMENT_PERC", _MEAN),
    Aggregate("PAYMENT_DIFF", _MEAN),
)
INSTALMENTS: Final = _extended(
    "installments_payments",
    derived=(Derived("LATE", "positive", ("DPD",)),),
    numbers=(Aggregate("LATE", _MEAN),),
    subsets=(
        *(_of_last_days("INSTAL_", "DAYS_INSTALMENT", days, _PAYMENTS) for days in (90, 180, 365)),
        *(Subset(f"INSTAL_LAST{count}_", (AmongLast("DAYS_INSTALMENT", count),), _PAYMENTS) for count in (1, 3, 5)),
    ),
)

_STATEMENTS: Final = (
    Aggregate("AMT_BALANCE", _MEAN),
    Aggregate("LIMIT_PERC", _MAX_MEAN),
    Aggregate("AMT_DRAWINGS_CURRENT", _MEAN),
    Aggregate("AMT_DRAWINGS_ATM_CURRENT", _MEAN),
    Aggregate("AMT_PAYMENT_CURRENT", _MEAN),
    Aggregate("PAYMENT_PERC", _MEAN),
    Aggregate("SK_DPD", _MAX),
    Aggregate("LATE", _MEAN),
)
CREDIT_CARD: Final = _extended(
    "credit_card_balance",
    derived=(
        Derived("LIMIT_PERC", "ratio", ("AMT_BALANCE", "AMT_CREDIT_LIMIT_ACTUAL")),
        Derived("DRAWINGS_LIMIT_PERC", "ratio", ("AMT_DRAWINGS_CURRENT", "AMT_CREDIT_LIMIT_ACTUAL")),
        Derived("PAYMENT_PERC", "ratio", ("AMT_PAYMENT_CURRENT", "AMT_INST_MIN_REGULARITY")),
        Derived("LATE", "positive", ("SK_DPD",)),
    ),
    numbers=(
        Aggregate("LIMIT_PERC", _MIN_MAX_MEAN),
        Aggregate("DRAWINGS_LIMIT_PERC", _MAX_MEAN),
        Aggregate("PAYMENT_PERC", _MEAN),
        Aggregate("LATE", _MEAN),
    ),
    subsets=(
        *(_of_last_months("CC_", months, _STATEMENTS) for months in (3, 6, 12)),
        Subset("CC_LAST1_", (AmongLast("MONTHS_BALANCE", 1),), _STATEMENTS),
    ),
)

HISTORIES: Final = (BUREAU, PREVIOUS, POINT_OF_SALE, INSTALMENTS, CREDIT_CARD)
