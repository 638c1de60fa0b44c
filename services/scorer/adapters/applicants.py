"""The applicants of a data set's splits: values mapped from disk, identifiers in a small sorted index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.scorer.domain.serving import ApplicantRow, SplitRows
from shared.digests import digest_of_file
from shared.errors import NotFound, Precondition, Unavailable

ID_COLUMN: Final = "applicant_id"
_ROWS_AT_ONCE: Final = 20_000


@dataclass(frozen=True)
class _Split:
    """One split. `identifiers` is sorted; `rows` holds the row of `values` of each, (n_rows, n_features)."""

    name: str
    identifiers: NDArray[np.bytes_]
    rows: NDArray[np.int64]
    values: NDArray[np.float64]

    def whole(self, n_features: int) -> SplitRows:
        """Return all rows in the order of the split, with their first `n_features` columns."""
        return SplitRows(self.identifiers[np.argsort(self.rows)], self.values[:, :n_features])

    def find(self, identifier: bytes) -> NDArray[np.float64] | None:
        """Return a copy of the row of that identifier, shape (n_features,), None if there is none."""
        if len(identifier) > self.identifiers.itemsize:
            # numpy would copy the whole index to compare it with a longer one: 14 ms at 356,000 applicants.
            return None
        place = int(np.searchsorted(self.identifiers, identifier))
        if place == len(self.identifiers) or self.identifiers[place] != identifier:
            return None
        return np.array(self.values[self.rows[place]])


class StoredApplicants:
    """Every applicant of the splits by identifier; memory is that of the index, the values stay on disk."""

    complete = True

    def __init__(self, splits: list[_Split], n_features: int, history: Mapping[str, int]) -> None:
        """Keep splits whose first `n_features` columns are the model's; `history` is where its features are."""
        self._splits = splits
        self._n_features = n_features
        self._history = history

    def find(self, applicant_id: str) -> ApplicantRow:
        """Return the applicant's row. Raises NotFound (APPLICANT_NOT_FOUND)."""
        split, values = self._find(applicant_id)
        return ApplicantRow(split, values[: self._n_features])

    def find_history(self, applicant_id: str) -> dict[str, float]:
        """Return the features of the applicant's history, NaN where one is missing. Raises as `find` does."""
        _, values = self._find(applicant_id)
        return {name: float(values[place]) for name, place in self._history.items()}

    def _find(self, applicant_id: str) -> tuple[str, NDArray[np.float64]]:
        identifier = applicant_id.encode()
        for split in self._splits:
            values = split.find(identifier)
            if values is not None:
                return split.name, values
        raise NotFound(
            "no split of the served model's data set has this applicant; check the identifier, or send named features",
            reason="APPLICANT_NOT_FOUND",
        )

    def split(self, name: str) -> SplitRows:
        """Return a whole split under the model's columns, mapped from disk. Raises NotFound (SPLIT_NOT_FOUND)."""
        for split in self._splits:
            if split.name == name:
                return split.whole(self._n_features)
        known = ", ".join(split.name for split in self._splits)
        raise NotFound(f"the served model's data set has no such split; it has {known}", reason="SPLIT_NOT_FOUND")


def open_applicants(
    splits: Mapping[str, Path], names: tuple[str, ...], folder: Path, *, history: Sequence[str] = ()
) -> StoredApplicants:
    """Return the applicants of the splits' Parquet files, with the columns `names` in that order.

    `history` names the features of an applicant's history that are asked for by themselves, of the model or not.
    The first time, or when the copy is damaged, the values are written to `folder` as a matrix that can be mapped; the
    folder must be one for these splits and these columns alone.
    Raises Precondition (SPLIT_REJECTED) if a column is missing, a value infinite, or a file no Parquet, Unavailable
    (CACHE_FAILED) if the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        places = {name: place for place, name in enumerate(dict.fromkeys((*names, *history)))}
        opened = [_open(name, path, tuple(places), folder) for name, path in splits.items()]
        return StoredApplicants(opened, len(names), {name: places[name] for name in history})
    except OSError as error:
        raise Unavailable(
            f"the scorer's cache cannot be read or written ({error.strerror}); give its disk room, or let "
            "COUNTERFOIL_STATE_DIR name another",
            reason="CACHE_FAILED",
        ) from error


def _open(name: str, path: Path, names: tuple[str, ...], folder: Path) -> _Split:
    try:
        frame = pl.scan_parquet(path)
        identifiers = frame.select(pl.col(ID_COLUMN).cast(pl.String)).collect().to_series().to_list()
        matrix = _sound_matrix(folder, name)
        if matrix is None:
            matrix = _write_matrix(frame.select(pl.col(names).cast(pl.Float64)), len(identifiers), folder, name)
        values = np.load(matrix, mmap_mode="r", allow_pickle=False)
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise _rejected(name, "cannot be read as the served model needs it") from error
    if values.shape != (len(identifiers), len(names)):
        raise _rejected(name, "differs from its copy in the cache")
    encoded = np.array([identifier.encode() for identifier in identifiers], dtype=np.bytes_)
    rows = np.argsort(encoded, kind="stable")
    return _Split(name, encoded[rows], rows, values)


def _sound_matrix(folder: Path, name: str) -> Path | None:
    """Return the split's matrix if there is one and it is as it was written: its name holds its SHA-256."""
    found = folder.glob(f"{name}.*.npy")
    return next((path for path in found if path.name == f"{name}.{digest_of_file(path)}.npy"), None)


def _write_matrix(frame: pl.LazyFrame, n_rows: int, folder: Path, name: str) -> Path:
    """Write the columns as a row-major matrix, a slice at a time; it is there as a whole or not at all."""
    with TemporaryDirectory(dir=folder) as scratch:
        partial = Path(scratch) / "matrix.npy"
        shape = (n_rows, len(frame.collect_schema()))
        matrix = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float64, shape=shape)
        for start in range(0, n_rows, _ROWS_AT_ONCE):
            chunk = frame.slice(start, _ROWS_AT_ONCE).collect().to_numpy()
            if np.isinf(chunk).any():
                raise ValueError("a value is infinite")
            matrix[start : start + len(chunk)] = chunk
        matrix.flush()
        return partial.rename(folder / f"{name}.{digest_of_file(partial)}.npy")


def _rejected(split: str, why: str) -> Precondition:
    return Precondition(
        f"the data set's split {split!r} {why}; make the data set anew, or clear the scorer's cache",
        reason="SPLIT_REJECTED",
        metadata={"split": split},
    )
