"""Synthetic tables look like the real ones: keys, shares, missing values, sentinels, defaults, signal, drift."""

from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from shared.features.building import build_features
from shared.features.levels import fit_levels
from shared.tables.reading import open_tables
from shared.tables.schema import NEVER, TABLES
from shared.tables.synthesizing import synthesize

_HISTORIES = ("bureau", "previous_application", "POS_CASH_balance", "installments_payments", "credit_card_balance")
# Measured on the 10,000 real clients: rows per client, and the share of clients with any.
_ROWS_PER_CLIENT = {
    "bureau": (4.92, 0.86),
    "previous_application": (4.91, 0.97),
    "POS_CASH_balance": (28.8, 0.97),
    "installments_payments": (26.8, 0.97),
    "credit_card_balance": (11.3, 0.31),
}


def _share(frame: pl.DataFrame, condition: pl.Expr) -> float:
    return float(frame.select(condition.mean()).item())


def _features(directory: Path) -> pl.DataFrame:
    frames = open_tables(directory).frames
    return build_features(frames, fit_levels(frames)).frame


@pytest.fixture(scope="module")
def features(synthetic_directory: Path) -> pl.DataFrame:
    """Return the features of the synthetic applicants."""
    return _features(synthetic_directory)


def test_about_eight_percent_of_the_labelled_default(synthetic: dict[str, pl.DataFrame]) -> None:
    """Kaggle's share is 8.1 %; three standard errors at this size are 1.4 points."""
    assert synthetic["application_train"]["TARGET"].mean() == pytest.approx(0.081, abs=0.014)


def test_about_one_applicant_in_seven_is_unlabelled(synthetic: dict[str, pl.DataFrame]) -> None:
    """As on Kaggle: 48,744 of 356,255, spread evenly over the applicants."""
    assert synthetic["application_test"].height == pytest.approx(0.1368 * 4_000, abs=2)


@pytest.mark.parametrize("table", _HISTORIES)
def test_clients_have_as_much_history_as_real_ones(synthetic: dict[str, pl.DataFrame], table: str) -> None:
    """Rows per client within a quarter, clients with any within a tenth of all."""
    rows, clients = _ROWS_PER_CLIENT[table]

    assert synthetic[table].height / 4_000 == pytest.approx(rows, rel=0.25)
    assert synthetic[table]["SK_ID_CURR"].n_unique() / 4_000 == pytest.approx(clients, abs=0.1)


def test_history_belongs_to_applicants(synthetic: dict[str, pl.DataFrame]) -> None:
    """In every table with clients, labelled or not."""
    applicants = synthetic["application"]["SK_ID_CURR"].implode()

    assert all(synthetic[table]["SK_ID_CURR"].is_in(applicants).all() for table in _HISTORIES)
    assert synthetic["bureau_balance"]["SK_ID_BUREAU"].is_in(synthetic["bureau"]["SK_ID_BUREAU"].implode()).all()


def test_a_contract_has_one_client_and_is_mostly_in_previous_application(synthetic: dict[str, pl.DataFrame]) -> None:
    """Some are not, as in the real tables: 5 % of the loans, and the oldest eighth of the cards."""
    previous = synthetic["previous_application"].select("SK_ID_PREV", owner="SK_ID_CURR")

    for table, orphans in (("POS_CASH_balance", 0.045), ("credit_card_balance", 0.123)):
        contracts = synthetic[table].select("SK_ID_PREV", "SK_ID_CURR").unique()
        joined = contracts.join(previous, on="SK_ID_PREV", how="left")
        assert not contracts["SK_ID_PREV"].is_duplicated().any()
        assert (joined["owner"].is_null() | (joined["owner"] == joined["SK_ID_CURR"])).all()
        assert joined["owner"].is_null().mean() == pytest.approx(orphans, abs=0.03)


