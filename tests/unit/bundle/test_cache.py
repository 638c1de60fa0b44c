"""The cache: what has a name in it is what the name says, whoever fetches and whatever breaks."""

import hashlib
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.bundle.cache import FileCache
from shared.bundle.manifest import BundleRejected
from shared.bundle.reading import load_bundle
from shared.errors import Precondition
from tests.bundles import TinyBundle


class Source:
    """Puts one file or folder where MLflow would, and counts how often."""

    def __init__(self, origin: Path, *, before: Callable[[], object] = lambda: None) -> None:
        self.calls = 0
        self._origin = origin
        self._before = before

    def __call__(self, folder: Path) -> None:
        """Download into the folder."""
        self.calls += 1
        self._before()
        if self._origin.is_dir():
            shutil.copytree(self._origin, folder / "data" / self._origin.name)
        else:
            (folder / "dataset").mkdir()
            shutil.copy(self._origin, folder / "dataset" / self._origin.name)


def test_bundle_is_downloaded_once(trees: TinyBundle, tmp_path: Path) -> None:
    """The second time it is only checked."""
    cache, source = FileCache(tmp_path), Source(trees.folder)

    folders = [cache.bundle(trees.digest, source) for _ in range(2)]

    assert source.calls == 1
    assert folders[0] == folders[1]
    assert load_bundle(folders[0], digest=trees.digest).digest == trees.digest
    assert [path.name for path in tmp_path.iterdir()] == [trees.digest]


def test_damaged_bundle_in_the_cache_is_fetched_anew(trees: TinyBundle, tmp_path: Path) -> None:
    """A disk that forgot a byte heals by itself."""
    cache, source = FileCache(tmp_path), Source(trees.folder)
    (cache.bundle(trees.digest, source) / "model.txt").write_text("damaged")

    folder = cache.bundle(trees.digest, source)

    assert source.calls == 2
    assert load_bundle(folder, digest=trees.digest).digest == trees.digest
    assert [path.name for path in tmp_path.iterdir()] == [trees.digest]


def test_other_bundle_than_asked_for_gets_no_name(trees: TinyBundle, linear: TinyBundle, tmp_path: Path) -> None:
    """And leaves nothing behind."""
    with pytest.raises(BundleRejected):
        FileCache(tmp_path).bundle(trees.digest, Source(linear.folder))

    assert list(tmp_path.iterdir()) == []


def test_download_without_a_manifest_is_refused(trees: TinyBundle, tmp_path: Path) -> None:
    """A registered model of someone else's."""
    with pytest.raises(BundleRejected, match="manifest"):
        FileCache(tmp_path / "cache").bundle(trees.digest, Source(trees.splits["train"]))


def test_two_that_fetch_at_once_get_the_same_sound_folder(trees: TinyBundle, tmp_path: Path) -> None:
    """Two workers start together on an empty cache."""
    cache, both_are_in = FileCache(tmp_path), threading.Barrier(2, timeout=30)
    source = Source(trees.folder, before=both_are_in.wait)

    with ThreadPoolExecutor(2) as threads:
        folders = list(threads.map(lambda _: cache.bundle(trees.digest, source), range(2)))

    assert source.calls == 2
    assert folders[0] == folders[1]
    assert load_bundle(folders[0], digest=trees.digest).digest == trees.digest
    assert [path.name for path in tmp_path.iterdir()] == [trees.digest]


@pytest.mark.parametrize("digest", ["", "../../elsewhere", "A" * 64, "0" * 63])
def test_digest_that_is_none_never_becomes_a_path(trees: TinyBundle, tmp_path: Path, digest: str) -> None:
    """It comes out of a registry that many can write to."""
    cache, source = FileCache(tmp_path), Source(trees.folder)

    with pytest.raises(BundleRejected):
        cache.bundle(digest, source)
    with pytest.raises(Precondition) as refused:
        cache.split(digest, source)

    assert refused.value.reason == "SPLIT_REJECTED"
    assert source.calls == 0


def test_split_is_downloaded_once_and_healed(trees: TinyBundle, tmp_path: Path) -> None:
    """As a bundle is."""
    cache, source = FileCache(tmp_path), Source(trees.splits["train"])
    digest = trees.contents.dataset.splits["train"].digest

    path = cache.split(digest, source)
    cache.split(digest, source)
    calls = source.calls
    path.write_bytes(b"damaged")
    healed = cache.split(digest, source)

    assert (calls, source.calls) == (1, 2)
    assert hashlib.sha256(healed.read_bytes()).hexdigest() == digest
    assert [path.name for path in tmp_path.iterdir()] == [f"{digest}.parquet"]


def test_split_with_other_rows_is_refused(trees: TinyBundle, tmp_path: Path) -> None:
    """The applicants scored would not be those of the data set."""
    digest = trees.contents.dataset.splits["train"].digest

    with pytest.raises(Precondition) as refused:
        FileCache(tmp_path).split(digest, Source(trees.splits["test"]))

    assert refused.value.reason == "SPLIT_REJECTED"
    assert list(tmp_path.iterdir()) == []
