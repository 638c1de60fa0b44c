"""The seal of a bundle: a manifest that names every other file by SHA-256 and size, and is itself named by its own."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from shared.bundle.dataset import DatasetReference
from shared.digests import digest_of
from shared.errors import Precondition

MANIFEST = "manifest.json"
LAYOUT = 1
_LARGEST_MANIFEST_BYTES = 16 << 20


class BundleRejected(Precondition):
    """A bundle that must not serve; `detail` says why without naming a path."""

    def __init__(self, detail: str, *, metadata: Mapping[str, str] | None = None) -> None:
        message = f"the bundle is refused: {detail}; register the model again and promote the new version"
        super().__init__(message, reason="BUNDLE_REJECTED", metadata=metadata)


@dataclass(frozen=True)
class FileSeal:
    """What a file must be: its SHA-256 in hexadecimal and its length in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """What a bundle is. `files` is every file.

    `costs` are those that `threshold` (a probability) was tuned for: numbers, and where they are factors of a column's
    values its name.
    """

    model_name: str
    classifier: str
    training_job: str
    model_kind: str
    kernel_id: str
    threshold: float
    costs: Mapping[str, float | str]
    dataset: DatasetReference
    metrics: Mapping[str, float]
    library_versions: Mapping[str, str]
    files: Mapping[str, FileSeal] = field(default_factory=dict)
    layout: int = LAYOUT

    def to_bytes(self) -> bytes:
        """Return the manifest as JSON; equal manifests have equal bytes. Raises ValueError for a number not finite."""
        return json_bytes(asdict(self))

    @classmethod
    def from_bytes(cls, content: bytes) -> "Manifest":
        """Return the manifest that `to_bytes` wrote; raises ValueError, KeyError or TypeError if it is none."""
        document = read_json(content)
        if document["layout"] != LAYOUT:
            raise ValueError(f"its layout is {document['layout']}, this release reads {LAYOUT}")
        if not math.isfinite(document["threshold"]):
            raise ValueError("its threshold is no number")
        files = {name: FileSeal(**seal) for name, seal in document["files"].items()}
        return cls(**{**document, "dataset": DatasetReference.from_json(document["dataset"]), "files": files})


@dataclass(frozen=True)
class Sealed:
    """A bundle whose every byte was checked: its digest, what it is, and the contents of its files by name."""

    digest: str
    manifest: Manifest
    files: Mapping[str, bytes]


def seal(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> str:
    """Write the files and, last, the manifest that names them; return its SHA-256 in hexadecimal.

    The folder is made and must be empty: raises FileExistsError otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    seals = {name: FileSeal(digest_of(content), len(content)) for name, content in sorted(files.items())}
    content = replace(manifest, files=seals).to_bytes()
    (folder / MANIFEST).write_bytes(content)
    return digest_of(content)


def open_sealed(folder: Path, digest: str | None = None) -> Sealed:
    """Return what a folder holds, read once and checked; nothing but the manifest is parsed before all is checked.

    Raises BundleRejected if the manifest is not the one of `digest`, or if a file is missing, extra, changed or no
    plain file.
    """
    try:
        names = _plain_files(folder)
        content = _read(folder / MANIFEST, _LARGEST_MANIFEST_BYTES)
        found = digest_of(content)
        if digest is not None and found != digest:
            raise BundleRejected("its manifest is not the one that was registered", metadata={"digest": found})
        manifest = Manifest.from_bytes(content)
        if names != {*manifest.files, MANIFEST}:
            raise BundleRejected(_difference(names, {*manifest.files, MANIFEST}))
        files = {name: _checked(folder / name, file) for name, file in manifest.files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleRejected(f"its manifest cannot be read ({error})") from error
    except OSError as error:
        raise BundleRejected(f"it cannot be read ({error.strerror})") from error
    return Sealed(found, manifest, files)


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Return the document as JSON with sorted keys; raises ValueError for NaN and infinity."""
    return (json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def read_json(content: bytes) -> dict[str, Any]:
    """Return the JSON object; raises ValueError if it is none or holds NaN or infinity."""
    document = json.loads(content, parse_constant=_refuse_constant)
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")
    return document


def _refuse_constant(text: str) -> float:
    raise ValueError(f"it holds {text}")


def _plain_files(folder: Path) -> set[str]:
    entries = list(folder.iterdir())
    odd = sorted(entry.name for entry in entries if entry.is_symlink() or not entry.is_file())
    if odd:
        raise BundleRejected(f"it holds something else than plain files ({', '.join(odd)})")
    return {entry.name for entry in entries}


def _read(path: Path, largest: int) -> bytes:
    with path.open("rb") as stream:
        content = stream.read(largest + 1)
    if len(content) > largest:
        raise BundleRejected(f"{path.name} is longer than it may be", metadata={"file": path.name})
    return content


def _checked(path: Path, expected: FileSeal) -> bytes:
    content = _read(path, expected.size)
    if len(content) != expected.size or digest_of(content) != expected.sha256:
        raise BundleRejected(f"{path.name} was changed after it was sealed", metadata={"file": path.name})
    return content


def _difference(found: set[str], named: set[str]) -> str:
    missing, extra = sorted(named - found), sorted(found - named)
    said = [f"{what} {', '.join(names)}" for what, names in (("it lacks", missing), ("it also holds", extra)) if names]
    return " and ".join(said)
