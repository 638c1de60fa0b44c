"""Decisions without a shadow are counted, whatever kept the challenger from them."""

from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from services.scorer.adapters.loading import Loader
from services.scorer.adapters.spool import Spool
from services.scorer.desk import Desk
from services.scorer.domain.requests import DenseFeatures, Purpose, Question, StoredApplicant, Subject
from services.scorer.domain.serving import Serving
from services.scorer.metrics import Meter
from shared.bundle.schema import FeatureSchema
from shared.bundle.writing import write_bundle
from shared.rpc.encoded import Encoded
from tests.bundles import SCHEMA, TinyBundle, tiny_bundle
from tests.clock import Clock
from tests.fakes import FakeRegistry

LEFT_OUT = "counterfoil_scorer_challenger_left_out_total"


@pytest.fixture
def tiny(tmp_path: Path) -> TinyBundle:
    """Return what serves."""
    return tiny_bundle(tmp_path / "tiny", seed=9)


@pytest.fixture
def serving(tiny: TinyBundle, tmp_path: Path) -> Serving:
    """Serve it beside a challenger that finds no credit above 1 possible."""
    features = [replace(each, upper_bound=1.0) if each.name == "AMT_CREDIT" else each for each in SCHEMA.features]
    contents = replace(tiny.contents, schema=FeatureSchema(tuple(features), SCHEMA.dropped))
    digest = write_bundle(tmp_path / "bounded", contents)
    registry = FakeRegistry()
    registry.register(tiny, alias="champion")
    registry.register(replace(tiny, folder=tmp_path / "bounded", digest=digest, contents=contents), alias="challenger")
    champion, challenger = (
        Loader(registry, "credit-default", alias, tmp_path / "cache", Clock()) for alias in ("champion", "challenger")
    )
    beside = Serving("credit-default", challenger.load, optional=True)
    serving = Serving("credit-default", champion.load, challenger=beside)
    for each in (beside, serving):
        each.reload()
    return serving


def decision(applicant: StoredApplicant | DenseFeatures) -> Question:
    """Return the question for a decision."""
    return Question(Subject(applicant), Purpose.DECISION, "credit-default", "bank", "Score")


def test_what_only_the_challenger_s_bounds_refuse_is_left_out(serving: Serving, spool: Spool, tiny: TinyBundle) -> None:
    """A vector is judged late, by the worker: the lender has the champion's answer, and the figure tells."""
    figures = CollectorRegistry()
    desk = Desk(serving, spool, clock=Clock(), meter=Meter(figures))
    desk.start()

    (outcome,) = desk.answer([decision(DenseFeatures(SCHEMA.digest, tiny.values[0]))], lambda: True)
    desk.stop()

    assert isinstance(outcome, Encoded)
    assert figures.get_sample_value(LEFT_OUT, {"reason": "INVALID_FIELD"}) == 1
    assert spool.depth().records == 1


def test_no_decision_is_lost_between_shadows_and_those_left_out(
    serving: Serving, spool: Spool, tiny: TinyBundle
) -> None:
    """Each row counts, also where the queue takes none of them."""
    figures = CollectorRegistry()
    desk = Desk(serving, spool, clock=Clock(), queue_rows=3, meter=Meter(figures))
    desk.start()

    desk.answer([decision(StoredApplicant(each)) for each in tiny.applicant_ids[:3]], lambda: True)
    desk.stop()

    samples = [sample for family in figures.collect() for sample in family.samples]
    left_out = sum(sample.value for sample in samples if sample.name == LEFT_OUT)
    assert spool.depth().records - 3 + left_out == 3
