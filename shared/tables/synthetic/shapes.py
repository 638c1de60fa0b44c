"""What is measured of the real tables so that synthetic ones resemble them: columns and ratios, never rows.

Amounts of one row are measured as ratios (annuity to credit, debt to credit sum), days as durations, so that what is
drawn from them fits together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from shared.tables.schema import NEVER, TABLES

HOUSING: Final = tuple(
    column.removesuffix("_AVG") for column in TABLES["application_train"].columns if column.endswith("_AVG")
)
"""The measures of the applicant's building, each of which comes as average, mode and median."""

_DERIVED: Final = {
    "SK_ID_CURR", "TARGET", "AMT_CREDIT", "AMT_ANNUITY", "CNT_FAM_MEMBERS",
    "OBS_60_CNT_SOCIAL_CIRCLE", "DEF_60_CNT_SOCIAL_CIRCLE",
    *(f"{name}_{kind}" for name in HOUSING for kind in ("MODE", "MEDI")),
}  # fmt: skip
_EMPLOYED: Final = pl.col("DAYS_EMPLOYED") != NEVER
_CONTRACT: Final = pl.col("NAME_CONTRACT_TYPE")
_STATUS: Final = pl.col("NAME_CONTRACT_STATUS")


@dataclass(frozen=True)
class Shape:
    """One distribution to measure: a value per row, where it applies, and apart for each value of `given`.

    Text levels are ordered by the mean of `order`, so that a shift of normal numbers moves them sensibly.
    """

    value: pl.Expr
    given: pl.Expr | None = None
    where: pl.Expr | None = None
    order: pl.Expr = field(default_factory=lambda: pl.col("TARGET"))


@dataclass(frozen=True)
class TableShapes:
    """The distributions of one table and the columns whose correlation is measured with them."""

    shapes: Mapping[str, Shape]
    correlated: tuple[str, ...] = ()
    profile: tuple[str, ...] = ()


def _application() -> TableShapes:
    where = dict.fromkeys(("DAYS_EMPLOYED", "ORGANIZATION_TYPE", "OCCUPATION_TYPE", "FLAG_EMP_PHONE"), _EMPLOYED)
    where["OWN_CAR_AGE"] = pl.col("FLAG_OWN_CAR") == "Y"
    shapes = {
        column: Shape(pl.col(column), where=where.get(column))
        for column in TABLES["application_train"].columns
        if column not in _DERIVED
    }
    # Pensioners are known by their age far better than by their risk.
    shapes["NAME_INCOME_TYPE"] = Shape(pl.col("NAME_INCOME_TYPE"), order=pl.col("DAYS_BIRTH"))
    shapes["CREDIT_TO_GOODS"] = Shape(pl.col("AMT_CREDIT") / pl.col("AMT_GOODS_PRICE"))
    shapes["PAYMENT_RATE"] = Shape(pl.col("AMT_ANNUITY") / pl.col("AMT_CREDIT"))
    return TableShapes(shapes, correlated=tuple(shapes))


def _bureau() -> TableShapes:
    active, kind = pl.col("CREDIT_ACTIVE"), pl.col("CREDIT_TYPE")
    age, amount = -pl.col("DAYS_CREDIT"), pl.col("AMT_CREDIT_SUM")
    lived = (active == "Closed") & (age > 0)
    shapes = {
        "CREDIT_TYPE": Shape(kind),
        "CREDIT_ACTIVE": Shape(active, given=kind),
        "CREDIT_CURRENCY": Shape(pl.col("CREDIT_CURRENCY")),
        "DAYS_CREDIT": Shape(pl.col("DAYS_CREDIT"), given=active),
        "DURATION": Shape(pl.col("DAYS_CREDIT_ENDDATE") + age, given=kind),
        "END_SHARE": Shape((pl.col("DAYS_ENDDATE_FACT") + age) / age, where=lived),
        "UPDATE_SHARE": Shape((pl.col("DAYS_CREDIT_UPDATE") + age) / age, where=age > 0, given=active),
        "CREDIT_DAY_OVERDUE": Shape(pl.col("CREDIT_DAY_OVERDUE"), given=active),
        "AMT_CREDIT_MAX_OVERDUE": Shape(pl.col("AMT_CREDIT_MAX_OVERDUE"), given=active),
        "CNT_CREDIT_PROLONG": Shape(pl.col("CNT_CREDIT_PROLONG")),
        "AMT_CREDIT_SUM": Shape(amount, given=kind),
        "DEBT_SHARE": Shape(pl.col("AMT_CREDIT_SUM_DEBT") / amount, where=amount > 0, given=active),
        "AMT_CREDIT_SUM_LIMIT": Shape(pl.col("AMT_CREDIT_SUM_LIMIT"), given=kind),
        "OVERDUE_SHARE": Shape(pl.col("AMT_CREDIT_SUM_OVERDUE") / amount, where=pl.col("CREDIT_DAY_OVERDUE") > 0),
        "AMT_ANNUITY": Shape(pl.col("AMT_ANNUITY"), given=active),
    }
    return TableShapes(
        shapes, correlated=("DAYS_CREDIT", "DURATION", "AMT_CREDIT_SUM", "DEBT_SHARE", "UPDATE_SHARE", "AMT_ANNUITY")
    )


