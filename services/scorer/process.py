"""How the process of a scorer runs, so that its core is used for answers; see docs/adr/0023."""

import ctypes
import gc
import os
import platform
from typing import Final

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Of glibc's malloc.h."""
_KEPT_BYTES: Final = 64 << 20
_LARGEST_BYTES: Final = 32 << 20
_COLLECTED_AFTER: Final = 20_000
"""Objects: by default Python looks for cycles, of which a call makes none, every few calls."""


def prefer_throughput() -> None:
    """Let a thread that wakes up wait until the running one pauses; call it before there are threads, which inherit it.

    A call wakes several threads, each of which would interrupt another that still holds the interpreter's lock, only to
    wait for that. For the same reason they share one arena of memory, which stays in the cache; of what is given back
    64 MiB are kept, since memory for a chunk of rows costs more to get from the system than to fill.
    """
    if hasattr(os, "SCHED_BATCH"):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, 1)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
    gc.set_threshold(_COLLECTED_AFTER)


def cores() -> int:
    """Return on how many cores the process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def freeze_memory() -> None:
    """Leave what lives long, modules and bundle, out of every later garbage collection; anew after each swap."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
