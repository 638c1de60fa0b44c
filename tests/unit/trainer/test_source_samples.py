"""What a preview over tables stands on: some applicants of the split that a data set would have, and all levels."""

from pathlib import Path

import polars as pl
import pytest

from services.trainer.dataset_sources import SourceRows, read_rows
from services.trainer.domain.cleaning import CleaningOptions, Imputation
from services.trainer.domain.dataset import DatasetPlan, split_rows
from services.trainer.domain.sources import HomeCreditTables, PreparedTable, Source
from services.trainer.source_samples import Sample, sample_train_split
from shared.errors import InvalidInput, Precondition
from shared.features.sets import FeatureSet
from tests.synthetic_tables import write_tables

_TABLES = HomeCreditTables("parquet")
_OWN = PreparedTable("own.csv", "client", "outcome", "bad")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the eight tables in both formats and a table of a lender's own."""
    folder = tmp_path_factory.mktemp("tables")
    write_tables(folder / "parquet", applicants=300)
    (folder / "csv").mkdir()
    for table in (folder / "parquet").glob("*.parquet"):
        pl.read_parquet(table).write_csv(folder / "csv" / f"{table.stem}.csv")
    outcomes = ["bad" if row % 3 == 0 else None if row % 7 == 0 else "good" for row in range(90)]
    jobs = ["clerk" if row % 45 else "judge" for row in range(90)]
    # Not in the order of the identifiers, by which a data set's rows are sorted.
    clients = [f"c{(row * 37) % 90:02}" for row in range(90)]
    pl.DataFrame({"client": clients, "outcome": outcomes, "age": range(90), "job": jobs}).write_csv(folder / "own.csv")
    return folder


def _plan(source: Source, **changes: float) -> DatasetPlan:
    return DatasetPlan(source, changes.get("test_share", 0.2), 4, CleaningOptions(Imputation.NONE))


def _train(plan: DatasetPlan, root: Path) -> tuple[SourceRows, pl.DataFrame]:
    """Return the rows of a data set of the plan, and those of its train split."""
    rows = read_rows(plan.source, root, lambda *_: None)
    return rows, rows.frame[split_rows(rows.frame["target"], plan)["train"]]


def _values(sample: Sample) -> pl.DataFrame:
    return sample.frame.select("target", *(feature.name for feature in sample.features))


@pytest.mark.parametrize("source", [_TABLES, HomeCreditTables("csv", FeatureSet.EXTENDED), _OWN])
def test_a_sample_of_all_is_the_train_split_of_the_data_set(root: Path, source: Source) -> None:
    """Row for row: a preview that saw everybody tells what making the data set would."""
    plan = _plan(source)

    sample = sample_train_split(plan, root)

    rows, train = _train(plan, root)
    assert sample.features == rows.features
    assert _values(sample).equals(train.drop("applicant_id"))
    assert (sample.used.total, sample.used.used) == (train.height, train.height)


@pytest.mark.parametrize("source", [_TABLES, HomeCreditTables("csv"), _OWN])
def test_a_part_is_spread_evenly_and_has_the_columns_of_all(root: Path, source: Source) -> None:
    """A level that nobody of the sample has is a column all the same, as it is in the data set."""
    plan = _plan(source)

    sample = sample_train_split(plan, root, most=7)

    rows, train = _train(plan, root)
    step = -(-train.height // 7)
    shown = [train.gather_every(step, start).drop("applicant_id") for start in range(step)]
    assert sample.features == rows.features
    assert any(_values(sample).equals(each) for each in shown)
    assert (sample.used.total, sample.used.used) == (train.height, sample.frame.height)
    assert sample.frame.height <= 7


def test_a_split_that_cannot_be_made_is_refused_as_when_it_is_made(root: Path) -> None:
    """With the reason that the job would have failed for."""
    with pytest.raises(Precondition) as told:
        sample_train_split(_plan(_OWN, test_share=0.999), root)

    assert told.value.reason == "SPLIT_TOO_SMALL"


@pytest.mark.parametrize(
    ("source", "file", "field"),
    [(_TABLES, "parquet/bureau_balance.parquet", "home_credit.directory"), (_OWN, "own.csv", "prepared.path")],
)
def test_files_that_would_take_too_long_are_refused_before_they_are_read(
    tmp_path: Path, source: Source, file: str, field: str
) -> None:
    """The bytes alone decide; these have no content at all."""
    (tmp_path / file).parent.mkdir(exist_ok=True)
    with (tmp_path / file).open("wb") as hollow:
        hollow.truncate((4 << 30) + 1)

    with pytest.raises(InvalidInput) as told:
        sample_train_split(_plan(source), tmp_path)

    assert (told.value.reason, told.value.violations[0].field) == ("SOURCE_TOO_LARGE", field)
