"""Whatever the source, what follows sees applicants, targets and features."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from services.trainer.dataset_sources import SourceRows, read_rows
from services.trainer.domain.sources import HomeCreditTables, PreparedTable
from shared.errors import InvalidInput
from shared.features.sets import FeatureSet
from tests.synthetic_tables import write_tables

_SOURCE = PreparedTable("own.parquet", "client", "outcome", "bad", {"job": "Occupation"})


def _clients(rows: int = 120) -> pl.DataFrame:
    """Return clients with an age, a job with gaps and an outcome that is not known of every sixth."""
    draw = np.random.default_rng(5)
    outcome = np.where(draw.random(rows) < 0.4, "bad", "good")
    return pl.DataFrame(
        {
            "client": range(1_000, 1_000 + rows),
            "age": draw.integers(18, 80, rows).astype(float),
            "outcome": [None if row % 6 == 0 else outcome[row] for row in range(rows)],
            "job": draw.choice(["clerk, retired", "none", ""], rows),
            "member": draw.random(rows) < 0.5,
        }
    )


def _read(folder: Path, table: pl.DataFrame, source: PreparedTable = _SOURCE) -> SourceRows:
    path = folder / source.path
    if path.suffix == ".parquet":
        table.write_parquet(path)
    else:
        table.write_csv(path)
    return read_rows(source, folder, lambda *_: None)


def test_both_sources_give_rows_of_the_same_form(tmp_path: Path) -> None:
    """Text identifiers, a label that may be missing, numbers in the order of the features."""
    write_tables(tmp_path / "tables")
    sources = [_read(tmp_path, _clients()), read_rows(HomeCreditTables("tables"), tmp_path, lambda *_: None)]

    for rows in sources:
        assert rows.frame.columns == ["applicant_id", "target", *(feature.name for feature in rows.features)]
        assert rows.frame.dtypes == [pl.String, pl.Int8, *[pl.Float64] * len(rows.features)]
        assert set(rows.frame["target"].to_list()) == {0, 1, None}
        assert all(feature.reason_code and feature.reason_text for feature in rows.features)


def test_the_format_and_the_order_of_rows_change_nothing(tmp_path: Path) -> None:
    """The same clients are the same data set, however they were exported."""
    table = _clients()
    stored = _read(tmp_path, table)

    shuffled = _read(tmp_path, table.sample(fraction=1.0, shuffle=True, seed=1))
    written = _read(tmp_path, table, PreparedTable("own.csv", "client", "outcome", "bad", {"job": "Occupation"}))

    for again in (shuffled, written):
        assert again.frame.equals(stored.frame)
        assert (again.features, again.levels) == (stored.features, stored.levels)
    assert (stored.reports[0].format, written.reports[0].format) == ("parquet", "csv")


def test_levels_are_those_of_all_rows(tmp_path: Path) -> None:
    """Also of applicants whose outcome is not known yet; an empty text is none."""
    rows = _read(tmp_path, _clients())

    assert rows.levels.tables == {"prepared": {"job": ("clerk, retired", "none")}}
    assert [feature.reason_text for feature in rows.features[1:3]] == ["Occupation: clerk, retired", "Occupation: none"]


@pytest.mark.parametrize(
    ("spoil", "reason", "field"),
    [
        (lambda table: pl.concat([table, table.head(3)]), "DUPLICATE_KEY", "prepared.id_column"),
        (lambda table: table.with_columns(outcome=pl.lit("good")), "ONE_CLASS_TARGET", "prepared.target_column"),
        (lambda table: table.with_columns(born=pl.date(1980, 1, 1)), "COLUMN_TYPE", 'prepared.columns["born"]'),
        (lambda table: table.with_columns(age=float("inf")), "VALUE_INFINITE", 'prepared.columns["age"]'),
        (lambda table: table.head(0), "TABLE_EMPTY", "prepared.path"),
        (lambda table: table.select("client", "outcome"), "NO_FEATURE", "prepared.path"),
    ],
)
def test_what_the_rows_show_ends_the_work_before_features_are_built(
    tmp_path: Path, spoil: Callable[[pl.DataFrame], pl.DataFrame], reason: str, field: str
) -> None:
    """The job then fails with this reason, and its message begins with the field."""
    with pytest.raises(InvalidInput) as refusal:
        _read(tmp_path, spoil(_clients()))

    assert refusal.value.reason == reason
    assert refusal.value.message.startswith(f"{field}: ")


def test_a_file_that_has_become_a_link_out_is_refused(tmp_path: Path) -> None:
    """The request was checked, the job looks again."""
    root = tmp_path / "root"
    root.mkdir()
    _clients().write_parquet(tmp_path / "elsewhere.parquet")
    (root / "own.parquet").symlink_to(tmp_path / "elsewhere.parquet")

    with pytest.raises(InvalidInput) as refusal:
        read_rows(_SOURCE, root, lambda *_: None)

    assert refusal.value.reason == "PATH_OUTSIDE_ROOT"


def test_nothing_that_a_barred_column_has_a_part_in_is_left(tmp_path: Path) -> None:
    """By its own name where it is the application's, ratios and satellite tables included; the rest is as it was."""
    write_tables(tmp_path / "tables")
    source = HomeCreditTables("tables", FeatureSet.EXTENDED)
    rows = read_rows(source, tmp_path, lambda *_: None)

    barred = rows.without(["CODE_GENDER", "application.DAYS_BIRTH", "bureau.CREDIT_TYPE"])

    gone = {feature.name for feature in rows.features} - {feature.name for feature in barred.features}
    assert {"CODE_GENDER", "DAYS_BIRTH", "DAYS_EMPLOYED_PERC", "EXT_SOURCES_MEAN_AGE"} <= gone
    assert any(name.startswith("BURO_CREDIT_TYPE_") for name in gone)
    sources = {each for feature in barred.features for each in feature.sources}
    assert not sources & {"application.CODE_GENDER", "application.DAYS_BIRTH", "bureau.CREDIT_TYPE"}
    assert barred.frame.equals(rows.frame.select(barred.frame.columns))
    assert barred.frame.columns[2:] == [feature.name for feature in barred.features]


def test_a_column_of_a_prepared_table_is_barred_with_all_its_levels(tmp_path: Path) -> None:
    """A name that no feature is made of is refused, and so is barring everything."""
    rows = _read(tmp_path, _clients())

    left = [feature.name for feature in rows.without(["job"]).features]
    with pytest.raises(InvalidInput) as misspelt:
        rows.without(["job", "agee"])
    with pytest.raises(InvalidInput) as everything:
        rows.without(["age", "job", "member"])

    assert left == ["age", "member"]
    assert (misspelt.value.reason, misspelt.value.violations[0].field) == ("COLUMN_MISSING", "barred_columns[1]")
    assert (everything.value.reason, everything.value.violations[0].field) == ("NO_FEATURE", "barred_columns")
