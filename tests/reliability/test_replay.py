"""10,000 random logged decisions come out again to the bit, in other processes than the one that made them."""

from collections import Counter
from pathlib import Path

import pytest

from tests.bundles import tiny_bundle
from tests.every_way import WAYS, replay_all, score_in_every_way
from tests.fakes import FakeRegistry
from tests.service.replays import decide_at_random, replayed_rows, segments_of
from tests.service.scoring import scorer
from tests.worker_processes import scorer_processes

BIT_EQUAL = "REPLAY_OUTCOME_BIT_EQUAL"


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
    assert replayed_rows(bundle.folder, segments, tmp_path, processes=2) == decided


@pytest.mark.reliability
def test_every_way_says_the_same_bits_and_any_process_replays_them(tmp_path: Path) -> None:
    """Single, batch, stream and split, by one thread or two, on one process or two: 12,000 decisions, each replayed."""
    with scorer_processes(tmp_path, 1, OMP_NUM_THREADS="1") as scorer:
        said = score_in_every_way(scorer.address, scorer.champion)
        assert scorer.terminate() == 0
        scorer.count, scorer.variables["OMP_NUM_THREADS"] = 2, "2"
        scorer.start()
        said += score_in_every_way(scorer.address, scorer.champion)
        assert scorer.terminate() == 0
        segments = list(scorer.segments())
        scorer.start()
        by_two = replay_all(scorer.address, segments, threads=2)
        assert scorer.terminate() == 0
        scorer.count, scorer.variables["OMP_NUM_THREADS"] = 1, "1"
        scorer.start()
        by_one = replay_all(scorer.address, segments, threads=1)
        assert scorer.terminate() == 0

    assert len(said) == 2 * WAYS
    assert all(each == said[0] for each in said)
    assert [each.applicant_id for each in said[0]] == list(scorer.champion.applicant_ids)
    assert by_one == by_two == Counter({BIT_EQUAL: sum(map(len, said))})
    assert len({segment.instance for segment in segments}) == 2
