"""Memory that is free: the machine's, within the container's limit."""

from pathlib import Path

from services.trainer.adapters.memory import available_memory


def _files(folder: Path, *, limit: str = "max", used: int = 0) -> tuple[Path, Path]:
    """Return a meminfo of 3 MiB that are free, and a cgroup."""
    (folder / "meminfo").write_text("MemTotal:  9000 kB\nMemFree:  5 kB\nMemAvailable:    3072 kB\n", encoding="ascii")
    (folder / "memory.max").write_text(f"{limit}\n", encoding="ascii")
    (folder / "memory.current").write_text(f"{used}\n", encoding="ascii")
    return folder / "meminfo", folder


def test_a_machine_has_what_it_can_free(tmp_path: Path) -> None:
    """Caches count as free, since they give way."""
    assert available_memory(*_files(tmp_path)) == 3 * 2**20


def test_a_container_has_no_more_than_its_limit_leaves(tmp_path: Path) -> None:
    """The kernel would end the process there."""
    assert available_memory(*_files(tmp_path, limit=str(2 * 2**20), used=2**20)) == 2**20


def test_where_neither_is_told_the_machine_is_asked_for_all_it_has(tmp_path: Path) -> None:
    """As on macOS."""
    assert available_memory(tmp_path / "absent", tmp_path / "absent") > 2**28


def test_this_machine_has_some() -> None:
    """By its own files."""
    assert available_memory() > 0
