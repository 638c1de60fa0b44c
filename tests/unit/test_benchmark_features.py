"""The feature benchmark's sides build the same features, and a difference between them stops it."""

from pathlib import Path

import polars as pl
import pytest

from benchmarks.features import SIDES, Run, bars, difference, make_tables, refuse_differences, run_here


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the features of each side, of the same few applicants."""
    folder = tmp_path_factory.mktemp("features")
    make_tables(folder / "tables", 400)
    for side in SIDES:
        run_here(side, folder / "tables", folder / "tables", folder / f"{side}.parquet")
    return folder


def test_all_sides_build_equal_features(built: Path) -> None:
    """What is timed is the same work: 771 features, the same missing cells, values within 1e-9."""
    features = pl.read_parquet(built / "ours-parquet.parquet")

    assert len(features.columns) > 600
    assert refuse_differences(built) <= 1e-9


def test_ours_are_the_same_bits_from_both_formats(built: Path) -> None:
    """Converting changes nothing."""
    csv, parquet = (pl.read_parquet(built / f"ours-{kind}.parquet") for kind in ("csv", "parquet"))

    assert csv.equals(parquet, null_equal=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (pl.col("AMT_CREDIT") * (1 + 1e-8), "AMT_CREDIT differs by"),
        (pl.lit(None, pl.Float64).alias("AMT_CREDIT"), "AMT_CREDIT is missing for other clients"),
        (pl.col("SK_ID_CURR") + 1, "other columns or clients"),
    ],
)
def test_a_difference_is_an_error(built: Path, change: pl.Expr, words: str) -> None:
    """A figure of a side that builds something else would mean nothing."""
    features = pl.read_parquet(built / "ours-parquet.parquet")

    with pytest.raises(AssertionError, match=words):
        difference(features.with_columns(change), features, "ours")


def test_figures_compare_the_least_time_of_each_side() -> None:
    """One bad round of a busy machine does not count, on either side; of our memory the worst round does."""
    runs = {side: [Run(60.0, 60.0, 4_000, 0.1), Run(40.0, 40.0, 4_000, 0.1)] for side in SIDES}
    runs["ours-parquet"] = [Run(4.0, 7.0, 1_000, 0.1), Run(9.0, 7.0, 2_000, 0.1)]

    figures = {bar.name: bar.figure for bar in bars(runs)}

    assert figures["parquet_to_pandas_csv"] == figures["parquet_to_polars_parquet"] == 10.0
    assert figures["csv_to_pandas_csv"] == 1.0
    assert figures["parquet_memory"] == 2.0
    assert str(bars(runs)[0]) == "features parquet_to_pandas_csv 10.00 times less time (bar ≥ 10)"
