"""Fitting measures aggregates over many rows and tells nothing of a single one."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from shared.tables.fitting import fit, write
from shared.tables.schema import TABLES
from shared.tables.synthetic.parameters import FILE
from tests.unit.tables.conftest import Copy
from tests.unit.tables.copies import fill, rewrite

_COMMITTED = Path(str(resources.files("shared.tables.synthetic"))) / FILE
_FEWEST_ROWS = 20


@pytest.fixture(scope="module")
def fitted(synthetic_directory: Path) -> dict[str, Any]:
    """Return the parameters of synthetic tables."""
    return fit(synthetic_directory)


def _numbers(document: Any) -> set[float]:
    if isinstance(document, dict):
        return set().union(*(_numbers(part) for part in document.values()))
    if isinstance(document, list):
        return set().union(*(_numbers(part) for part in document))
    return {float(document)} if isinstance(document, int | float) else set()


def test_what_was_drawn_from_the_parameters_is_measured_again(fitted: dict[str, Any]) -> None:
    """Quantiles of the external scores and shares of the contracts survive the round trip."""
    committed = json.loads(_COMMITTED.read_text())["application"]["columns"]
    measured = fitted["application"]["columns"]

    assert measured["EXT_SOURCE_2"]["grid"] == pytest.approx(committed["EXT_SOURCE_2"]["grid"], abs=0.03)
    assert measured["EXT_SOURCE_1"]["missing"] == pytest.approx(committed["EXT_SOURCE_1"]["missing"], abs=0.03)
    assert sorted(measured["NAME_CONTRACT_TYPE"]["shares"]) == pytest.approx([0.05, 0.95], abs=0.05)


def test_an_outlier_leaves_no_trace(copy: Copy) -> None:
    """One row more at an end moves a quantile by one place at most, never to the outlier."""
    directory = copy("parquet")
    first = pl.int_range(pl.len()) == 0
    fill(
        directory,
        "application_train",
        AMT_INCOME_TOTAL=pl.when(first).then(987_654_321.0).otherwise("AMT_INCOME_TOTAL"),
        CNT_CHILDREN=pl.when(first).then(777).otherwise("CNT_CHILDREN"),
    )
    fill(directory, "bureau", AMT_CREDIT_SUM=pl.when(first).then(987_654_321.0).otherwise("AMT_CREDIT_SUM"))

    numbers = _numbers(fit(directory))

    assert 777.0 not in numbers
    assert max(numbers) < 20_000_000


def test_a_rare_level_is_named_with_a_share_that_is_not_its_own(copy: Copy) -> None:
    """Its name is public, how many have it is not."""
    directory = copy("parquet")
    rewrite(
        directory,
        "application_train",
        lambda frame: frame.with_columns(
            NAME_HOUSING_TYPE=pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("Boat")).otherwise("NAME_HOUSING_TYPE")
        ),
    )

    housing = fit(directory)["application"]["columns"]["NAME_HOUSING_TYPE"]

    assert housing["shares"][housing["levels"].index("Boat")] == 0.0005


def test_the_written_file_reads_back_equal(fitted: dict[str, Any], tmp_path: Path) -> None:
    """Its layout, one column a line, is for readers of diffs."""
    write(fitted, tmp_path / "out.json")

    assert json.loads((tmp_path / "out.json").read_text()) == fitted


def test_the_committed_file_is_what_fitting_gives_on_the_real_tables(real_tables: Path, tmp_path: Path) -> None:
    """Nobody edited it by hand, and anybody with the tables can make it again."""
    write(fit(real_tables), tmp_path / "out.json")

    assert (tmp_path / "out.json").read_bytes() == _COMMITTED.read_bytes()


def test_each_combination_of_levels_in_the_committed_file_is_of_many_clients(real_tables: Path) -> None:
    """The only lists that look like rows are combinations of levels that twenty rows at least share."""
    entry = json.loads(_COMMITTED.read_text())["previous_application"]
    rows = pl.read_parquet(real_tables / "previous_application.parquet", columns=entry["profile"])

    counts = {tuple(levels): count for *levels, count in rows.group_by(entry["profile"]).len().iter_rows()}
    assert min(counts[tuple(profile[:-1])] for profile in entry["profiles"]) >= _FEWEST_ROWS


def test_no_quantile_is_the_extreme_of_a_real_column(real_tables: Path) -> None:
    """Where an extreme is the value of fewer than twenty clients, the grid stays inside it."""
    columns = json.loads(_COMMITTED.read_text())["application"]["columns"]
    frames = [pl.read_parquet(real_tables / f"{name}.parquet") for name in list(TABLES)[:2]]
    applications = pl.concat([frames[0].drop("TARGET"), frames[1]])

    for name, column in columns.items():
        if "grid" in column and name in applications.columns:
            values = np.sort(applications[name].drop_nulls().to_numpy().astype(float))
            assert column["grid"][-1] <= float(f"{values[-_FEWEST_ROWS]:.4g}"), name
            if name != "DAYS_EMPLOYED":
                assert column["grid"][0] >= float(f"{values[_FEWEST_ROWS - 1]:.4g}"), name
