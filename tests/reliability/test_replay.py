"""10,000 random logged decisions come out again to the bit, in other processes than the one that made them."""

from pathlib import Path

import pytest

from tests.bundles import tiny_bundle
from tests.fakes import FakeRegistry
from tests.service.replays import decide_at_random, replayed_rows, segments_of
from tests.service.scoring import scorer


@pytest.mark.reliability
def test_ten_thousand_random_decisions_are_replayed_to_the_bit(tmp_path: Path) -> None:
    """Made by every rpc with several calls at once, replayed by two processes."""
    bundle = tiny_bundle(tmp_path / "tiny", seed=41)
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    with scorer(tmp_path / "state", registry) as running:
        decided = decide_at_random(running, bundle, rounds=21, seed=7)

    segments = list(segments_of(running, max_bytes=1 << 21))

    assert decided > 10_000
    assert len(segments) > 1
    assert replayed_rows(bundle, segments, tmp_path, processes=2) == decided
