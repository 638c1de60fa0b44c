"""How much memory this process may still take."""

import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def available_memory(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int:
    """Return the bytes that are free or can be freed, within the container's limit; all of the machine's if unknown."""
    return int(min(_of_machine(meminfo), _of_container(cgroup)))


def _of_machine(meminfo: Path) -> int:
    if meminfo.is_file():
        lines = dict(line.split(":", 1) for line in meminfo.read_text(encoding="ascii").splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _of_container(cgroup: Path) -> float:
    limit, used = cgroup / "memory.max", cgroup / "memory.current"
    if not limit.is_file() or not used.is_file():
        return float("inf")
    most = limit.read_text(encoding="ascii").strip()
    return float("inf") if most == "max" else int(most) - int(used.read_text(encoding="ascii"))
