"""How a scorer's process runs: told to the system before there are threads, and to Python once a bundle serves."""

import gc
import os
import subprocess
import sys

import pytest

from services.scorer.process import freeze_memory

PROGRAM = """
import os, threading
from services.scorer.process import prefer_throughput
prefer_throughput()
policies = []
thread = threading.Thread(target=lambda: policies.append(os.sched_getscheduler(0)))
thread.start()
thread.join()
print(policies == [os.SCHED_BATCH])
"""


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="only Linux has this policy")
def test_threads_that_come_later_do_not_interrupt_each_other() -> None:
    """They inherit the policy."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert ran.stdout == "True\n"


def test_what_is_frozen_again_holds_no_garbage() -> None:
    """After each swap the old bundle's memory is looked through once more before the rest is left alone."""
    freeze_memory()
    first = gc.get_freeze_count()
    garbage = [[] for _ in range(10_000)]  # type: ignore[var-annotated]
    for each in garbage:
        each.append(each)
    freeze_memory()
    garbage.clear()
    del each
    freeze_memory()

    assert gc.get_freeze_count() < first + 5_000
    gc.unfreeze()