def _previous() -> TableShapes:
    correlated = ("DAYS_DECISION", "AMT_APPLICATION", "CREDIT_TO_APPLICATION", "CNT_PAYMENT", "ANNUITY_TO_CREDIT")
    profile = (
        "NAME_CONTRACT_TYPE", "NAME_CONTRACT_STATUS", "NAME_PORTFOLIO", "NAME_PRODUCT_TYPE", "NAME_YIELD_GROUP",
        "PRODUCT_COMBINATION",
    )  # fmt: skip
    return TableShapes(_previous_columns() | _previous_amounts() | _previous_days(), correlated, profile)


def _previous_columns() -> dict[str, Shape]:
    by_contract = (
        "NAME_CASH_LOAN_PURPOSE", "NAME_PAYMENT_TYPE", "NAME_TYPE_SUITE", "NAME_CLIENT_TYPE", "NAME_GOODS_CATEGORY",
        "CHANNEL_TYPE", "SELLERPLACE_AREA", "NAME_SELLER_INDUSTRY", "HOUR_APPR_PROCESS_START",
    )  # fmt: skip
    pooled = ("WEEKDAY_APPR_PROCESS_START", "FLAG_LAST_APPL_PER_CONTRACT", "NFLAG_LAST_APPL_IN_DAY")
    rare = ("RATE_INTEREST_PRIMARY", "RATE_INTEREST_PRIVILEGED")
    return {
        **{column: Shape(pl.col(column), given=_CONTRACT) for column in by_contract},
        **{column: Shape(pl.col(column)) for column in (*pooled, *rare)},
        "CODE_REJECT_REASON": Shape(pl.col("CODE_REJECT_REASON"), given=_STATUS),
    }


def _previous_amounts() -> dict[str, Shape]:
    both = pl.concat_str(_CONTRACT, _STATUS, separator="/")
    asked, credit = pl.col("AMT_APPLICATION"), pl.col("AMT_CREDIT")
    return {
        "DAYS_DECISION": Shape(pl.col("DAYS_DECISION"), given=both),
        "AMT_APPLICATION": Shape(asked, given=both),
        "CREDIT_TO_APPLICATION": Shape(credit / asked, given=_CONTRACT, where=asked > 0),
        "ANNUITY_TO_CREDIT": Shape(pl.col("AMT_ANNUITY") / credit, given=both, where=credit > 0),
        "CNT_PAYMENT": Shape(pl.col("CNT_PAYMENT"), given=both),
        "RATE_DOWN_PAYMENT": Shape(pl.col("RATE_DOWN_PAYMENT"), given=both),
    }


