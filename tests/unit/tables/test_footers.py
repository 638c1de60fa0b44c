"""A footer proves only what it says."""

from pathlib import Path

import polars as pl
import pytest

from shared.tables.footers import KnownValues, known_values


def written(path: Path, *, statistics: bool = True) -> Path:
    """Return a file of columns that each have something wrong or nothing, in two row groups."""
    frame = pl.DataFrame(
        {
            "plain": [1.0, 2.0, 3.0],
            "whole": [1, 2, 3],
            "endless": [1.0, 2.0, float("inf")],
            "undefined": [1.0, 2.0, float("nan")],
            "holed": [1.0, 2.0, None],
            "empty": pl.Series([None] * 3, dtype=pl.Float64),
            "text": ["a", "b", "c"],
        }
    )
    frame.write_parquet(path, row_group_size=2, statistics=statistics)
    return path


def test_columns_without_infinity_and_without_holes_are_known(tmp_path: Path) -> None:
    """NaN is no infinity and no hole: what it means is for the reader to say."""
    known = known_values(written(tmp_path / "some.parquet"))

    assert known.finite - {"undefined"} == {"plain", "whole", "holed", "empty"}
    assert known.complete == {"plain", "whole", "endless", "undefined", "text"}


def test_without_statistics_nothing_is_known(tmp_path: Path) -> None:
    """Then the values are looked at."""
    assert known_values(written(tmp_path / "some.parquet", statistics=False)) == KnownValues()


def test_what_is_no_parquet_file_is_an_error_of_the_file(tmp_path: Path) -> None:
    """Reading turns it into one that names the table."""
    (tmp_path / "some.parquet").write_bytes(b"PAR1 and no more")

    with pytest.raises(OSError, match="arquet"):
        known_values(tmp_path / "some.parquet")
