"""Features that say the same to an applicant are one reason, on every way to an answer, and in its replay."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from counterfoil.scorer.v1 import replay_pb2, scorer_pb2
from counterfoil.types.v1 import explanation_pb2
from tests.bundles import TinyBundle, tiny_bundle
from tests.fakes import FakeRegistry
from tests.service.replays import segments_of
from tests.service.scoring import Scorer, ask, batch, scorer
from tests.service.streams import chunk_of, settings_for, streamed

SCORES = ("SCORES", "Scores and credits elsewhere")
REASONS = {
    "EXT_SOURCE_2": SCORES,
    "BURO_DAYS_CREDIT_MEAN": SCORES,
    "NAME_CONTRACT_TYPE_Cash loans": ("CREDIT_TYPE", ""),
    "NAME_CONTRACT_TYPE_Revolving loans": ("CREDIT_TYPE", ""),
}
PRINCIPAL = explanation_pb2.EXPLAIN_REASONS


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return a bundle of six features in four reasons."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=5, reasons=REASONS)


@pytest.fixture
def running(bundle: TinyBundle, tmp_path: Path) -> Iterator[Scorer]:
    """Give a scorer that serves the bundle."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    with scorer(tmp_path, registry) as it:
        yield it


def test_principal_reasons_are_ranked_by_what_their_features_add_up_to(running: Scorer, bundle: TinyBundle) -> None:
    """As a sum over the contributions that the same reply tells would have it; each reason once, with its own text."""
    served = running.stub.GetServingModel(scorer_pb2.GetServingModelRequest())
    codes = {feature.name: feature.principal_code for feature in served.features}
    assert set(codes.values()) == {"CODE_GENDER", "AMT_CREDIT", "SCORES", "CREDIT_TYPE"}
    for applicant in bundle.applicant_ids[:50]:
        reasons = running.stub.Score(ask(applicant)).reasons

        sums = dict.fromkeys(codes.values(), 0.0)
        for name, weight in zip(reasons.features, reasons.contributions, strict=True):
            sums[codes[name]] += weight
        raising = sorted((code for code, total in sums.items() if total > 0), key=lambda code: -sums[code])
        told = dict(zip(reasons.principal_codes, reasons.principal_texts, strict=True))
        assert list(told) == raising
        assert told.get("SCORES", SCORES[1]) == SCORES[1]
        assert told.get("CREDIT_TYPE", "Name contract type").startswith("Name contract type")


def test_principal_reasons_alone_come_with_all_that_counts_to_them(running: Scorer, bundle: TinyBundle) -> None:
    """Their contributions are those of the whole answer; a batch and a stream choose the same."""
    served = running.stub.GetServingModel(scorer_pb2.GetServingModelRequest())
    codes = {feature.name: feature.principal_code for feature in served.features}
    subjects = [scorer_pb2.Subject(applicant_id=each) for each in bundle.applicant_ids[:40]]
    wish = {"explain": PRINCIPAL, "max_principal_reasons": 2}

    everything = [result.score.reasons for result in running.stub.BatchScore(batch(subjects)).results]
    principal = [result.score.reasons for result in running.stub.BatchScore(batch(subjects, **wish)).results]
    (chunk,) = streamed(running, [settings_for(running, **wish), chunk_of(bundle.values[:40])])

    positions = np.frombuffer(chunk.principal_features, "<i4").reshape(40, 2).tolist()
    for whole, few, row in zip(everything, principal, positions, strict=True):
        assert list(few.principal_codes) == list(whole.principal_codes)[:2]
        told = zip(whole.features, whole.contributions, strict=True)
        counting = [(name, weight) for name, weight in told if codes[name] in few.principal_codes]
        assert list(zip(few.features, few.contributions, strict=True)) == counting
        assert [served.features[place].principal_code for place in row if place >= 0] == list(few.principal_codes)


def test_a_replay_gives_the_same_reasons(bundle: TinyBundle, tmp_path: Path) -> None:
    """The bundle carries what they are made of; another scorer with another model finds them to the bit."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    subjects = [scorer_pb2.Subject(applicant_id=each) for each in bundle.applicant_ids[:20]]
    with scorer(tmp_path / "first", registry) as running:
        for explain in (explanation_pb2.EXPLAIN_ALL, PRINCIPAL, explanation_pb2.EXPLAIN_NONE):
            running.stub.BatchScore(batch(subjects, explain=explain))
    records = [record for segment in segments_of(running, max_bytes=1 << 30) for record in segment.records]
    registry.register(tiny_bundle(tmp_path / "other", seed=6), alias="champion")

    with scorer(tmp_path / "second", registry) as running:
        found = [
            running.stub.ReplayPrediction(replay_pb2.ReplayPredictionRequest(record=record)).outcome
            for record in records
        ]

    assert found == [replay_pb2.REPLAY_OUTCOME_BIT_EQUAL] * 60
