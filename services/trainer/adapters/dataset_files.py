"""The files of a data set: splits as Parquet; levels, features and cleaning record as JSON; the digests of all."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.trainer.domain.cleaning import CleaningRecord, record_from_json
from services.trainer.domain.dataset import APPLICANT, LABEL, LabelledRows
from services.trainer.domain.results import SplitName
from shared.bundle.schema import Feature, FeatureSchema
from shared.digests import digest_of, digest_of_file
from shared.errors import Precondition
from shared.features.levels import Levels

ARTIFACTS = "dataset"
MANIFEST = "dataset.json"
LEVELS = "levels.json"
FEATURES = "features.json"
CLEANING = "cleaning.json"
# Small groups keep the reading of one applicant's row cheap.
_ROWS_A_GROUP = 10_000


@dataclass(frozen=True)
class DatasetContents:
    """What a data set consists of, and what describes it.

    `frame` holds applicant, label and features of all rows, `splits` the rows of each split by their numbers.
    """

    frame: pl.DataFrame
    splits: Mapping[SplitName, NDArray[np.intp]]
    levels: Levels
    features: tuple[Feature, ...]
    record: CleaningRecord


@dataclass(frozen=True)
class DatasetFiles:
    """What was written: the SHA-256 (hex) of each file by name, and the one over all of them."""

    files: Mapping[str, str]
    digest: str


@dataclass(frozen=True)
class StoredDataset:
    """A data set as trainings need it, its files verified; `features` are all before cleaning, without figures.

    `levels` are those of its text columns.
    """

    train: LabelledRows
    test: LabelledRows
    features: tuple[Feature, ...]
    levels: Levels
    record: CleaningRecord


def split_file(split: SplitName) -> str:
    """Return the name of a split's file."""
    return f"{split}.parquet"


def write_dataset(folder: Path, contents: DatasetContents) -> DatasetFiles:
    """Write the splits and all that belongs to them into an existing folder.

    A target that is null throughout stays as such. Equal data sets give equal digests.
    """
    for split, rows in contents.splits.items():
        # One in memory at a time.
        contents.frame[rows].write_parquet(folder / split_file(split), row_group_size=_ROWS_A_GROUP)
    _write_json(folder / LEVELS, contents.levels.to_json())
    _write_json(folder / FEATURES, FeatureSchema(contents.features).to_json())
    _write_json(folder / CLEANING, contents.record.to_json())
    digests = {path.name: digest_of_file(path) for path in sorted(folder.iterdir())}
    written = DatasetFiles(digests, _digest_over(digests))
    _write_json(folder / MANIFEST, {"digest": written.digest, "files": digests})
    return written


def read_dataset(fetch: Callable[[str], Path], digest: str) -> StoredDataset:
    """Return the data set of this digest; `fetch` gives the local path of a file by its name.

    Raises Precondition DATASET_DAMAGED where a file is not what was written.
    """
    digests = json.loads(fetch(MANIFEST).read_text(encoding="utf-8"))["files"]
    if _digest_over(digests) != digest:
        raise _damaged(MANIFEST)

    def verified(name: str) -> Path:
        """Return the file if its digest is the one that was written."""
        path = fetch(name)
        if digest_of_file(path) != digests[name]:
            raise _damaged(name)
        return path

    return StoredDataset(
        train=_labelled(verified(split_file("train"))),
        test=_labelled(verified(split_file("test"))),
        features=FeatureSchema.from_json(json.loads(verified(FEATURES).read_text(encoding="utf-8"))).features,
        levels=Levels.from_json(json.loads(verified(LEVELS).read_text(encoding="utf-8"))),
        record=record_from_json(json.loads(verified(CLEANING).read_text(encoding="utf-8"))),
    )


def _labelled(path: Path) -> LabelledRows:
    frame = pl.read_parquet(path)
    return LabelledRows(frame.drop(APPLICANT, LABEL), frame[LABEL].to_numpy().astype(np.int8))


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, allow_nan=False, indent=1), encoding="utf-8")


def _digest_over(digests: Mapping[str, str]) -> str:
    return digest_of(json.dumps(digests, sort_keys=True).encode())


def _damaged(name: str) -> Precondition:
    return Precondition(
        f"the data set's file {name} in MLflow is not the one that was written; create the data set anew",
        reason="DATASET_DAMAGED",
        metadata={"file": name},
    )
