"""The plain rows of single applicants, cut out of whole tables."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import polars as pl

from shared.features.applicant import Row

_HISTORIES = ("bureau", "previous_application", "POS_CASH_balance", "installments_payments", "credit_card_balance")


@dataclass
class ApplicantRows:
    """An application and the rows of its history by table; the cells as the tables have them, None where missing."""

    application: Row
    history: dict[str, list[Row]] = field(default_factory=dict)


def applicant_rows(tables: Mapping[str, pl.LazyFrame], clients: Collection[int]) -> dict[int, ApplicantRows]:
    """Return the rows of the clients by SK_ID_CURR, in the order of the tables."""
    found: dict[int, ApplicantRows] = {}
    for table in ("application_train", "application_test"):
        for row in _of(tables[table], "SK_ID_CURR", clients):
            found[row["SK_ID_CURR"]] = ApplicantRows(row)
    owners: dict[int, int] = {}
    for table in _HISTORIES:
        for row in _of(tables[table], "SK_ID_CURR", clients):
            if row["SK_ID_CURR"] in found:
                found[row["SK_ID_CURR"]].history.setdefault(table, []).append(row)
                if table == "bureau":
                    owners[row["SK_ID_BUREAU"]] = row["SK_ID_CURR"]
    for row in _of(tables["bureau_balance"], "SK_ID_BUREAU", owners):
        found[owners[row["SK_ID_BUREAU"]]].history.setdefault("bureau_balance", []).append(row)
    return found


def _of(frame: pl.LazyFrame, key: str, wanted: Collection[int]) -> list[dict[str, int]]:
    return frame.filter(pl.col(key).is_in(list(wanted))).collect().to_dicts()
