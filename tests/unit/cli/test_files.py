"""Files that commands write, where writing them goes wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterfoil.cli.failures import CommandFailed
from counterfoil.cli.files import write_file


def _broken_off() -> Iterator[bytes]:
    yield b"half"
    raise RuntimeError("the stream broke")


def test_source_that_breaks_off_leaves_the_older_file_alone(tmp_path: Path) -> None:
    """Half a report must not replace a whole one, nor lie beside it."""
    (page := tmp_path / "page.html").write_text("older")

    with pytest.raises(RuntimeError, match="the stream broke"):
        write_file(page, _broken_off())

    assert page.read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_older_file_is_replaced_by_a_shorter_one(tmp_path: Path) -> None:
    """Nothing of the older one stays at its end."""
    (page := tmp_path / "page.html").write_text("much longer than the new one")

    write_file(page, [b"new"])

    assert page.read_bytes() == b"new"


def test_document_without_a_chunk_is_an_empty_file(tmp_path: Path) -> None:
    """The file is there, and its size is told as 0."""
    assert write_file(tmp_path / "empty", []) == 0
    assert (tmp_path / "empty").read_bytes() == b""


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("absent/page.html", "No such file or directory"),
        ("file/page.html", "Not a directory"),
        ("n" * 300, "File name too long"),
        ("folder", "Is a directory"),
    ],
    ids=["absent folder", "below a file", "long name", "a folder"],
)
def test_place_that_takes_no_file_is_a_clear_error(tmp_path: Path, place: str, why: str) -> None:
    """The path and the system's words are told, and clearing up afterwards does not hide them."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())

    with pytest.raises(CommandFailed, match=why) as raised:
        write_file(tmp_path / place, [b"x"])

    assert raised.value.reason == "FILE_UNWRITABLE"
    assert str(tmp_path / place) in raised.value.message
    assert sorted(tmp_path.iterdir()) == before