def _previous_days() -> dict[str, Shape]:
    approved = _STATUS == "Approved"
    first, last, planned = pl.col("DAYS_FIRST_DUE"), pl.col("DAYS_LAST_DUE"), pl.col("DAYS_LAST_DUE_1ST_VERSION")
    ended = approved & (last < 0)
    terminated = pl.col("DAYS_TERMINATION")
    return {
        "NFLAG_INSURED_ON_APPROVAL": Shape(pl.col("NFLAG_INSURED_ON_APPROVAL"), given=_CONTRACT, where=approved),
        "FIRST_DUE_DELAY": Shape(first - pl.col("DAYS_DECISION"), where=approved & (first < 0)),
        "TERMINATION_DELAY": Shape(terminated - last, where=ended & (terminated < 0)),
        # The share of the planned term after which a loan ended: 1 is as planned, below it was repaid early.
        "TERM_SHARE": Shape((last - first) / (planned - first), where=ended & (planned < 0) & (planned > first)),
    }


def _bureau_balance() -> TableShapes:
    status = pl.col("STATUS")
    overdue = pl.when(status == "X").then(-1).otherwise(status.cast(pl.Int64, strict=False))
    return TableShapes({"STATUS": Shape(status, where=status != "C", order=overdue)})


def _pos_cash() -> TableShapes:
    shapes = {
        "STATUS_OPEN": Shape(pl.col("NAME_CONTRACT_STATUS"), where=pl.col("NAME_CONTRACT_STATUS") != "Completed"),
        "SK_DPD": Shape(pl.col("SK_DPD"), where=pl.col("SK_DPD") > 0),
        "CNT_INSTALMENT": Shape(pl.col("CNT_INSTALMENT")),
    }
    return TableShapes(shapes)


def _installments() -> TableShapes:
    late = pl.col("DAYS_ENTRY_PAYMENT") - pl.col("DAYS_INSTALMENT")
    shapes = {
        "LATENESS": Shape(late, where=late.abs() < 300),  # noqa: PLR2004  (beyond, the payment belongs elsewhere)
        "PAID_SHARE": Shape(pl.col("AMT_PAYMENT") / pl.col("AMT_INSTALMENT")),
        "NUM_INSTALMENT_VERSION": Shape(pl.col("NUM_INSTALMENT_VERSION"), where=pl.col("NUM_INSTALMENT_VERSION") > 0),
    }
    return TableShapes(shapes)


def _credit_card() -> TableShapes:
    balance, limit = pl.col("AMT_BALANCE"), pl.col("AMT_CREDIT_LIMIT_ACTUAL")
    atm, pos = pl.col("AMT_DRAWINGS_ATM_CURRENT"), pl.col("AMT_DRAWINGS_POS_CURRENT")
    paid = pl.col("AMT_PAYMENT_TOTAL_CURRENT")
    shapes = {
        "AMT_CREDIT_LIMIT_ACTUAL": Shape(limit, where=limit > 0),
        "UTILISATION": Shape(balance / limit, where=(balance > 0) & (limit > 0)),
        "ATM_SHARE": Shape(atm / limit, where=(atm > 0) & (limit > 0)),
        "POS_SHARE": Shape(pos / limit, where=(pos > 0) & (limit > 0)),
        "MINIMUM_SHARE": Shape(pl.col("AMT_INST_MIN_REGULARITY") / balance, where=balance > 0),
        "PAYMENT_SHARE": Shape(paid / balance, where=(paid > 0) & (balance > 0)),
        "PRINCIPAL_SHARE": Shape(pl.col("AMT_RECEIVABLE_PRINCIPAL") / balance, where=balance > 0),
        "CNT_DRAWINGS_ATM_CURRENT": Shape(pl.col("CNT_DRAWINGS_ATM_CURRENT"), where=atm > 0),
        "CNT_DRAWINGS_POS_CURRENT": Shape(pl.col("CNT_DRAWINGS_POS_CURRENT"), where=pos > 0),
        "SK_DPD": Shape(pl.col("SK_DPD"), where=pl.col("SK_DPD") > 0),
        "STATUS": Shape(pl.col("NAME_CONTRACT_STATUS")),
    }
    return TableShapes(shapes)


SHAPES: Final[Mapping[str, TableShapes]] = {
    "application": _application(),
    "bureau": _bureau(),
    "bureau_balance": _bureau_balance(),
    "previous_application": _previous(),
    "POS_CASH_balance": _pos_cash(),
    "installments_payments": _installments(),
    "credit_card_balance": _credit_card(),
}
"""What is measured, by table; "application" stands for the two application tables together."""
