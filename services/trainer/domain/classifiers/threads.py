"""How many threads a training is worth."""

import os

# With fewer rows each tree's threads wait for one another longer than they work, all the more on a busy machine: 4,000
# rows of 771 columns took 2 s with one thread, and with two 13 s beside other work.
_ROWS_A_THREAD = 20_000


def threads_for(rows: int) -> int:
    """Return how many threads are worth their waiting for each other, at most one per core."""
    return min(os.cpu_count() or 1, 1 + rows // _ROWS_A_THREAD)
