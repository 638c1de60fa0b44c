"""What a commit of a local Delta table needs to survive a power cut: delta-rs itself syncs nothing."""

import json
import os
from pathlib import Path
from urllib.parse import unquote


def sync_commit(table: Path, version: int) -> None:
    """Return once the commit is on disk: its data files, its log entry, a checkpoint beside it, and their folders."""
    log = table / "_delta_log"
    entry = log / f"{version:020d}.json"
    # A file that is gone was replaced by a later commit, which is synced as well.
    files = [path for path in _added_files(table, entry) if path.exists()]
    beside = [log / f"{version:020d}.checkpoint.parquet", log / "_last_checkpoint"]
    for path in [*files, entry, *(path for path in beside if path.exists())]:
        sync(path)
    folders = {
        folder for path in files for folder in (path.parent, *path.parent.parents) if folder.is_relative_to(table)
    }
    for folder in sorted(folders | {log, table}, reverse=True):
        sync(folder)


def sync(path: Path) -> None:
    """Return once the file's or folder's content is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, durably."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync(path.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Put the content in place durably: a reader sees the old file or the new one, whole."""
    temporary = path.with_name(f".{path.name}.writing")
    temporary.write_bytes(content)
    sync(temporary)
    temporary.replace(path)
    sync(path.parent)


def _added_files(table: Path, entry: Path) -> list[Path]:
    actions = (json.loads(line) for line in _lines(entry.read_text()))
    return [table / unquote(action["add"]["path"]) for action in actions if "add" in action]


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]
