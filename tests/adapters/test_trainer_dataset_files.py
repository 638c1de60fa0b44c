"""A data set's files come back as they were written, or not at all."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from services.trainer.adapters.dataset_files import DatasetContents, DatasetFiles, read_dataset, write_dataset
from services.trainer.domain.cleaning import CleaningOptions, CleaningRecord, Imputation
from services.trainer.domain.cleaning_rules import fit_cleaning
from services.trainer.domain.results import SplitName
from shared.bundle.schema import Feature
from shared.errors import Precondition
from shared.features.levels import Levels

_FEATURES = (
    Feature("AMT_CREDIT", "numeric", "application", ("application.AMT_CREDIT",), reason_text="Amount of credit"),
    Feature("EXT_SOURCE_1", "numeric", "application", ("application.EXT_SOURCE_1",)),
)
_LEVELS = Levels({"application": {"NAME_CONTRACT_TYPE": ("Cash loans", "Revolving loans")}})


def _split(first: int, targets: list[int | None]) -> pl.DataFrame:
    rows = len(targets)
    return pl.DataFrame(
        {
            "applicant_id": [str(first + row) for row in range(rows)],
            "target": pl.Series(targets, dtype=pl.Int8),
            "AMT_CREDIT": pl.Series([float(first + row) for row in range(rows)]),
            "EXT_SOURCE_1": pl.Series([None if row % 2 else 0.5 for row in range(rows)], dtype=pl.Float64),
        }
    )


_SPLITS: dict[SplitName, pl.DataFrame] = {
    "train": _split(100, [0, 1, 0, 0]),
    "test": _split(200, [1, 0]),
    "production": _split(300, [None]),
}


def _record() -> CleaningRecord:
    train = _SPLITS["train"]
    options, targets = CleaningOptions(Imputation.MEAN), train["target"].to_numpy()
    return fit_cleaning(train, ["AMT_CREDIT", "EXT_SOURCE_1"], options, targets=targets)


def _contents() -> DatasetContents:
    ends = np.cumsum([split.height for split in _SPLITS.values()])
    rows = {name: np.arange(end - _SPLITS[name].height, end) for name, end in zip(_SPLITS, ends, strict=True)}
    return DatasetContents(pl.concat(_SPLITS.values()), rows, _LEVELS, _FEATURES, _record())


@pytest.fixture
def written(tmp_path: Path) -> DatasetFiles:
    """Return what was written to tmp_path."""
    return write_dataset(tmp_path, _contents())


def test_what_is_read_is_what_was_written(tmp_path: Path, written: DatasetFiles) -> None:
    """Rows, targets, descriptions and the cleaning record; the identifiers are no features."""
    stored = read_dataset(lambda name: tmp_path / name, written.digest)

    assert stored.train.frame.equals(_SPLITS["train"].drop("applicant_id", "target"))
    assert stored.train.targets.tolist() == [0, 1, 0, 0]
    assert stored.test.targets.tolist() == [1, 0]
    assert (stored.features, stored.levels, stored.record) == (_FEATURES, _LEVELS, _record())


def test_applicants_are_texts_and_unlabelled_rows_stay_unlabelled(tmp_path: Path, written: DatasetFiles) -> None:
    """As scorer and monitor expect them."""
    production = pl.read_parquet(tmp_path / "production.parquet")

    assert "production.parquet" in written.files
    assert production["applicant_id"].to_list() == ["300"]
    assert production["target"].to_list() == [None]


def test_equal_data_sets_have_equal_digests(tmp_path: Path, written: DatasetFiles) -> None:
    """The digest is of the content, not of the day."""
    (tmp_path / "again").mkdir()

    assert write_dataset(tmp_path / "again", _contents()) == written


@pytest.mark.parametrize("name", ["train.parquet", "features.json", "cleaning.json"])
def test_a_file_that_was_changed_is_refused_by_name(tmp_path: Path, written: DatasetFiles, name: str) -> None:
    """Nothing is learnt from rows that nobody split."""
    with (tmp_path / name).open("ab") as file:
        file.write(b" ")

    with pytest.raises(Precondition) as refusal:
        read_dataset(lambda wanted: tmp_path / wanted, written.digest)

    assert (refusal.value.reason, refusal.value.metadata) == ("DATASET_DAMAGED", {"file": name})


def test_digests_that_were_changed_along_are_refused(tmp_path: Path, written: DatasetFiles) -> None:
    """The job store knows the digest over all."""
    manifest = tmp_path / "dataset.json"
    manifest.write_text(manifest.read_text().replace(written.files["levels.json"], "0" * 64))

    with pytest.raises(Precondition) as refusal:
        read_dataset(lambda wanted: tmp_path / wanted, written.digest)

    assert refusal.value.metadata == {"file": "dataset.json"}
