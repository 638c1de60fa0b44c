"""Converted tables are the tables: the same cells, checked, texts as codes that reading and features understand."""

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from shared.errors import AlreadyExists, InvalidInput
from shared.features.building import build_features, fit_features
from shared.features.levels import fit_levels
from shared.features.tables import FeatureTables
from shared.tables.converting import convert_tables
from shared.tables.reading import open_tables
from shared.tables.schema import TABLES
from tests.unit.tables.conftest import Copy
from tests.unit.tables.copies import append, fill, rewrite


@pytest.fixture(scope="module")
def converted(small_directories: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the small CSV tables, converted."""
    directory = tmp_path_factory.mktemp("converted") / "tables"
    convert_tables(small_directories["csv"], directory)
    return directory


def test_every_cell_is_what_it_was(small_directories: dict[str, Path], converted: Path) -> None:
    """Values to the last bit, types, missing cells, order of rows."""
    before, after = open_tables(small_directories["csv"]), open_tables(converted)

    for name in TABLES:
        assert after.frames[name].collect().equals(before.frames[name].collect(), null_equal=True), name
    assert {report.format for report in after.reports} == {"parquet"}
    assert [report.rows for report in after.reports] == [report.rows for report in before.reports]


def test_texts_are_codes_of_their_sorted_levels(converted: Path) -> None:
    """The dictionary is in the file, and whoever asks for codes gets them."""
    plain, coded = (open_tables(converted, coded=wanted).frames["bureau"] for wanted in (False, True))

    kind = coded.collect_schema()["CREDIT_ACTIVE"]

    assert plain.collect_schema()["CREDIT_ACTIVE"] == pl.String
    assert isinstance(kind, pl.Enum)
    assert kind.categories.to_list() == sorted(
        plain.select("CREDIT_ACTIVE").drop_nulls().unique().collect().to_series()
    )


def test_other_readers_see_a_dictionary(converted: Path) -> None:
    """Arrow's own reader, and with it pandas, reads the texts as what they are."""
    column = pq.read_table(converted / "bureau.parquet", columns=["CREDIT_ACTIVE"]).column(0)

    assert "dictionary" in str(column.type)
    assert set(column.to_pylist()) - {None} <= {"Active", "Bad debt", "Closed", "Sold"}


def test_features_of_converted_tables_are_the_same_to_the_bit(
    small_directories: dict[str, Path], converted: Path
) -> None:
    """Codes are a matter of speed alone."""
    plain, coded = open_tables(small_directories["csv"]).frames, open_tables(converted, coded=True).frames

    levels = fit_levels(coded)
    features = build_features(coded, levels)

    assert levels == fit_levels(plain)
    expected = build_features(plain, levels)
    assert features.frame.equals(expected.frame, null_equal=True)
    assert (features.unseen, features.dropped) == (expected.unseen, expected.dropped)


def test_features_of_codes_with_other_levels_than_at_fit_time_are_the_same(converted: Path) -> None:
    """A production file's dictionary may lack a level, or know one that the data set does not."""
    coded, plain = (open_tables(converted, coded=wanted).frames for wanted in (True, False))
    levels = fit_levels({name: frame.head(200) for name, frame in plain.items()})

    features = build_features(coded, levels)
    expected = build_features(plain, levels)

    assert_frame_equal(features.frame, expected.frame, check_exact=True)
    assert features.unseen == expected.unseen != {}


def test_parquet_with_narrow_types_and_nan_is_made_regular(copy: Copy, tmp_path: Path) -> None:
    """Whatever reading takes, converting takes: NaN and texts that mean missing become missing."""
    directory = copy("parquet")
    fill(directory, "bureau", AMT_ANNUITY=pl.lit(float("nan")), CREDIT_TYPE=pl.lit("n/a"))
    rewrite(directory, "bureau", lambda frame: frame.with_columns(pl.col("DAYS_CREDIT").cast(pl.Float32)))

    convert_tables(directory, tmp_path / "converted")

    stored = pl.read_parquet(tmp_path / "converted" / "bureau.parquet")
    assert stored["AMT_ANNUITY"].null_count() == stored["CREDIT_TYPE"].null_count() == stored.height
    assert stored.schema["DAYS_CREDIT"] == pl.Int64


def test_a_missing_satellite_stays_missing(copy: Copy, tmp_path: Path) -> None:
    """What is reported of the tables is what was found."""
    directory = copy("csv")
    (directory / "bureau.csv").unlink()

    reports = convert_tables(directory, tmp_path / "converted")

    assert [report.table for report in reports if not report.present] == ["bureau"]
    assert not (tmp_path / "converted" / "bureau.parquet").exists()


def test_progress_ends_at_one(small_directories: dict[str, Path], tmp_path: Path) -> None:
    """One step for each table."""
    told: list[float] = []

    convert_tables(small_directories["parquet"], tmp_path / "converted", progress=told.append)

    assert len(told) == len(TABLES)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_table_that_cannot_be_used_is_named_and_nothing_is_written(copy: Copy, tmp_path: Path) -> None:
    """The checks are those of reading, values included."""
    directory = copy("csv")
    append(directory, "bureau_balance", "7", "1.5", "C")

    with pytest.raises(InvalidInput) as caught:
        convert_tables(directory, tmp_path / "converted")

    assert caught.value.reason == "COLUMN_TYPE"
    assert [v.field for v in caught.value.violations] == ['tables["bureau_balance"].columns["MONTHS_BALANCE"]']
    assert list((tmp_path / "converted").iterdir()) == []


def test_tables_that_are_there_are_kept_unless_overwriting_is_asked_for(
    small_directories: dict[str, Path], tmp_path: Path
) -> None:
    """The old ones go once the new ones are complete, a CSV of the same table too."""
    target = tmp_path / "converted"
    target.mkdir()
    (target / "bureau.csv").write_text("old")

    with pytest.raises(AlreadyExists, match=r"bureau\.csv"):
        convert_tables(small_directories["csv"], target)
    convert_tables(small_directories["csv"], target, overwrite=True)

    assert sorted(path.name for path in target.iterdir()) == sorted(f"{name}.parquet" for name in TABLES)


def test_a_directory_is_not_converted_into_itself(small_directories: dict[str, Path]) -> None:
    """Overwriting would remove the source."""
    with pytest.raises(InvalidInput) as caught:
        convert_tables(small_directories["csv"], small_directories["csv"] / ".", overwrite=True)

    assert caught.value.reason == "SAME_DIRECTORY"


def test_levels_of_codes_are_found_while_the_features_are_made(converted: Path) -> None:
    """Those of the rows that are there, not of all categories; a level of a client nobody asked for counts."""
    coded = {name: frame.head(400) for name, frame in open_tables(converted, coded=True).frames.items()}

    levels, features = fit_features(FeatureTables(coded))

    assert levels == fit_levels(coded)
    expected = build_features(coded, levels)
    assert features.frame.equals(expected.frame, null_equal=True)
    assert features.unseen == expected.unseen
