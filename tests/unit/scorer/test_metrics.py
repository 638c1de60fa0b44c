"""The scorer's figures: one sample a batch and stage, and what serves and waits now."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from services.scorer.adapters.spool import Depth
from services.scorer.domain.features import FeatureResolver
from services.scorer.domain.serving import MissingApplicants, Served
from services.scorer.metrics import Meter, spool_watch
from shared.bundle.reading import load_bundle
from shared.errors import Unavailable
from shared.rpc.boundary import FinishedRpc
from tests.bundles import tiny_bundle
from tests.clock import Clock

CALL = FinishedRpc("/counterfoil.scorer.v1.ScorerService/Score", "", "", "OK", "", 1.0, "bank")


@pytest.fixture
def registry() -> CollectorRegistry:
    """Return a registry of the test's own."""
    return CollectorRegistry()


def test_a_batch_counts_once_in_each_stage(registry: CollectorRegistry) -> None:
    """Its rows, the longest wait among them, its scoring and its commit."""
    meter = Meter(registry)
    meter.taken([0.001, 0.004, 0.002])
    meter.scored(0.0003)
    meter.logged(0.0004)

    sums = {
        stage: registry.get_sample_value("counterfoil_scorer_batch_seconds_sum", {"stage": stage})
        for stage in ("queue", "score", "log")
    }
    assert sums == {"queue": 0.004, "score": 0.0003, "log": 0.0004}
    assert registry.get_sample_value("counterfoil_scorer_batch_rows_sum") == 3
    assert registry.get_sample_value("counterfoil_scorer_batch_rows_count") == 1


def test_only_calls_that_failed_are_counted_by_reason(registry: CollectorRegistry) -> None:
    """What was shed is told apart from what was wrong."""
    meter = Meter(registry)
    meter.ended(CALL)
    for _ in range(2):
        meter.ended(CALL._replace(code="RESOURCE_EXHAUSTED", reason="OVERLOADED"))

    shed = {"code": "RESOURCE_EXHAUSTED", "reason": "OVERLOADED"}
    assert registry.get_sample_value("counterfoil_scorer_refused_total", shed) == 2
    assert registry.get_sample_value("counterfoil_scorer_refused_total", {"code": "OK", "reason": ""}) is None


def test_after_a_swap_the_new_version_is_the_one_that_serves(registry: CollectorRegistry, tmp_path: Path) -> None:
    """The old one falls to 0, so that a dashboard shows when."""
    tiny = tiny_bundle(tmp_path, seed=3)
    bundle = load_bundle(tiny.folder)
    meter = Meter(registry)
    for version in ("1", "2"):
        meter.serves(Served(bundle, version, FeatureResolver(bundle.schema), MissingApplicants("no need"), Clock()()))

    values = [
        registry.get_sample_value(
            "counterfoil_scorer_served",
            {
                "model_version": f"models/{bundle.model_name}/versions/{version}",
                "bundle_digest": bundle.digest,
                "kernel_id": bundle.kernel_id,
            },
        )
        for version in ("1", "2")
    ]
    assert values == [0.0, 1.0]


def test_what_waits_in_the_spool_is_told_and_a_failing_disk_ends_nothing(registry: CollectorRegistry) -> None:
    """The figure stays, and is told again once the disk answers."""
    meter, told = Meter(registry), threading.Event()
    answers: Iterator[Unavailable | Depth] = iter([Unavailable("broken", reason="SPOOL_FAILED"), Depth(7, 1234, 0.5)])

    def depth() -> Depth:
        """Fail once."""
        answer = next(answers)
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    def tell(depth: Depth) -> None:
        """Tell the meter and the test."""
        meter.spool(depth)
        told.set()

    watch = spool_watch(depth, tell, every_seconds=0.01)
    watch.start()
    assert told.wait(30)
    watch.stop()

    assert registry.get_sample_value("counterfoil_scorer_spool_records") == 7
    assert registry.get_sample_value("counterfoil_scorer_spool_bytes") == 1234
    assert registry.get_sample_value("counterfoil_scorer_spool_used_ratio") == 0.5