def test_a_month_of_a_contract_is_reported_once(synthetic: dict[str, pl.DataFrame]) -> None:
    """A second row would count the month twice."""
    keys = {"POS_CASH_balance": "SK_ID_PREV", "credit_card_balance": "SK_ID_PREV", "bureau_balance": "SK_ID_BUREAU"}

    for table, key in keys.items():
        assert not synthetic[table].select(key, "MONTHS_BALANCE").is_duplicated().any()
        assert synthetic[table]["MONTHS_BALANCE"].max() <= 0  # type: ignore[operator]  # a number, but typed wider


def test_rows_of_a_client_are_not_next_to_each_other(synthetic: dict[str, pl.DataFrame]) -> None:
    """Code that takes the real tables for grouped breaks on them; it shall break here too."""
    owners = synthetic["installments_payments"]["SK_ID_CURR"]

    assert (owners == owners.shift()).mean() < 0.05  # type: ignore[operator]  # a number, but typed wider


def test_never_stands_where_the_real_tables_have_it(synthetic: dict[str, pl.DataFrame]) -> None:
    """365243 is not a day; the shares are those of the real tables."""
    shares = {
        column: _share(synthetic["previous_application"], pl.col(column).drop_nulls() == NEVER)
        for column in ("DAYS_FIRST_DRAWING", "DAYS_LAST_DUE", "DAYS_TERMINATION")
    }

    assert _share(synthetic["application"], pl.col("DAYS_EMPLOYED") == NEVER) == pytest.approx(0.18, abs=0.04)
    assert shares["DAYS_FIRST_DRAWING"] == pytest.approx(0.937, abs=0.05)
    assert shares["DAYS_LAST_DUE"] == pytest.approx(0.214, abs=0.08)
    assert shares["DAYS_TERMINATION"] == pytest.approx(0.224, abs=0.08)


def test_those_without_work_have_no_occupation(synthetic: dict[str, pl.DataFrame]) -> None:
    """The sentinel, the organisation XNA and the missing occupation come together, as in the real tables."""
    idle = synthetic["application"].filter(pl.col("DAYS_EMPLOYED") == NEVER)

    assert idle["ORGANIZATION_TYPE"].unique().to_list() == ["XNA"]
    assert idle["OCCUPATION_TYPE"].null_count() == idle.height


def test_gender_xna_occurs_and_is_rare(synthetic: dict[str, pl.DataFrame]) -> None:
    """The features leave such applications out."""
    assert 0 < _share(synthetic["application"], pl.col("CODE_GENDER") == "XNA") < 0.003


def test_values_of_one_source_are_missing_together(synthetic: dict[str, pl.DataFrame]) -> None:
    """An application to which no bureau replied has none of the six counts of requests."""
    requests = [column for column in TABLES["application_test"].columns if column.startswith("AMT_REQ_")]
    missing = synthetic["application"].select(pl.sum_horizontal(pl.col(requests).is_null()))

    assert set(missing.to_series()) == {0, 6}


def test_levels_with_commas_slashes_and_spaces_are_kept(synthetic: dict[str, pl.DataFrame]) -> None:
    """Names of features are made of them."""
    assert "Spouse, partner" in synthetic["application"]["NAME_TYPE_SUITE"]
    assert "Secondary / secondary special" in synthetic["application"]["NAME_EDUCATION_TYPE"]


def test_amounts_of_a_row_agree(synthetic: dict[str, pl.DataFrame]) -> None:
    """A credit costs more than its annuity and ends after it began."""
    applications = synthetic["application"].drop_nulls(["AMT_ANNUITY"])
    bureau = synthetic["bureau"].drop_nulls("DAYS_ENDDATE_FACT")

    assert (applications["AMT_ANNUITY"] < applications["AMT_CREDIT"]).all()
    assert (bureau["DAYS_ENDDATE_FACT"] >= bureau["DAYS_CREDIT"]).all()
    assert _share(synthetic["installments_payments"], pl.col("DAYS_ENTRY_PAYMENT").drop_nulls() < 0) == 1.0


