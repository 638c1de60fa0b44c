"""The scorer killed or stopped under every kind of call, alone or one worker of several, and what its spools hold."""

import os
import random
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.mixed_lending import MixedLender, Promise, assert_kept_once
from tests.worker_processes import Workers, scorer_processes

MOST_BETWEEN = 120
"""Promises between two kills, at most; a kill comes in the middle of five threads' calls."""


@dataclass(frozen=True)
class Account:
    """What was promised, and how many records of each method there are, asserted to hold every promise once."""

    promises: list[Promise]
    records: Counter[str]

    @property
    def instances(self) -> set[str]:
        """The spools that promises are in."""
        return {promise.receipt[0] for promise in self.promises}


def kill_scorer(folder: Path, *, kills: int, seed: int) -> Account:
    """Kill a scorer of one process so often, each time started again at its address by whoever watches it."""
    chance = random.Random(seed)  # noqa: S311  # it chooses when to kill and guards nothing
    with scorer_processes(folder, 1) as scorer:
        lender = MixedLender(scorer.address, scorer.champion)
        for _ in range(kills):
            lender.wait_for_promises(chance.randint(1, MOST_BETWEEN))
            scorer.kill()
            scorer.start()
        return _settled(scorer, lender)


def kill_workers(folder: Path, *, workers: int, kills: int, seed: int) -> Account:
    """Kill one of the workers so often; the others answer on, and the supervisor starts another in its place."""
    chance = random.Random(seed)  # noqa: S311  # it chooses whom to kill and when, and guards nothing
    with scorer_processes(folder, workers) as scorer:
        lender = MixedLender(scorer.address, scorer.champion)
        killed: set[object] = set()
        for kill in range(kills):
            lender.wait_for_promises(chance.randint(1, MOST_BETWEEN))
            running = [event["pid"] for event in scorer.events("serving") if event["pid"] not in killed]
            victim = chance.choice(running)
            killed.add(victim)
            os.kill(int(str(victim)), signal.SIGKILL)
            scorer.wait_for("worker died", kill + 1)
            lender.wait_for_promises(20)
            scorer.wait_for("bundle served", workers + kill + 1)
        return _settled(scorer, lender)


def restart_scorer(folder: Path, *, workers: int, stops: int, seed: int) -> Account:
    """Stop a scorer by SIGTERM so often, each time asserted to end well, and start it again at its address."""
    chance = random.Random(seed)  # noqa: S311  # it chooses when to stop and guards nothing
    with scorer_processes(folder, workers) as scorer:
        lender = MixedLender(scorer.address, scorer.champion)
        for _ in range(stops):
            lender.wait_for_promises(chance.randint(1, MOST_BETWEEN))
            assert scorer.terminate() == 0
            scorer.start()
        return _settled(scorer, lender)


def _settled(scorer: Workers, lender: MixedLender) -> Account:
    """Return the account after a clean end."""
    lender.wait_for_promises(50)
    lender.stop()
    assert scorer.terminate() == 0
    return Account(lender.promises, assert_kept_once(lender.promises, scorer.segments()))
