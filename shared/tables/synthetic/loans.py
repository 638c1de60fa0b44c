"""Previous applications with the lender, and what the loans among them left behind: POS balances and instalments."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from shared.tables.schema import NEVER, TABLES
from shared.tables.synthetic.clients import (
    DAYS_PER_MONTH,
    Clients,
    Columns,
    chance,
    mixed,
    owners,
    positions,
    rounded_to,
    table,
    tolerated,
)
from shared.tables.synthetic.parameters import Floats, TableParameters

FIRST_PREVIOUS_ID: Final = 1_000_001
_DAYS_BETWEEN_INSTALMENTS: Final = 30
_LONGEST_HISTORY: Final = 96
_HORIZON_DAYS: Final = -_LONGEST_HISTORY * DAYS_PER_MONTH
# Of the clients whose applications were all refused, cancelled or for a card, the share whose first becomes a loan.
_LOAN_FIRST: Final = 0.93


@dataclass(frozen=True)
class Contracts:
    """Approved contracts of a block, one element each: identifier, client's position, days before the application.

    `decided` and `first_due` are negative days; `ended` is NaN while the contract runs; `payments` is the planned
    number of instalments, `annuity` the amount of one.
    """

    ids: NDArray[np.int64]
    owner: NDArray[np.int64]
    decided: Floats
    first_due: Floats
    ended: Floats
    payments: Floats
    annuity: Floats

    def where(self, rows: NDArray[np.bool_]) -> "Contracts":
        """Return the contracts of the rows that are true."""
        return Contracts(**{name: values[rows] for name, values in vars(self).items()})


def draw_previous(
    parameters: Mapping[str, TableParameters], rng: np.random.Generator, clients: Clients, first_id: int
) -> tuple[pl.DataFrame, Contracts, Contracts, int]:
    """Return previous_application, the loans and the cards among it, and the next free SK_ID_PREV.

    Some loans and cards are left out of the table, as in the real one, while their histories remain.
    """
    measured = parameters["previous_application"]
    owner = owners(measured.columns["ROWS_PER_CLIENT"], rng.standard_normal(len(clients.ids)))
    columns = _applications(measured, rng, clients, owner)
    columns["SK_ID_PREV"] = np.arange(first_id, first_id + len(owner))
    columns["SK_ID_CURR"] = clients.ids[owner]
    approved = columns["NAME_CONTRACT_STATUS"] == "Approved"
    card = columns["NAME_CONTRACT_TYPE"] == "Revolving loans"
    contracts = _contracts(columns, owner)
    orphans = np.where(
        card, parameters["credit_card_balance"].facts["orphans"], parameters["POS_CASH_balance"].facts["orphans"]
    )
    orphan = approved & (rng.random(len(owner)) < orphans)
    frame = table(
        TABLES["previous_application"],
        {name: columns[name][~orphan] for name in TABLES["previous_application"].columns},
        rng,
    )
    # The cards that the table lacks are those from before the eight years that it covers.
    decided = np.where(orphan & card, _HORIZON_DAYS, contracts.decided)
    contracts = replace(contracts, decided=decided)
    loans = contracts.where(approved & ~card & (contracts.payments > 0) & ~np.isnan(contracts.first_due))
    return frame, loans, contracts.where(approved & card), first_id + len(owner)


def draw_pos_cash(
    measured: TableParameters, rng: np.random.Generator, clients: Clients, loans: Contracts
) -> pl.DataFrame:
    """Return POS_CASH_balance: one row per month of each loan, running down to its end or to last month."""
    start = np.floor(loans.decided / DAYS_PER_MONTH).astype(np.int64)
    last = np.where(np.isnan(loans.ended), -1, np.floor(np.nan_to_num(loans.ended) / DAYS_PER_MONTH) + 1)
    last = np.minimum(last, -1).astype(np.int64)
    start = np.maximum(np.minimum(start, last), -_LONGEST_HISTORY)
    run, place = positions(np.maximum(last - start + 1, 0))
    month = start[run] + place
    done = (month == last[run]) & ~np.isnan(loans.ended)[run]
    payments = np.maximum(loans.payments, 1)
    unknown = chance(rng, len(run), measured.columns["CNT_INSTALMENT"].pooled.missing)
    dpd = _days_past_due(measured, rng, (clients, loans, run))
    columns: Columns = {
        "SK_ID_PREV": loans.ids[run],
        "SK_ID_CURR": clients.ids[loans.owner[run]],
        "MONTHS_BALANCE": month,
        "CNT_INSTALMENT": np.where(unknown, np.nan, payments[run]),
        "CNT_INSTALMENT_FUTURE": np.where(unknown, np.nan, np.where(done, 0, np.maximum(payments[run] - place, 0))),
        "NAME_CONTRACT_STATUS": np.where(
            done, "Completed", measured.columns["STATUS_OPEN"].draw(rng.standard_normal(len(run)))
        ),
        "SK_DPD": dpd,
        "SK_DPD_DEF": tolerated(rng, dpd, 0.4),
    }
    return table(TABLES["POS_CASH_balance"], columns, rng)


def draw_instalments(
    measured: TableParameters, rng: np.random.Generator, clients: Clients, loans: Contracts
) -> Columns:
    """Return installments_payments of the loans: every instalment that fell due, and when and how far it was paid."""
    horizon = np.where(np.isnan(loans.ended), -1, np.nan_to_num(loans.ended))
    due_so_far = np.floor((np.minimum(horizon, -1) - loans.first_due) / _DAYS_BETWEEN_INSTALMENTS) + 1
    run, place = positions(np.clip(due_so_far, 0, loans.payments).astype(np.int64))
    owner = loans.owner[run]
    lateness = clients.traits["lateness"]
    due = loans.first_due[run] + _DAYS_BETWEEN_INSTALMENTS * place
    late = measured.columns["LATENESS"].draw(mixed(rng.standard_normal(len(run)), owner, (lateness, 0.60)))
    share = measured.columns["PAID_SHARE"].draw(mixed(rng.standard_normal(len(run)), owner, (-lateness, 0.40)))
    amount = loans.annuity[run]
    lost = chance(rng, len(run), 0.0002)
    return {
        "SK_ID_PREV": loans.ids[run],
        "SK_ID_CURR": clients.ids[owner],
        "NUM_INSTALMENT_VERSION": measured.columns["NUM_INSTALMENT_VERSION"].draw(rng.standard_normal(len(run))),
        "NUM_INSTALMENT_NUMBER": place + 1,
        "DAYS_INSTALMENT": due,
        "DAYS_ENTRY_PAYMENT": np.where(lost, np.nan, np.minimum(due + late, -1)),
        "AMT_INSTALMENT": amount,
        "AMT_PAYMENT": np.where(lost, np.nan, amount * np.minimum(share, 3)),
    }


def _days_past_due(
    measured: TableParameters, rng: np.random.Generator, rows: tuple[Clients, Contracts, NDArray[np.int64]]
) -> Floats:
    """Return the days past due per month: mostly none, more and longer for clients who pay late."""
    clients, loans, run = rows
    lateness = (clients.traits["lateness"], 0.45)
    normal = mixed(rng.standard_normal(len(run)), loans.owner[run], lateness)
    overdue = normal > -ndtri(measured.facts["overdue"])
    length = mixed(rng.standard_normal(len(run)), loans.owner[run], lateness)
    days: Floats = np.where(overdue, np.rint(measured.columns["SK_DPD"].draw(length)), 0)
    return days


def _applications(
    measured: TableParameters, rng: np.random.Generator, clients: Clients, owner: NDArray[np.int64]
) -> Columns:
    normals, absent = measured.normals(rng, len(owner)), rng.standard_normal((len(measured.columns), len(owner)))
    income, refusal = clients.traits["income"], clients.traits["refusal"]
    normals["AMT_APPLICATION"] = mixed(normals["AMT_APPLICATION"], owner, (income, 0.25))
    normals["DAYS_DECISION"] = mixed(normals["DAYS_DECISION"], owner, (refusal, 0.20))
    normals["CODE_REJECT_REASON"] = mixed(normals["CODE_REJECT_REASON"], owner, (refusal, 0.40))
    profiles = _profiles(measured, mixed(rng.standard_normal(len(owner)), owner, (refusal, 0.35)))
    loan = (profiles["NAME_CONTRACT_STATUS"] == "Approved") & (profiles["NAME_CONTRACT_TYPE"] != "Revolving loans")
    order = _loans_spread(rng, owner, loan)
    drawn: Columns = {name: values[order] for name, values in profiles.items()}
    contract, status = drawn["NAME_CONTRACT_TYPE"], drawn["NAME_CONTRACT_STATUS"]
    both = contract + "/" + status
    kinds = {"CODE_REJECT_REASON": status} | dict.fromkeys(
        ("DAYS_DECISION", "AMT_APPLICATION", "ANNUITY_TO_CREDIT", "CNT_PAYMENT", "RATE_DOWN_PAYMENT"), both
    )
    for row, (name, column) in enumerate(measured.columns.items()):
        # Annuity and number of payments are known or unknown together.
        missing = absent[0] if name in ("CNT_PAYMENT", "ANNUITY_TO_CREDIT") else absent[row]
        drawn[name] = column.draw(normals[name], missing, kinds.get(name, contract))
    return drawn | _amounts(drawn, rng) | _days(drawn)


def _profiles(measured: TableParameters, normal: Floats) -> Columns:
    """Return the columns that only occur in certain combinations; refused ones come last, for high numbers."""
    status = measured.profiles[:, measured.profile.index("NAME_CONTRACT_STATUS")]
    order = np.argsort(status == "Refused", kind="stable")
    ends = np.cumsum(measured.profile_shares[order])
    chosen = order[np.minimum(np.searchsorted(ends / ends[-1], ndtr(normal)), len(order) - 1)]
    return dict(zip(measured.profile, measured.profiles[chosen].T, strict=True))


def _loans_spread(rng: np.random.Generator, owner: NDArray[np.int64], loan: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return an order of the rows that gives nearly every client a loan: one of a client who has several.

    Most people become clients by a loan; drawn row by row, one in eight would have none.
    """
    order = np.arange(len(owner))
    with_loan = np.isin(owner, owner[loan])
    first = np.diff(owner, prepend=-1) > 0
    lacking = np.flatnonzero(first & ~with_loan & chance(rng, len(owner), _LOAN_FIRST))
    loans = np.flatnonzero(loan)
    spare = rng.permutation(loans[np.diff(owner[loans], prepend=-1) == 0])[: len(lacking)]
    lacking = lacking[: len(spare)]
    order[lacking], order[spare] = spare, lacking
    return order


