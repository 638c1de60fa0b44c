"""The files of a data set: its splits as Parquet, levels and cleaning record as JSON, and the digests of all."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from services.trainer.domain.cleaning import CleaningRecord, record_from_json
from services.trainer.domain.dataset import LabelledRows
from services.trainer.domain.results import SplitName
from shared.digests import digest_of, digest_of_file
from shared.errors import Precondition
from shared.features.levels import Levels
from shared.features.specification import CLIENT_KEY, TARGET

ARTIFACTS = "dataset"
MANIFEST = "dataset.json"
LEVELS = "levels.json"
CLEANING = "cleaning.json"
APPLICANT, LABEL = "applicant_id", "target"
# Small groups keep the reading of one applicant's row cheap.
_ROWS_A_GROUP = 10_000


@dataclass(frozen=True)
class DatasetFiles:
    """What was written: the SHA-256 (hex) of each file by name, and the one over all of them."""

    files: Mapping[str, str]
    digest: str


@dataclass(frozen=True)
class StoredDataset:
    """A data set as trainings need it, its files verified."""

    train: LabelledRows
    test: LabelledRows
    levels: Levels
    record: CleaningRecord


def split_file(split: SplitName) -> str:
    """Return the name of a split's file."""
    return f"{split}.parquet"


def write_dataset(
    folder: Path, splits: Mapping[SplitName, pl.DataFrame], levels: Levels, record: CleaningRecord
) -> DatasetFiles:
    """Write the splits, as `build_features` made them, and all that belongs to them into an existing folder.

    Of a split the key becomes text, and a target that is null throughout stays as such. Equal data sets give equal
    digests.
    """
    for split, frame in splits.items():
        features = [column for column in frame.columns if column not in {CLIENT_KEY, TARGET}]
        stored = frame.select(
            pl.col(CLIENT_KEY).cast(pl.String).alias(APPLICANT), pl.col(TARGET).alias(LABEL), *features
        )
        stored.write_parquet(folder / split_file(split), row_group_size=_ROWS_A_GROUP)
    _write_json(folder / LEVELS, levels.to_json())
    _write_json(folder / CLEANING, record.to_json())
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
