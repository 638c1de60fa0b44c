"""What the monitor keeps in plain files: documents of reports, the lock on its folder."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.monitor.adapters.durability import make_folder, sync_commit, write_atomically
from services.monitor.adapters.report_files import HTML, JSON, ReportFiles
from services.monitor.adapters.state_lock import StateLock
from services.monitor.domain.drift import Documents
from shared.errors import Precondition


@contextmanager
def synced_paths(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """Note what is synced to disk within the block, in its order."""
    synced: list[Path] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink()))
        yield synced


def test_the_documents_of_a_report_are_kept_and_replaced_whole(tmp_path: Path) -> None:
    """A report that is made again leaves nothing of the first."""
    files = ReportFiles(tmp_path / "reports")
    files.keep("dr-1", Documents("<p>first and long</p>", "[1]"))

    folder = files.keep("dr-1", Documents("<p>ü</p>", "[2]"))

    assert files.path("dr-1", HTML).read_text(encoding="utf-8") == "<p>ü</p>"
    assert files.path("dr-1", JSON).read_text() == "[2]"
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json"]
    assert not files.path("dr-2", HTML).exists()


def test_a_folder_is_held_by_one_monitor_at_a_time(tmp_path: Path) -> None:
    """Released, it is free again."""
    first = StateLock(tmp_path / "monitor")

    with pytest.raises(Precondition) as refused:
        StateLock(tmp_path / "monitor")
    first.release()

    assert refused.value.reason == "STATE_IN_USE"
    StateLock(tmp_path / "monitor").release()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """At the start, with the setting to change."""
    (tmp_path / "state").write_text("a file where the folder should be")

    with pytest.raises(Precondition) as refused:
        StateLock(tmp_path / "state" / "monitor")

    assert refused.value.reason == "STATE_UNWRITABLE"
    assert "COUNTERFOIL_STATE_DIR" in refused.value.message


def test_a_file_is_synced_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut leaves the old file or the new one."""
    path = tmp_path / "progress.json"
    path.write_text("old")

    with synced_paths(monkeypatch) as synced:
        write_atomically(path, b"new")

    assert synced == [tmp_path / ".progress.json.writing", tmp_path]
    assert path.read_text() == "new"


def test_new_folders_are_synced_in_those_that_hold_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is only there once its parent is on disk."""
    with synced_paths(monkeypatch) as synced:
        make_folder(tmp_path / "a" / "b")
        make_folder(tmp_path / "a" / "b")

    assert synced == [tmp_path / "a", tmp_path]


def test_a_commit_is_synced_with_its_data_and_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names in a log entry are percent-encoded, and a checkpoint may stand beside it."""
    log, day = tmp_path / "_delta_log", tmp_path / "day=2026-03-01 x"
    for folder in (log, day):
        folder.mkdir()
    entry = log / f"{7:020d}.json"
    data, checkpoint = day / "part-0.parquet", log / f"{7:020d}.checkpoint.parquet"
    for path in (data, checkpoint):
        path.touch()
    actions = [{"commitInfo": {}}, {"add": {"path": "day=2026-03-01%20x/part-0.parquet"}}]
    entry.write_text("\n".join(json.dumps(action) for action in actions) + "\n")

    with synced_paths(monkeypatch) as synced:
        sync_commit(tmp_path, 7)

    assert set(synced) == {data, entry, checkpoint, day, log, tmp_path}
    assert synced.index(data) < synced.index(day)
