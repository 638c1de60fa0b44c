"""Stored applicants: the same bits as in Parquet, by identifier, from a matrix that is mapped and made once."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from services.scorer.adapters.applicants import open_applicants
from shared.errors import NotFound, Precondition, Unavailable

NAMES = ("B", "A")


def write(path: Path, ids: list[str], values: np.ndarray) -> Path:
    """Write a split with one column more than is read, in another order; NaN becomes null."""
    columns = {"applicant_id": ids, "A": values[:, 1], "UNUSED": values[:, 0], "B": values[:, 0]}
    schema = {"applicant_id": pl.String, "A": pl.Float64, "UNUSED": pl.Float64, "B": pl.Float64}
    pl.DataFrame(columns, schema=schema, nan_to_null=True).write_parquet(path)
    return path


def split(tmp_path: Path, name: str, first: int, rows: int) -> tuple[Path, list[str], np.ndarray]:
    """Write a split of so many seeded applicants, numbered downwards, some values missing."""
    values = np.random.default_rng(first).normal(size=(rows, 2))
    values[::3, 0] = np.nan
    ids = [str(first + rows - place) for place in range(rows)]
    return write(tmp_path / f"{name}.parquet", ids, values), ids, values


def test_every_applicant_of_every_split_is_found_with_its_values(tmp_path: Path) -> None:
    """Columns in the order asked for, missing values as NaN."""
    train, train_ids, train_values = split(tmp_path, "train", 0, 50)
    test, test_ids, test_values = split(tmp_path, "test", 1000, 20)

    applicants = open_applicants({"train": train, "test": test}, NAMES, tmp_path / "cache")

    assert applicants.complete
    for name, ids, values in (("train", train_ids, train_values), ("test", test_ids, test_values)):
        for applicant_id, row in zip(ids, values, strict=True):
            found = applicants.find(applicant_id)
            assert found.split == name
            assert_array_equal(found.values, row)


def test_a_split_is_told_in_its_own_order_with_the_models_columns_alone(tmp_path: Path) -> None:
    """Whatever else of it is kept for an applicant's history."""
    path, ids, values = split(tmp_path, "train", 0, 50)

    applicants = open_applicants({"train": path}, NAMES, tmp_path / "cache", history=("UNUSED",))
    whole = applicants.split("train")

    assert [each.decode() for each in whole.applicant_ids.tolist()] == ids
    assert_array_equal(whole.values, values)
    with pytest.raises(NotFound, match="it has train") as caught:
        applicants.split("production")
    assert caught.value.reason == "SPLIT_NOT_FOUND"


@settings(max_examples=30, deadline=None)
@given(st.sets(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=6), min_size=1))
def test_identifiers_are_texts_of_any_alphabet(tmp_path_factory: pytest.TempPathFactory, identifiers: set[str]) -> None:
    """Each finds its own row; a prefix or an extension of one finds nothing."""
    folder, ids = tmp_path_factory.mktemp("ids"), sorted(identifiers)
    values = np.arange(2.0 * len(ids)).reshape(-1, 2)

    applicants = open_applicants({"train": write(folder / "train.parquet", ids, values)}, NAMES, folder / "cache")

    assert [applicants.find(each).values[0] for each in ids] == values[:, 0].tolist()
    for other in {f"{each}!" for each in ids} - identifiers:
        with pytest.raises(NotFound):
            applicants.find(other)


@pytest.mark.parametrize("unknown", ["47", "4711" * 32, "96\0"])
def test_an_unknown_identifier_is_not_found_and_not_repeated(tmp_path: Path, unknown: str) -> None:
    """The error is for a log line too; a zero byte at the end, which numpy overlooks, makes another identifier."""
    train, _, _ = split(tmp_path, "train", 95, 5)
    applicants = open_applicants({"train": train}, NAMES, tmp_path / "cache")

    with pytest.raises(NotFound) as caught:
        applicants.find(unknown)

    assert caught.value.reason == "APPLICANT_NOT_FOUND"
    assert unknown not in caught.value.message


def test_a_disk_that_refuses_is_not_taken_for_a_bad_split(tmp_path: Path) -> None:
    """It may pass, so the scorer serves named features meanwhile and tries again."""
    train, _, _ = split(tmp_path, "train", 0, 5)
    (tmp_path / "file").touch()

    with pytest.raises(Unavailable) as caught:
        open_applicants({"train": train}, NAMES, tmp_path / "file" / "cache")

    assert caught.value.reason == "CACHE_FAILED"
    assert str(tmp_path) not in caught.value.message


def test_a_found_row_is_a_copy(tmp_path: Path) -> None:
    """Whoever changes it does not change the applicant."""
    train, ids, values = split(tmp_path, "train", 0, 5)
    applicants = open_applicants({"train": train}, NAMES, tmp_path / "cache")

    applicants.find(ids[1]).values[:] = 0.0

    assert_array_equal(applicants.find(ids[1]).values, values[1])


def test_the_matrix_is_made_once(tmp_path: Path) -> None:
    """The second opening maps the file that the first one wrote, and leaves no other behind."""
    train, _, _ = split(tmp_path, "train", 0, 5)
    open_applicants({"train": train}, NAMES, tmp_path / "cache")
    (matrix,) = (tmp_path / "cache").iterdir()
    written = matrix.stat().st_mtime_ns

    open_applicants({"train": train}, NAMES, tmp_path / "cache")

    assert matrix.stat().st_mtime_ns == written
    assert list((tmp_path / "cache").iterdir()) == [matrix]


def test_a_damaged_matrix_is_made_anew(tmp_path: Path) -> None:
    """A flipped bit on the disk never becomes somebody's input."""
    train, ids, values = split(tmp_path, "train", 0, 5)
    open_applicants({"train": train}, NAMES, tmp_path / "cache")
    (matrix,) = (tmp_path / "cache").iterdir()
    content = bytearray(matrix.read_bytes())
    content[-1] ^= 1
    matrix.write_bytes(content)

    applicants = open_applicants({"train": train}, NAMES, tmp_path / "cache")

    assert_array_equal(applicants.find(ids[4]).values, values[4])


def test_a_matrix_of_other_rows_is_refused(tmp_path: Path) -> None:
    """A cache that does not fit its split never answers for it."""
    short, _, _ = split(tmp_path, "short", 0, 5)
    long, _, _ = split(tmp_path, "long", 0, 6)
    open_applicants({"train": short}, NAMES, tmp_path / "cache")

    with pytest.raises(Precondition) as caught:
        open_applicants({"train": long}, NAMES, tmp_path / "cache")

    assert (caught.value.reason, caught.value.metadata) == ("SPLIT_REJECTED", {"split": "train"})


@pytest.mark.parametrize("damage", ["infinite", "column", "bytes"])
def test_a_split_that_cannot_serve_is_refused(tmp_path: Path, damage: str) -> None:
    """An infinite value is no missing one, a missing column no zero; nothing half-made stays in the cache."""
    train, ids, values = split(tmp_path, "train", 0, 5)
    if damage == "infinite":
        write(train, ids, np.where(np.isnan(values), np.inf, values))
    elif damage == "column":
        pl.read_parquet(train).drop("A").write_parquet(train)
    else:
        train.write_bytes(b"no Parquet")

    with pytest.raises(Precondition) as caught:
        open_applicants({"train": train}, NAMES, tmp_path / "cache")

    assert caught.value.reason == "SPLIT_REJECTED"
    assert list((tmp_path / "cache").iterdir()) == []
