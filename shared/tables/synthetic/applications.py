"""Applications: one row per client, with the traits that the client's history follows, and the label."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from shared.tables.schema import NEVER
from shared.tables.synthetic.clients import Clients, Columns, chance, rounded_to
from shared.tables.synthetic.parameters import Floats, TableParameters
from shared.tables.synthetic.shapes import HOUSING

# How far full drift moves the test split's normal numbers, by column: poorer, younger, worse external scores.
_DRIFT: Final = {
    "AMT_INCOME_TOTAL": -0.7, "AMT_GOODS_PRICE": 0.4, "DAYS_BIRTH": 0.6, "DAYS_EMPLOYED": 0.5, "EXT_SOURCE_1": -0.7,
    "EXT_SOURCE_2": -0.8, "EXT_SOURCE_3": -0.7, "NAME_CONTRACT_TYPE": -0.6, "NAME_EDUCATION_TYPE": 0.4,
    "NAME_FAMILY_STATUS": 0.5, "CODE_GENDER": 0.4, "ORGANIZATION_TYPE": 0.5, "PAYMENT_RATE": 0.4,
}  # fmt: skip
_MISSING_DRIFT: Final = {"EXT_SOURCE_1": 0.6, "EXT_SOURCE_3": 0.7, "OCCUPATION_TYPE": 0.5, "HOUSING": 0.4}

# Columns that a source supplies together are missing together.
_MISSING_GROUPS: Final = {
    "HOUSING": (*(f"{name}_AVG" for name in HOUSING), "TOTALAREA_MODE", "FONDKAPREMONT_MODE", "HOUSETYPE_MODE",
                "WALLSMATERIAL_MODE", "EMERGENCYSTATE_MODE"),
    "REQUESTS": tuple(f"AMT_REQ_CREDIT_BUREAU_{span}" for span in ("HOUR", "DAY", "WEEK", "MON", "QRT", "YEAR")),
    "SOCIAL_CIRCLE": ("OBS_30_CNT_SOCIAL_CIRCLE", "DEF_30_CNT_SOCIAL_CIRCLE"),
}  # fmt: skip
_COHERENCE: Final = 0.99
_LARGE_CIRCLE: Final = 5

# What each normal number adds to the log-odds of default; signs and order follow the public solutions' findings.
_RISK: Final = {
    "EXT_SOURCE_1": -0.28, "EXT_SOURCE_2": -0.36, "EXT_SOURCE_3": -0.38, "DAYS_BIRTH": 0.08, "DAYS_EMPLOYED": 0.12,
    "CODE_GENDER": 0.12, "NAME_EDUCATION_TYPE": 0.14, "ORGANIZATION_TYPE": 0.08, "OCCUPATION_TYPE": 0.06,
    "FLAG_OWN_CAR": 0.06, "DAYS_ID_PUBLISH": 0.05, "REGION_RATING_CLIENT_W_CITY": 0.07, "CREDIT_TO_GOODS": 0.14,
    "DEF_30_CNT_SOCIAL_CIRCLE": 0.06,
}  # fmt: skip
_TRAIT_RISK: Final = {"debt": 0.18, "lateness": 0.24, "refusal": 0.14, "card_use": 0.08}
_INTERCEPT: Final = -3.07
# How much each trait is explained by the external scores, which bureaus derive from the same behaviour.
_TRAIT_FROM_SCORES: Final = {"debt": -0.30, "lateness": -0.35, "refusal": -0.30, "card_use": -0.20}


def draw_applications(
    parameters: TableParameters,
    rng: np.random.Generator,
    ids: NDArray[np.int64],
    in_test: NDArray[np.bool_],
    drift: float,
) -> tuple[Clients, Columns]:
    """Return a block of clients and their columns, TARGET included; drift (0 to 1) moves those of the test split."""
    moved: Floats = drift * in_test.astype(np.float64)
    normals = {
        name: normal + moved * _DRIFT.get(name, 0.0) for name, normal in parameters.normals(rng, len(ids)).items()
    }
    absences = _absences(parameters, rng, moved)
    columns: Columns = {name: column.draw(normals[name], absences[name]) for name, column in parameters.columns.items()}
    columns["SK_ID_CURR"] = ids
    _settle_employment(columns)
    _settle_amounts(columns, rng)
    _settle_household(columns)
    _settle_housing(columns, rng)
    clients = Clients(ids, in_test, _traits(normals, rng))
    columns["TARGET"] = (rng.random(len(ids)) < expit(_log_odds(normals, clients))).astype(np.int64)
    return clients, columns


def _absences(parameters: TableParameters, rng: np.random.Generator, moved: Floats) -> dict[str, Floats]:
    """Return the normal numbers that decide, per column, whose value is missing."""
    absences = {
        name: rng.standard_normal(len(moved)) - moved * _MISSING_DRIFT.get(name, 0.0) for name in parameters.columns
    }
    for group, names in _MISSING_GROUPS.items():
        together = rng.standard_normal(len(moved)) - moved * _MISSING_DRIFT.get(group, 0.0)
        for name in names:
            own = 0.0 if group != "HOUSING" else np.sqrt(1 - _COHERENCE**2) * absences[name]
            absences[name] = together if group != "HOUSING" else _COHERENCE * together + own
    return absences


def _settle_employment(columns: Columns) -> None:
    """Give those without work the values that the real tables have for them."""
    idle = np.isin(columns["NAME_INCOME_TYPE"], ["Pensioner", "Unemployed"])
    columns["DAYS_EMPLOYED"] = np.where(
        idle, NEVER, np.maximum(columns["DAYS_EMPLOYED"], columns["DAYS_BIRTH"] + 18 * 365)
    )
    columns["ORGANIZATION_TYPE"] = np.where(idle, "XNA", columns["ORGANIZATION_TYPE"])
    columns["OCCUPATION_TYPE"] = np.where(idle, np.array(None), columns["OCCUPATION_TYPE"])
    columns["FLAG_EMP_PHONE"] = np.where(idle, 0, columns["FLAG_EMP_PHONE"])
    columns["OWN_CAR_AGE"] = np.where(columns["FLAG_OWN_CAR"] == "Y", columns["OWN_CAR_AGE"], np.nan)


def _settle_amounts(columns: Columns, rng: np.random.Generator) -> None:
    """Derive credit and annuity from the goods' price; a revolving loan is its limit, repaid at 5 % a month."""
    revolving = columns["NAME_CONTRACT_TYPE"] == "Revolving loans"
    goods = np.nan_to_num(columns["AMT_GOODS_PRICE"].astype(float), nan=450_000.0)
    goods = np.maximum(np.where(revolving, rounded_to(goods, 45_000), rounded_to(goods, 4_500)), 40_500)
    credit = np.where(revolving, goods, rounded_to(goods * columns["CREDIT_TO_GOODS"].astype(float), 4.5))
    annuity = np.where(revolving, 0.05 * credit, rounded_to(credit * columns["PAYMENT_RATE"].astype(float), 4.5))
    columns["AMT_INCOME_TOTAL"] = rounded_to(columns["AMT_INCOME_TOTAL"], 450)
    columns["AMT_GOODS_PRICE"] = np.where(chance(rng, len(goods), 0.0003), np.nan, goods)
    columns["AMT_CREDIT"] = np.maximum(credit, 45_000)
    columns["AMT_ANNUITY"] = np.where(chance(rng, len(goods), 0.0003), np.nan, annuity)


