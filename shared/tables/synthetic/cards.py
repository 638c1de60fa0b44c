"""Credit cards: the monthly balance of each revolving contract, and the minimum instalments it called for."""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri

from shared.tables.schema import TABLES
from shared.tables.synthetic.clients import (
    DAYS_PER_MONTH,
    Clients,
    Columns,
    chance,
    mixed,
    positions,
    rounded_to,
    table,
    tolerated,
)
from shared.tables.synthetic.loans import Contracts
from shared.tables.synthetic.parameters import Floats, TableParameters

_LONGEST_HISTORY = 96
# Normal numbers of lateness above which only half of a minimum instalment is paid: 2 % of them.
_PARTLY_PAID = 2.0
_DRAWINGS = ("ATM", "POS", "OTHER")


def draw_cards(
    measured: TableParameters, rng: np.random.Generator, clients: Clients, cards: Contracts
) -> tuple[pl.DataFrame, Columns]:
    """Return credit_card_balance, one row per month since the contract began, and its rows of installments_payments."""
    months = np.clip(np.floor(-cards.decided / DAYS_PER_MONTH), 0, _LONGEST_HISTORY).astype(np.int64)
    run, place = positions(months)
    card_use = (clients.traits["card_use"], 0.30)
    used = mixed(rng.standard_normal(len(months)), cards.owner, card_use) > -ndtri(measured.facts["used"])
    columns = _balances(measured, rng, (clients, cards, run), used)
    unknown = _of_unused(rng, used, measured.facts["unknown_drawings"])[run]
    columns |= _drawings(measured, rng, columns, unknown)
    columns |= {
        "AMT_PAYMENT_CURRENT": np.where(unknown, np.nan, columns["AMT_PAYMENT_TOTAL_CURRENT"]),
        "SK_ID_PREV": cards.ids[run],
        "SK_ID_CURR": clients.ids[cards.owner[run]],
        "MONTHS_BALANCE": place - months[run],
        "NAME_CONTRACT_STATUS": measured.columns["STATUS"].draw(rng.standard_normal(len(run))),
        "CNT_INSTALMENT_MATURE_CUM": _matured(columns, run),
    }
    unreported = chance(rng, len(run), 0.07)
    for name in ("AMT_INST_MIN_REGULARITY", "CNT_INSTALMENT_MATURE_CUM"):
        columns[name] = np.where(unreported, np.nan, columns[name])
    return table(TABLES["credit_card_balance"], columns, rng), _instalments(columns, rng, clients, cards.owner[run])


def _balances(
    measured: TableParameters,
    rng: np.random.Generator,
    rows: tuple[Clients, Contracts, NDArray[np.int64]],
    used: NDArray[np.bool_],
) -> Columns:
    clients, cards, run = rows
    use, lateness = clients.traits["card_use"], clients.traits["lateness"]
    per_card = mixed(rng.standard_normal(len(used)), cards.owner, (use, 0.60))
    limits = mixed(rng.standard_normal(len(used)), cards.owner, (clients.traits["income"], 0.40))
    limit = rounded_to(measured.columns["AMT_CREDIT_LIMIT_ACTUAL"].draw(limits), 4500)
    limit = np.where(_of_unused(rng, used, measured.facts["no_limit"]), 0, limit)[run]
    level = measured.columns["UTILISATION"].draw(mixed(rng.standard_normal(len(run)), run, (per_card, 0.85)))
    owing = used[run] & (chance(rng, len(run), measured.facts["owing"]))
    balance = np.where(owing, limit * level, 0)
    normals = measured.normals(rng, len(run))
    minimum = balance * np.clip(measured.columns["MINIMUM_SHARE"].draw(normals["MINIMUM_SHARE"]), 0, 0.06)
    pays = chance(rng, len(run), measured.facts["paid"])
    paid = pays * balance * np.clip(measured.columns["PAYMENT_SHARE"].draw(normals["PAYMENT_SHARE"]), 0, 1.2)
    late = mixed(rng.standard_normal(len(run)), cards.owner[run], (lateness, 0.45))
    overdue = owing & (late > -ndtri(measured.facts["overdue"]))
    dpd = np.where(overdue, measured.columns["SK_DPD"].draw(normals["SK_DPD"]), 0)
    principal = balance * np.clip(measured.columns["PRINCIPAL_SHARE"].draw(normals["PRINCIPAL_SHARE"]), 0, 1)
    return {
        "AMT_BALANCE": balance,
        "AMT_CREDIT_LIMIT_ACTUAL": limit,
        "AMT_INST_MIN_REGULARITY": minimum,
        "AMT_PAYMENT_TOTAL_CURRENT": paid,
        "AMT_RECEIVABLE_PRINCIPAL": principal,
        "AMT_RECIVABLE": balance,
        "AMT_TOTAL_RECEIVABLE": balance,
        "SK_DPD": dpd,
        "SK_DPD_DEF": tolerated(rng, dpd, 0.3),
    }