def _amounts(drawn: Columns, rng: np.random.Generator) -> Columns:
    asked = rounded_to(drawn["AMT_APPLICATION"], 4.5)
    limit = 45_000.0 * rng.integers(1, 9, len(asked))
    granted = np.where(drawn["NAME_CONTRACT_STATUS"] == "Approved", limit, 0)
    credit = np.where(asked > 0, rounded_to(asked * drawn["CREDIT_TO_APPLICATION"], 4.5), granted)
    down = np.where(np.isnan(drawn["CNT_PAYMENT"]), np.nan, drawn["RATE_DOWN_PAYMENT"])
    return {
        "AMT_APPLICATION": asked,
        "AMT_CREDIT": credit,
        "AMT_ANNUITY": np.where(np.isnan(drawn["CNT_PAYMENT"]), np.nan, credit * drawn["ANNUITY_TO_CREDIT"]),
        "AMT_GOODS_PRICE": np.where(asked > 0, asked, np.nan),
        "RATE_DOWN_PAYMENT": down,
        "AMT_DOWN_PAYMENT": rounded_to(down * asked, 4.5),
    }


def _days(drawn: Columns) -> Columns:
    """Return the days of an approved contract, in order; 365243 where the day is not reached or does not exist."""
    approved = drawn["NAME_CONTRACT_STATUS"] == "Approved"
    card = drawn["NAME_CONTRACT_TYPE"] == "Revolving loans"
    decided = np.rint(drawn["DAYS_DECISION"])
    first = decided + np.rint(drawn["FIRST_DUE_DELAY"])
    planned = first + _DAYS_BETWEEN_INSTALMENTS * np.maximum(np.nan_to_num(drawn["CNT_PAYMENT"], nan=1) - 1, 0)
    last = first + np.rint((planned - first) * np.clip(drawn["TERM_SHARE"], 0, 1))
    closed = (last < 0) & ~card
    terminated = last + np.rint(drawn["TERMINATION_DELAY"])
    days = {
        "DAYS_FIRST_DRAWING": np.where(card & (first < -1), first - 30, NEVER),
        "DAYS_FIRST_DUE": np.where(first < 0, first, NEVER),
        "DAYS_LAST_DUE_1ST_VERSION": np.where(card, NEVER, planned),
        "DAYS_LAST_DUE": np.where(closed, last, NEVER),
        "DAYS_TERMINATION": np.where(closed & (terminated < 0), terminated, NEVER),
    }
    # The table knows the days of an approved contract if and only if it knows whether it was insured.
    known = approved & ~np.isnan(drawn["NFLAG_INSURED_ON_APPROVAL"])
    days["NFLAG_INSURED_ON_APPROVAL"] = drawn["NFLAG_INSURED_ON_APPROVAL"]
    return {name: np.where(known, values, np.nan) for name, values in days.items()} | {"DAYS_DECISION": decided}


def _contracts(columns: Columns, owner: NDArray[np.int64]) -> Contracts:
    payments = np.nan_to_num(columns["CNT_PAYMENT"].astype(float))
    return Contracts(
        ids=columns["SK_ID_PREV"],
        owner=owner,
        decided=columns["DAYS_DECISION"],
        first_due=_reached(columns["DAYS_FIRST_DUE"]),
        ended=_reached(columns["DAYS_LAST_DUE"]),
        payments=payments,
        annuity=np.round(np.nan_to_num(columns["AMT_ANNUITY"].astype(float)), 3),
    )


def _reached(days: NDArray[Any]) -> Floats:
    values: Floats = days.astype(float)
    return np.where(values == NEVER, np.nan, values)
