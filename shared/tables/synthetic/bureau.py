"""Credits that other lenders reported to the bureau, and their monthly status."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from shared.tables.schema import TABLES
from shared.tables.synthetic.clients import DAYS_PER_MONTH, Clients, Columns, mixed, owners, positions, table
from shared.tables.synthetic.parameters import Floats, TableParameters

FIRST_BUREAU_ID: Final = 5_000_001
_LONGEST_HISTORY: Final = 96


def draw_bureau(
    parameters: Mapping[str, TableParameters], rng: np.random.Generator, clients: Clients, first_id: int
) -> tuple[dict[str, pl.DataFrame], int]:
    """Return bureau and bureau_balance of a block of clients, and the next free SK_ID_BUREAU."""
    measured = parameters["bureau"]
    owner = _owners(measured, rng, clients)
    columns = _credits(measured, rng, clients, owner)
    columns["SK_ID_CURR"] = clients.ids[owner]
    columns["SK_ID_BUREAU"] = np.arange(first_id, first_id + len(owner))
    balance = _balances(parameters["bureau_balance"], rng, clients, owner, columns)
    frames = {
        "bureau": table(TABLES["bureau"], columns, rng),
        "bureau_balance": table(TABLES["bureau_balance"], balance, rng),
    }
    return frames, first_id + len(owner)


def _owners(measured: TableParameters, rng: np.random.Generator, clients: Clients) -> NDArray[np.int64]:
    normal = rng.standard_normal(len(clients.ids))
    everyone = np.arange(len(clients.ids))
    return owners(measured.columns["ROWS_PER_CLIENT"], mixed(normal, everyone, (clients.traits["debt"], 0.15)))


def _credits(
    measured: TableParameters, rng: np.random.Generator, clients: Clients, owner: NDArray[np.int64]
) -> Columns:
    normals, absent = measured.normals(rng, len(owner)), rng.standard_normal((len(measured.columns), len(owner)))
    debt, lateness, income = (clients.traits[name] for name in ("debt", "lateness", "income"))
    loadings = {
        "CREDIT_TYPE": [(debt, 0.15)],
        "CREDIT_ACTIVE": [(debt, 0.30)],
        "DAYS_CREDIT": [(debt, 0.25)],
        "AMT_CREDIT_SUM": [(income, 0.30)],
        "DEBT_SHARE": [(debt, 0.55)],
        "CREDIT_DAY_OVERDUE": [(lateness, 0.45), (debt, 0.20)],
        "AMT_CREDIT_MAX_OVERDUE": [(lateness, 0.50)],
        "CNT_CREDIT_PROLONG": [(lateness, 0.30)],
    }
    for name, loaded in loadings.items():
        normals[name] = mixed(normals[name], owner, *loaded)
    drawn: Columns = {}
    by_active = (
        "DAYS_CREDIT",
        "UPDATE_SHARE",
        "CREDIT_DAY_OVERDUE",
        "AMT_CREDIT_MAX_OVERDUE",
        "DEBT_SHARE",
        "AMT_ANNUITY",
    )
    for row, (name, column) in enumerate(measured.columns.items()):
        if name != "ROWS_PER_CLIENT":
            kind = drawn.get("CREDIT_ACTIVE" if name in by_active else "CREDIT_TYPE")
            drawn[name] = column.draw(normals[name], absent[row], kind)
    return _settled(drawn)


def _settled(drawn: Columns) -> Columns:
    """Turn shares and durations into amounts and days that agree within a row."""
    day, amount = np.rint(drawn["DAYS_CREDIT"]), np.round(np.maximum(drawn["AMT_CREDIT_SUM"], 0), 2)
    closed = drawn["CREDIT_ACTIVE"] == "Closed"
    ended = np.where(closed, np.minimum(day - day * drawn["END_SHARE"], -1), np.nan)
    updated = np.minimum(day - day * np.nan_to_num(drawn["UPDATE_SHARE"], nan=1.0), 0)
    overdue = drawn["CREDIT_DAY_OVERDUE"] > 0
    return drawn | {
        "DAYS_CREDIT_ENDDATE": day + drawn["DURATION"],
        "DAYS_ENDDATE_FACT": ended,
        "DAYS_CREDIT_UPDATE": np.where(closed, np.maximum(updated, np.nan_to_num(ended, nan=-1.0)), updated),
        "AMT_CREDIT_SUM": amount,
        "AMT_CREDIT_SUM_DEBT": amount * drawn["DEBT_SHARE"],
        "AMT_CREDIT_SUM_OVERDUE": np.where(overdue, amount * np.nan_to_num(drawn["OVERDUE_SHARE"]), 0),
    }


def _balances(
    measured: TableParameters,
    rng: np.random.Generator,
    clients: Clients,
    owner: NDArray[np.int64],
    credits_: Columns,
) -> Columns:
    """Return one row per month from the credit's start to today, 'C' from its end on, for the clients covered."""
    covered = rng.random(len(clients.ids)) < measured.facts["clients"]
    age = (-credits_["DAYS_CREDIT"] / DAYS_PER_MONTH).astype(np.int64) + 1
    lengths = np.where(covered[owner], np.minimum(age, _LONGEST_HISTORY + 1), 0)
    run, place = positions(lengths)
    ended = np.nan_to_num(credits_["DAYS_ENDDATE_FACT"], nan=1.0)[run] / DAYS_PER_MONTH
    normal = _status_normals(rng, clients, owner, run)
    status = measured.columns["STATUS"].draw(normal)
    return {
        "SK_ID_BUREAU": credits_["SK_ID_BUREAU"][run],
        "MONTHS_BALANCE": -place,
        "STATUS": np.where(-place > ended, "C", status),
    }


def _status_normals(
    rng: np.random.Generator, clients: Clients, owner: NDArray[np.int64], run: NDArray[np.int64]
) -> Floats:
    """Return numbers that agree within a credit: whether anything is reported at all differs between credits."""
    per_credit = mixed(rng.standard_normal(len(owner)), owner, (clients.traits["lateness"], 0.40))
    return mixed(rng.standard_normal(len(run)), run, (per_credit, 0.80))
