"""Downloaded files by digest: checked before they get their name, and again whenever they are asked for."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from shared.bundle.manifest import MANIFEST, BundleRejected, open_sealed
from shared.digests import digest_of_file
from shared.errors import Precondition

Download = Callable[[Path], None]
_DIGEST = re.compile(r"[0-9a-f]{64}")


class FileCache:
    """A folder of downloads. Threads and processes may share it: a name appears at once and complete, or not at all.

    What is found changed on disk is thrown away and downloaded again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def bundle(self, digest: str, download: Download) -> Path:
        """Return the folder of the bundle of that digest; `download` puts it somewhere into an empty folder.

        Raises BundleRejected if what came is another one.
        """
        if not _DIGEST.fullmatch(digest):
            raise BundleRejected("the digest that it was registered with is none")
        place = self._folder / digest
        if place.is_dir() and _is_bundle(place, digest):
            return place
        with self._scratch() as scratch:
            download(Path(scratch))
            manifests = list(Path(scratch).rglob(MANIFEST))
            if len(manifests) != 1:
                raise BundleRejected("it lacks its manifest")
            open_sealed(manifests[0].parent, digest)
            _put(manifests[0].parent, place, Path(scratch))
        return place

    def split(self, digest: str, download: Download) -> Path:
        """Return the file of that SHA-256; `download` puts it somewhere into an empty folder.

        Raises Precondition SPLIT_REJECTED if what came is another one.
        """
        if not _DIGEST.fullmatch(digest):
            raise _split_rejected("its digest is none")
        place = self._folder / f"{digest}.parquet"
        if place.is_file() and digest_of_file(place) == digest:
            return place
        with self._scratch() as scratch:
            download(Path(scratch))
            files = [path for path in Path(scratch).rglob("*") if path.is_file()]
            if len(files) != 1 or digest_of_file(files[0]) != digest:
                raise _split_rejected("MLflow holds other rows than those that the model was made with")
            files[0].replace(place)
        return place

    def _scratch(self) -> "tempfile.TemporaryDirectory[str]":
        # On the same file system as the names, so that a rename is one step.
        self._folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=self._folder, prefix="fetching-")


def _is_bundle(folder: Path, digest: str) -> bool:
    try:
        open_sealed(folder, digest)
    except BundleRejected:
        return False
    return True


def _put(fetched: Path, place: Path, scratch: Path) -> None:
    """Give a checked folder its name; of two that fetch at once, the first stays if it is sound."""
    if place.exists():
        if _is_bundle(place, place.name):
            return
        place.rename(scratch / "damaged")
    try:
        fetched.rename(place)
    except OSError:
        if not _is_bundle(place, place.name):
            raise


def _split_rejected(why: str) -> Precondition:
    return Precondition(
        f"a split of the data set is refused: {why}; create the data set again and train on it",
        reason="SPLIT_REJECTED",
    )