def _settle_household(columns: Columns) -> None:
    couple = np.isin(columns["NAME_FAMILY_STATUS"], ["Married", "Civil marriage"])
    columns["CNT_FAM_MEMBERS"] = columns["CNT_CHILDREN"] + 1 + couple
    seen = columns["OBS_30_CNT_SOCIAL_CIRCLE"]
    columns["DEF_30_CNT_SOCIAL_CIRCLE"] = np.minimum(columns["DEF_30_CNT_SOCIAL_CIRCLE"], seen)
    columns["OBS_60_CNT_SOCIAL_CIRCLE"] = seen
    columns["DEF_60_CNT_SOCIAL_CIRCLE"] = np.maximum(columns["DEF_30_CNT_SOCIAL_CIRCLE"] - (seen > _LARGE_CIRCLE), 0)


def _settle_housing(columns: Columns, rng: np.random.Generator) -> None:
    """Let the building's mode and median be its average, or a little off it."""
    for name in HOUSING:
        average = columns[f"{name}_AVG"]
        for kind, same in (("MODE", 0.6), ("MEDI", 0.8)):
            off = 1 + 0.05 * rng.standard_normal(len(average)) * (rng.random(len(average)) > same)
            columns[f"{name}_{kind}"] = np.round(np.clip(average * off, 0, 1), 4)
        columns[f"{name}_AVG"] = np.round(average, 4)


def _traits(normals: dict[str, Floats], rng: np.random.Generator) -> dict[str, Floats]:
    scores = (normals["EXT_SOURCE_1"] + normals["EXT_SOURCE_2"] + normals["EXT_SOURCE_3"]) / np.sqrt(3.9)
    traits = {
        name: share * scores + np.sqrt(1 - share**2) * rng.standard_normal(len(scores))
        for name, share in _TRAIT_FROM_SCORES.items()
    }
    return traits | {"income": normals["AMT_INCOME_TOTAL"]}


def _log_odds(normals: dict[str, Floats], clients: Clients) -> Floats:
    """Return the log-odds of default: mostly additive, with interactions that a linear model cannot follow."""
    traits = clients.traits
    total = np.full(len(clients.ids), _INTERCEPT)
    for name, weight in _RISK.items():
        total += weight * normals[name]
    for name, weight in _TRAIT_RISK.items():
        total += weight * traits[name]
    # Debt hurts those who pay late, a low score hurts the young, very low and very high rates of repayment hurt.
    total += 0.30 * np.maximum(traits["lateness"], 0) * np.maximum(traits["debt"], 0)
    total += -0.18 * normals["EXT_SOURCE_2"] * np.maximum(normals["DAYS_BIRTH"], 0)
    total += 0.13 * (normals["PAYMENT_RATE"] ** 2 - 1)
    return total
