"""The seal: whatever was changed after writing, and whatever does not fit together, never serves."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.bundle.manifest import MANIFEST, BundleRejected, Manifest, open_sealed, seal
from shared.bundle.reading import load_bundle
from shared.bundle.writing import write_bundle
from shared.errors import Precondition
from tests.bundles import TinyBundle

FILES = [
    "calibrator.json",
    "cleaning.json",
    "golden.npz",
    "model.txt",
    "profile.json",
    "raw_features.json",
    "schema.json",
]


def _resealed(folder: Path, target: Path, changes: Mapping[str, bytes], **manifest: Any) -> Path:
    """Seal the files anew as someone would who may write to the registry; the digests are all sound."""
    sealed = open_sealed(folder)
    seal(target, replace(sealed.manifest, **manifest), {**sealed.files, **changes})
    return target


def _edited(folder: Path, file: str, edit: Callable[[dict[str, Any]], object]) -> dict[str, bytes]:
    document = json.loads((folder / file).read_bytes())
    edit(document)
    return {file: json.dumps(document).encode()}


def test_manifest_names_every_other_file(trees: TinyBundle) -> None:
    """Nothing in the folder is outside the seal."""
    sealed = open_sealed(trees.folder, trees.digest)

    assert sorted(sealed.manifest.files) == FILES
    assert sorted(path.name for path in trees.folder.iterdir()) == sorted([*FILES, MANIFEST])
    assert {name: len(content) for name, content in sealed.files.items()} == {
        name: file.size for name, file in sealed.manifest.files.items()
    }


@pytest.mark.parametrize("name", FILES)
def test_file_with_one_changed_byte_is_refused_before_it_is_parsed(copied: Path, name: str) -> None:
    """LightGBM would end this process if it read its text when damaged."""
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)

    with pytest.raises(BundleRejected, match=f"{name} was changed") as refused:
        load_bundle(copied)

    assert refused.value.metadata == {"file": name}


@pytest.mark.parametrize("name", FILES)
def test_file_that_is_cut_short_is_refused(copied: Path, name: str) -> None:
    """A download that broke off."""
    content = (copied / name).read_bytes()
    (copied / name).write_bytes(content[: len(content) // 2])

    with pytest.raises(BundleRejected, match=f"{name} was changed"):
        load_bundle(copied)


def test_file_that_grew_is_refused_without_reading_it_whole(copied: Path) -> None:
    """The manifest says how long it may be."""
    with (copied / "model.txt").open("ab") as stream:
        stream.write(b"\n" * 1000)

    with pytest.raises(BundleRejected, match="longer than it may be"):
        load_bundle(copied)


def test_missing_file_is_refused(copied: Path) -> None:
    """And named."""
    (copied / "cleaning.json").unlink()

    with pytest.raises(BundleRejected, match=r"it lacks cleaning\.json"):
        load_bundle(copied)


def test_extra_file_is_refused(copied: Path) -> None:
    """What no digest covers has no place in the folder."""
    (copied / "notes.txt").write_text("hello")

    with pytest.raises(BundleRejected, match=r"it also holds notes\.txt"):
        load_bundle(copied)


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_anything_but_plain_files_is_refused(copied: Path, kind: str) -> None:
    """A link could point to other contents tomorrow."""
    if kind == "folder":
        (copied / "more").mkdir()
    else:
        (copied / "model.txt").rename(copied.parent / "model.txt")
        (copied / "model.txt").symlink_to(copied.parent / "model.txt")

    with pytest.raises(BundleRejected, match="something else than plain files"):
        load_bundle(copied)


def test_manifest_other_than_the_registered_one_is_refused(trees: TinyBundle) -> None:
    """A sound bundle in the place of another is still the wrong one."""
    with pytest.raises(BundleRejected, match="not the one that was registered") as refused:
        load_bundle(trees.folder, digest="0" * 64)

    assert refused.value.metadata == {"digest": trees.digest}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"layout": 1}'])
def test_manifest_that_is_none_is_refused(copied: Path, content: bytes) -> None:
    """Whatever is in the file, the error is ours."""
    (copied / MANIFEST).write_bytes(content)

    with pytest.raises(BundleRejected, match="manifest cannot be read"):
        load_bundle(copied)


def test_folder_that_is_not_there_is_refused_without_naming_it(tmp_path: Path) -> None:
    """The message reaches callers; paths of the server do not."""
    with pytest.raises(BundleRejected) as refused:
        load_bundle(tmp_path / "nowhere")

    assert isinstance(refused.value, Precondition)
    assert refused.value.reason == "BUNDLE_REJECTED"
    assert str(tmp_path) not in refused.value.message


def test_manifest_of_another_layout_is_refused(trees: TinyBundle, tmp_path: Path) -> None:
    """An older release does not guess what a newer one meant."""
    folder = _resealed(trees.folder, tmp_path / "bundle", {}, layout=2)

    with pytest.raises(BundleRejected, match="its layout is 2"):
        load_bundle(folder)


def test_manifest_comes_back_from_its_bytes_as_it_was(trees: TinyBundle) -> None:
    """Equal manifests have equal bytes, and so equal digests."""
    manifest = open_sealed(trees.folder).manifest

    read = Manifest.from_bytes(manifest.to_bytes())

    assert read == manifest
    assert read.to_bytes() == manifest.to_bytes()


def test_equal_contents_give_equal_digests(trees: TinyBundle, tmp_path: Path) -> None:
    """A bundle can be made again and compared by one number."""
    digest = write_bundle(tmp_path / "again", trees.contents)

    assert digest == trees.digest


def test_bundle_is_not_written_over_another(trees: TinyBundle, copied: Path) -> None:
    """A mixture of two would be sealed as one."""
    with pytest.raises(FileExistsError):
        write_bundle(copied, trees.contents)


def test_sound_seal_on_another_calibrator_is_refused_by_the_golden_rows(trees: TinyBundle, tmp_path: Path) -> None:
    """Digests prove that nothing was changed; golden rows that it says what it said."""
    changes = _edited(trees.folder, "calibrator.json", lambda document: document.update(slope=0.91))
    folder = _resealed(trees.folder, tmp_path / "bundle", changes)

    with pytest.raises(BundleRejected, match="the probabilities of the golden rows"):
        load_bundle(folder)


def test_golden_rows_may_differ_by_less_than_a_billionth(trees: TinyBundle, tmp_path: Path) -> None:
    """Another kernel may round otherwise, and is not refused for that."""
    changes = _golden(trees.folder, margins=5e-10)
    folder = _resealed(trees.folder, tmp_path / "bundle", changes)

    bundle = load_bundle(folder)

    assert bundle.golden_rows == 8


@pytest.mark.parametrize("name", ["margins", "probabilities", "contributions", "baseline"])
@pytest.mark.parametrize("shift", [2e-9, float("nan")])
def test_every_part_of_a_golden_answer_counts(trees: TinyBundle, tmp_path: Path, name: str, shift: float) -> None:
    """Wrong reasons are as bad as a wrong score, and NaN equals nothing."""
    folder = _resealed(trees.folder, tmp_path / "bundle", _golden(trees.folder, **{name: shift}))

    with pytest.raises(BundleRejected, match=f"the {name} of the golden rows"):
        load_bundle(folder)


def _golden(folder: Path, **shifts: float) -> dict[str, bytes]:
    with np.load(folder / "golden.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] + shifts.get(name, 0.0) for name in stored.files}
    content = io.BytesIO()
    np.savez(content, **arrays)
    return {"golden.npz": content.getvalue()}


def test_golden_rows_with_a_pickle_inside_are_refused(trees: TinyBundle, tmp_path: Path) -> None:
    """An object array is numpy's way to carry code."""
    content = io.BytesIO()
    np.savez(content, values=np.array([{"a": 1}], dtype=object))
    folder = _resealed(trees.folder, tmp_path / "bundle", {"golden.npz": content.getvalue()})

    with pytest.raises(BundleRejected, match="allow_pickle=False"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("file", "edit"),
    [
        ("schema.json", lambda document: document["features"].pop()),
        ("schema.json", lambda document: document["features"].reverse()),
        ("schema.json", lambda document: document["features"][0].update(surprise=1)),
        ("profile.json", lambda document: document.pop("names")),
        ("profile.json", lambda document: document["features"].pop()),
        ("calibrator.json", lambda document: document.update(slope=-1.0)),
        ("calibrator.json", lambda document: document.update(kind="isotonic")),
    ],
)
def test_sound_seal_on_documents_that_do_not_fit_is_refused(
    trees: TinyBundle, tmp_path: Path, file: str, edit: Callable[[dict[str, Any]], object]
) -> None:
    """Parsing errors of every sort come out as one error."""
    folder = _resealed(trees.folder, tmp_path / "bundle", _edited(trees.folder, file, edit))

    with pytest.raises(BundleRejected):
        load_bundle(folder)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x93NUMPY"])
def test_golden_file_that_is_none_is_refused(trees: TinyBundle, tmp_path: Path, content: bytes) -> None:
    """A sound digest on nonsense is still nonsense."""
    folder = _resealed(trees.folder, tmp_path / "bundle", {"golden.npz": content})

    with pytest.raises(BundleRejected):
        load_bundle(folder)


def test_kind_of_model_that_is_not_known_is_refused(trees: TinyBundle, tmp_path: Path) -> None:
    """The manifest cannot name a way to load that is not in our code."""
    folder = _resealed(trees.folder, tmp_path / "bundle", {"model.pkl": b"cos\nsystem\n."}, model_kind="pickle")

    with pytest.raises(BundleRejected, match="'pickle' is no kind of model"):
        load_bundle(folder)


def test_linear_model_under_the_name_of_trees_is_refused(linear: TinyBundle, tmp_path: Path) -> None:
    """Its file is not where the trees would be."""
    folder = _resealed(linear.folder, tmp_path / "bundle", {}, model_kind="lightgbm")

    with pytest.raises(BundleRejected, match=r"it lacks 'model\.txt'"):
        load_bundle(folder)