def test_the_features_are_about_those_of_the_real_tables(features: pl.DataFrame) -> None:
    """771 there; a level that this draw lacks is one less, a rare one of the full tables one more."""
    assert features.width - 2 == pytest.approx(771, abs=10)
    assert all(features[column].null_count() < features.height for column in features.columns[2:])


def test_a_model_learns_from_the_features_and_cannot_know_everything(features: pl.DataFrame) -> None:
    """Small trees rank the held-out third clearly better than chance, and not better than on real tables."""
    labelled = features.drop_nulls("TARGET")
    values, labels = labelled.drop("SK_ID_CURR", "TARGET").to_numpy(), labelled["TARGET"].to_numpy()
    train = np.arange(len(labels)) % 3 != 0

    margins = _fit(values[train], labels[train]).predict(values[~train])

    assert 0.62 < roc_auc_score(labels[~train], margins) < 0.80


def _fit(values: NDArray[np.float64], labels: NDArray[np.int64]) -> lgb.Booster:
    parameters = {
        "objective": "binary", "num_leaves": 8, "max_depth": 4, "feature_fraction": 0.1, "lambda_l2": 30.0,
        "num_threads": 1, "seed": 1, "force_col_wise": True, "verbose": -1,
    }  # fmt: skip
    return lgb.train(parameters, lgb.Dataset(values, labels), 100)


def _drifted(features: pl.DataFrame) -> set[str]:
    labelled = features.filter(pl.col("TARGET").is_not_null())
    unlabelled = features.filter(pl.col("TARGET").is_null())
    pairs = ((c, labelled[c].drop_nulls(), unlabelled[c].drop_nulls()) for c in features.columns[2:])
    return {c for c, ours, theirs in pairs if len(theirs) > 50 and ks_2samp(ours, theirs).pvalue < 1e-5}


def test_without_drift_the_unlabelled_are_like_the_labelled(features: pl.DataFrame) -> None:
    """A drift report on them must stay quiet."""
    assert _drifted(features) == set()


def test_drift_moves_many_features_of_the_unlabelled(tmp_path: Path) -> None:
    """In applications and in their history, by value and by missing share."""
    synthesize(tmp_path, applicants=4_000, seed=11, drift=1.0)

    features = _features(tmp_path)

    assert _drifted(features) >= {"EXT_SOURCE_2", "AMT_INCOME_TOTAL", "DAYS_BIRTH", "INSTAL_DPD_MEAN"}
    missing = features.group_by(pl.col("TARGET").is_null()).agg(pl.col("EXT_SOURCE_3").is_null().mean()).sort("TARGET")
    labelled, unlabelled = missing["EXT_SOURCE_3"]
    assert unlabelled > labelled + 0.1


def test_drift_leaves_the_labelled_as_they_were(tmp_path: Path) -> None:
    """Models trained with and without it are the same."""
    for drift in (0.0, 1.0):
        synthesize(tmp_path / str(drift), applicants=120, seed=2, drift=drift)

    without, with_drift = (pl.read_parquet(tmp_path / str(d) / "application_train.parquet") for d in (0.0, 1.0))
    assert with_drift.sort("SK_ID_CURR").equals(without.sort("SK_ID_CURR"))


def test_shares_and_distributions_are_those_of_the_real_applications(
    synthetic: dict[str, pl.DataFrame], real_tables: Path
) -> None:
    """Within 5 points of missing values, and a Kolmogorov-Smirnov distance of 0.16."""
    real = pl.concat(
        [
            frame.drop("TARGET", strict=False).collect()
            for name, frame in open_tables(real_tables).frames.items()
            if name.startswith("application")
        ]
    )
    made = synthetic["application"]

    for column, dtype in TABLES["application_test"].columns.items():
        assert made[column].is_null().mean() == pytest.approx(real[column].is_null().mean(), abs=0.05), column
        if dtype != pl.String and column != "SK_ID_CURR":
            distance = ks_2samp(made[column].drop_nulls(), real[column].drop_nulls()).statistic
            assert distance < 0.16, column
