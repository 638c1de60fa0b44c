"""The board keeps the newest verdicts and tells those whose finding has changed."""

from dataclasses import replace

import pytest

from services.monitor.domain.drift_verdict import DriftVerdict, WindowKind
from services.monitor.drift_board import DriftBoard
from tests.unit.monitor.models import MODEL_VERSION
from tests.unit.monitor.verdicts import CREDIT, DRIFTED, STABLE


def test_newest_verdict_of_each_window_counts() -> None:
    """Windows stand beside each other, and so do model versions."""
    board, days = DriftBoard(), replace(STABLE, window=WindowKind.LAST_DAYS)
    board.post([STABLE, days])

    board.post([DRIFTED])

    assert board.verdicts(MODEL_VERSION) == (DRIFTED, days)
    assert board.verdicts(f"{MODEL_VERSION}0") == ()


def test_subscriber_is_told_what_changed_and_nothing_else() -> None:
    """A first verdict is news, moved figures are none, and a window that drifts or recovers is."""
    board, told = DriftBoard(), list[DriftVerdict]()
    board.subscribe(told.append)
    moved = replace(DRIFTED, rows=5_001, features=(replace(CREDIT, psi=0.3),))

    for verdict in (STABLE, replace(STABLE, rows=5_001), DRIFTED, moved, STABLE):
        board.post([verdict])

    assert told == [STABLE, DRIFTED, STABLE]


def test_what_a_subscriber_failed_to_take_in_is_told_again() -> None:
    """An alert must not be lost because a disk was full for a moment; the verdict stands all the same."""
    board, told, failures = DriftBoard(), list[DriftVerdict](), [OSError("the disk is full")]

    def fail_once(verdict: DriftVerdict) -> None:
        if failures:
            raise failures.pop()
        told.append(verdict)

    board.subscribe(fail_once)
    with pytest.raises(OSError, match="full"):
        board.post([DRIFTED])
    standing = board.verdicts(MODEL_VERSION)

    board.post([DRIFTED])

    assert standing == (DRIFTED,)
    assert told == [DRIFTED]


def test_digest_of_a_verdict_tells_figures_apart_and_stays_when_asked_again() -> None:
    """A status is told apart by it; two verdicts of equal figures have one."""
    moved = replace(DRIFTED, features=(replace(CREDIT, psi=CREDIT.psi + 1e-15),))

    digests = [STABLE.digest, STABLE.digest, replace(STABLE).digest, DRIFTED.digest, moved.digest]

    assert len(set(digests)) == 3
    assert digests[:3] == [STABLE.digest] * 3