def _of_unused(rng: np.random.Generator, used: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """Return a share of all cards, chosen among those that were never used."""
    unused = max(float(1 - used.mean()), share) if len(used) else 1.0
    result: NDArray[np.bool_] = ~used & chance(rng, len(used), share / unused)
    return result


def _drawings(
    measured: TableParameters, rng: np.random.Generator, columns: Columns, unknown: NDArray[np.bool_]
) -> Columns:
    rows, limit, owing = len(unknown), columns["AMT_CREDIT_LIMIT_ACTUAL"], columns["AMT_BALANCE"] > 0
    amounts = {kind: np.zeros(rows) for kind in _DRAWINGS}
    counts = {kind: np.zeros(rows) for kind in _DRAWINGS}
    for kind in ("ATM", "POS"):
        drawn = owing & chance(rng, rows, measured.facts[f"{kind.lower()}_drawn"])
        share = np.minimum(measured.columns[f"{kind}_SHARE"].draw(rng.standard_normal(rows)), 1)
        number = measured.columns[f"CNT_DRAWINGS_{kind}_CURRENT"].draw(rng.standard_normal(rows))
        amounts[kind] = np.where(drawn, np.maximum(rounded_to(limit * share, 2.25), 2.25), 0)
        counts[kind] = np.where(drawn, np.maximum(np.rint(number), 1), 0)
    drawn = owing & chance(rng, rows, 0.004)
    amounts["OTHER"], counts["OTHER"] = np.where(drawn, rounded_to(limit * 0.1, 4.5), 0), drawn.astype(float)
    result: Columns = {
        "AMT_DRAWINGS_CURRENT": _total(amounts),
        "CNT_DRAWINGS_CURRENT": _total(counts),
    }
    for kind in _DRAWINGS:
        result[f"AMT_DRAWINGS_{kind}_CURRENT"] = np.where(unknown, np.nan, amounts[kind])
        result[f"CNT_DRAWINGS_{kind}_CURRENT"] = np.where(unknown, np.nan, counts[kind])
    return result


def _total(parts: dict[str, Floats]) -> Floats:
    total: Floats = np.sum(list(parts.values()), axis=0)
    return total


def _matured(columns: Columns, run: NDArray[np.int64]) -> Floats:
    """Return how many minimum instalments a card has called for up to each month."""
    due = (columns["AMT_INST_MIN_REGULARITY"] > 0).astype(np.float64)
    total = np.cumsum(due)
    starts = np.flatnonzero(np.diff(run, prepend=-1))
    before: Floats = np.repeat(total[starts] - due[starts], np.diff(np.append(starts, len(run))))
    return total - before


def _instalments(columns: Columns, rng: np.random.Generator, clients: Clients, owner: NDArray[np.int64]) -> Columns:
    """Return the minimum instalments as rows of installments_payments, whose version is 0 for cards."""
    rows = np.flatnonzero(np.nan_to_num(columns["AMT_INST_MIN_REGULARITY"]) > 0)
    late = mixed(rng.standard_normal(len(rows)), owner[rows], (clients.traits["lateness"], 0.60))
    due = np.floor(columns["MONTHS_BALANCE"][rows] * DAYS_PER_MONTH)
    amount = columns["AMT_INST_MIN_REGULARITY"][rows]
    return {
        "SK_ID_PREV": columns["SK_ID_PREV"][rows],
        "SK_ID_CURR": columns["SK_ID_CURR"][rows],
        "NUM_INSTALMENT_VERSION": np.zeros(len(rows)),
        "NUM_INSTALMENT_NUMBER": columns["CNT_INSTALMENT_MATURE_CUM"][rows],
        "DAYS_INSTALMENT": due,
        "DAYS_ENTRY_PAYMENT": np.minimum(due + np.where(late > 1, np.rint(5 * late), 0), -1),
        "AMT_INSTALMENT": amount,
        "AMT_PAYMENT": np.where(
            late > _PARTLY_PAID, 0.5 * amount, np.maximum(columns["AMT_PAYMENT_TOTAL_CURRENT"][rows], amount)
        ),
    }
