"""The reference features as most people would write them: pandas, `get_dummies`, `groupby`, one table after another.

It follows the public script that these features come from, with its per-row lambdas written as vector operations, so
that what is measured against is good pandas rather than slow Python. Nothing of the product is imported.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

Functions = Mapping[str, Sequence[str]]

NEVER = 365243
CLIENT = "SK_ID_CURR"
ALL = ["min", "max", "mean", "sum", "var"]
BUREAU: Functions = {
    "DAYS_CREDIT": ["min", "max", "mean", "var"],
    "DAYS_CREDIT_ENDDATE": ["min", "max", "mean"],
    "DAYS_CREDIT_UPDATE": ["mean"],
    "CREDIT_DAY_OVERDUE": ["max", "mean"],
    "AMT_CREDIT_MAX_OVERDUE": ["mean"],
    "AMT_CREDIT_SUM": ["max", "mean", "sum"],
    "AMT_CREDIT_SUM_DEBT": ["max", "mean", "sum"],
    "AMT_CREDIT_SUM_OVERDUE": ["mean"],
    "AMT_CREDIT_SUM_LIMIT": ["mean", "sum"],
    "AMT_ANNUITY": ["max", "mean"],
    "CNT_CREDIT_PROLONG": ["sum"],
    "MONTHS_BALANCE_MIN": ["min"],
    "MONTHS_BALANCE_MAX": ["max"],
    "MONTHS_BALANCE_SIZE": ["mean", "sum"],
}
PREVIOUS: Functions = {
    "AMT_ANNUITY": ["min", "max", "mean"],
    "AMT_APPLICATION": ["min", "max", "mean"],
    "AMT_CREDIT": ["min", "max", "mean"],
    "APP_CREDIT_PERC": ["min", "max", "mean", "var"],
    "AMT_DOWN_PAYMENT": ["min", "max", "mean"],
    "AMT_GOODS_PRICE": ["min", "max", "mean"],
    "HOUR_APPR_PROCESS_START": ["min", "max", "mean"],
    "RATE_DOWN_PAYMENT": ["min", "max", "mean"],
    "DAYS_DECISION": ["min", "max", "mean"],
    "CNT_PAYMENT": ["mean", "sum"],
}
POINT_OF_SALE: Functions = {
    "MONTHS_BALANCE": ["max", "mean", "size"],
    "SK_DPD": ["max", "mean"],
    "SK_DPD_DEF": ["max", "mean"],
}
INSTALMENTS: Functions = {
    "NUM_INSTALMENT_VERSION": ["nunique"],
    "DPD": ["max", "mean", "sum"],
    "DBD": ["max", "mean", "sum"],
    "PAYMENT_PERC": ["max", "mean", "sum", "var"],
    "PAYMENT_DIFF": ["max", "mean", "sum", "var"],
    "AMT_INSTALMENT": ["max", "mean", "sum"],
    "AMT_PAYMENT": ["min", "max", "mean", "sum"],
    "DAYS_ENTRY_PAYMENT": ["max", "mean", "sum"],
}


def build(directory: Path, file_format: str) -> pd.DataFrame:
    """Return one row per application, indexed by SK_ID_CURR: TARGET and the 771 features."""
    features = _applications(directory, file_format)
    for part in (_bureau, _previous, _point_of_sale, _instalments, _credit_card):
        features = features.join(part(directory, file_format), how="left")
    return features


def _read(directory: Path, file_format: str, table: str) -> pd.DataFrame:
    path = directory / f"{table}.{file_format}"
    return pd.read_csv(path) if file_format == "csv" else pd.read_parquet(path)


def _one_hot(frame: pd.DataFrame, *, missing: bool) -> tuple[pd.DataFrame, list[str]]:
    texts = list(frame.select_dtypes(["object", "string", "category"]).columns)
    encoded = pd.get_dummies(frame, columns=texts, dummy_na=missing)
    return encoded, [column for column in encoded.columns if column not in frame.columns]


def _ratio(left: pd.Series, right: pd.Series) -> pd.Series:
    return (left / right).replace([np.inf, -np.inf], np.nan)


def _aggregate(frame: pd.DataFrame, key: str, functions: Functions, prefix: str) -> pd.DataFrame:
    aggregated = frame.groupby(key).agg({column: list(names) for column, names in functions.items()})
    aggregated.columns = pd.Index([f"{prefix}{column}_{name.upper()}" for column, name in aggregated.columns])
    return aggregated


def _means(columns: Sequence[str]) -> Functions:
    return {column: ["mean"] for column in columns}


def _applications(directory: Path, file_format: str) -> pd.DataFrame:
    tables = [_read(directory, file_format, f"application_{name}") for name in ("train", "test")]
    frame = pd.concat(tables, ignore_index=True)
    frame = frame[frame["CODE_GENDER"] != "XNA"]
    for column, codes in {
        "CODE_GENDER": {"M": 0, "F": 1},
        "FLAG_OWN_CAR": {"N": 0, "Y": 1},
        "FLAG_OWN_REALTY": {"Y": 0, "N": 1},
    }.items():
        frame[column] = frame[column].astype("str").map(codes)
    frame, _ = _one_hot(frame, missing=False)
    frame["DAYS_EMPLOYED"] = frame["DAYS_EMPLOYED"].replace(NEVER, np.nan)
    ratios = {
        "DAYS_EMPLOYED_PERC": _ratio(frame["DAYS_EMPLOYED"], frame["DAYS_BIRTH"]),
        "INCOME_CREDIT_PERC": _ratio(frame["AMT_INCOME_TOTAL"], frame["AMT_CREDIT"]),
        "INCOME_PER_PERSON": _ratio(frame["AMT_INCOME_TOTAL"], frame["CNT_FAM_MEMBERS"]),
        "ANNUITY_INCOME_PERC": _ratio(frame["AMT_ANNUITY"], frame["AMT_INCOME_TOTAL"]),
        "PAYMENT_RATE": _ratio(frame["AMT_ANNUITY"], frame["AMT_CREDIT"]),
    }
    return pd.concat([frame, pd.DataFrame(ratios)], axis=1).set_index(CLIENT)


def _bureau(directory: Path, file_format: str) -> pd.DataFrame:
    balance, states = _one_hot(_read(directory, file_format, "bureau_balance"), missing=True)
    monthly = {"MONTHS_BALANCE": ["min", "max", "size"], **_means(states)}
    per_credit = _aggregate(balance, "SK_ID_BUREAU", monthly, "")
    del balance
    bureau, levels = _one_hot(_read(directory, file_format, "bureau"), missing=True)
    bureau = bureau.join(per_credit, how="left", on="SK_ID_BUREAU")
    shares = _means([*levels, *(f"{state}_MEAN" for state in states)])
    features = _aggregate(bureau, CLIENT, {**BUREAU, **shares}, "BURO_")
    for level in ("Active", "Closed"):
        rows = bureau[bureau[f"CREDIT_ACTIVE_{level}"]]
        features = features.join(_aggregate(rows, CLIENT, BUREAU, f"{level.upper()}_"), how="left")
    return features


def _previous(directory: Path, file_format: str) -> pd.DataFrame:
    previous, levels = _one_hot(_read(directory, file_format, "previous_application"), missing=True)
    previous["APP_CREDIT_PERC"] = _ratio(previous["AMT_APPLICATION"], previous["AMT_CREDIT"])
    features = _aggregate(previous, CLIENT, {**PREVIOUS, **_means(levels)}, "PREV_")
    for level in ("Approved", "Refused"):
        rows = previous[previous[f"NAME_CONTRACT_STATUS_{level}"]]
        features = features.join(_aggregate(rows, CLIENT, PREVIOUS, f"{level.upper()}_"), how="left")
    return features


def _point_of_sale(directory: Path, file_format: str) -> pd.DataFrame:
    rows, levels = _one_hot(_read(directory, file_format, "POS_CASH_balance"), missing=True)
    features = _aggregate(rows, CLIENT, {**POINT_OF_SALE, **_means(levels)}, "POS_")
    features["POS_COUNT"] = rows.groupby(CLIENT).size()
    return features


def _instalments(directory: Path, file_format: str) -> pd.DataFrame:
    rows = _read(directory, file_format, "installments_payments")
    rows["PAYMENT_PERC"] = _ratio(rows["AMT_PAYMENT"], rows["AMT_INSTALMENT"])
    rows["PAYMENT_DIFF"] = rows["AMT_INSTALMENT"] - rows["AMT_PAYMENT"]
    days_late = rows["DAYS_ENTRY_PAYMENT"] - rows["DAYS_INSTALMENT"]
    rows["DPD"] = days_late.clip(lower=0).fillna(0)
    rows["DBD"] = (-days_late).clip(lower=0).fillna(0)
    features = _aggregate(rows, CLIENT, INSTALMENTS, "INSTAL_")
    features["INSTAL_COUNT"] = rows.groupby(CLIENT).size()
    return features


def _credit_card(directory: Path, file_format: str) -> pd.DataFrame:
    rows, _ = _one_hot(_read(directory, file_format, "credit_card_balance").drop(columns="SK_ID_PREV"), missing=True)
    features = _aggregate(rows, CLIENT, {column: ALL for column in rows.columns if column != CLIENT}, "CC_")
    features["CC_COUNT"] = rows.groupby(CLIENT).size()
    return features
