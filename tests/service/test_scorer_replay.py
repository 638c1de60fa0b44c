"""ReplayPrediction: any stored decision comes out again to the bit, or the very value that differs is named."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from counterfoil.scorer.v1 import replay_pb2, scorer_pb2
from counterfoil.types.v1 import explanation_pb2, prediction_pb2
from shared.errors import Unavailable
from shared.prediction_record.chain import genesis_hash, personal_digest
from tests.bundles import TinyBundle, tiny_bundle
from tests.fakes import FakeRegistry
from tests.service.replays import decide_at_random, replayed_rows, segments_of
from tests.service.scoring import APPLICATION, Scorer, ask, batch, failure, scorer

Record = prediction_pb2.PredictionRecord
EQUAL = replay_pb2.REPLAY_OUTCOME_BIT_EQUAL


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return the bundle that answered."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=21)


@pytest.fixture(scope="module")
def records(bundle: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """Return the records of Score and BatchScore calls, as the spool holds them; nobody took them away."""
    folder = tmp_path_factory.mktemp("answering")
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    subjects = [scorer_pb2.Subject(applicant_id=each) for each in bundle.applicant_ids[10:40]]
    with scorer(folder, registry) as running:
        for applicant_id in bundle.applicant_ids[:10]:
            running.stub.Score(ask(applicant_id))
        running.stub.Score(ask(features=APPLICATION))
        running.stub.Score(ask(features=APPLICATION, explain=explanation_pb2.EXPLAIN_NONE))
        running.stub.Score(ask(features=APPLICATION, explain=explanation_pb2.EXPLAIN_REASONS, max_principal_reasons=1))
        running.stub.BatchScore(batch(subjects))
    return spooled(running)


@pytest.fixture
def registry(bundle: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> FakeRegistry:
    """Return a registry where another version serves by now."""
    registry = FakeRegistry()
    registry.register(bundle)
    registry.register(tiny_bundle(tmp_path_factory.mktemp("other"), seed=22), alias="champion")
    return registry


@pytest.fixture
def running(registry: FakeRegistry, tmp_path: Path) -> Iterator[Scorer]:
    """Give a scorer that serves the other version."""
    with scorer(tmp_path, registry) as running:
        yield running


def spooled(stopped: Scorer) -> list[Record]:
    """Return all records in the spool of a scorer that has stopped."""
    return [record for segment in segments_of(stopped, max_bytes=1 << 30) for record in segment.records]


def replay(running: Scorer, record: Record, previous_hash: bytes = b"") -> replay_pb2.ReplayPredictionResponse:
    """Ask for a replay."""
    return running.stub.ReplayPrediction(replay_pb2.ReplayPredictionRequest(record=record, previous_hash=previous_hash))


def altered(record: Record, change: Callable[[prediction_pb2.DecisionPart], object]) -> Record:
    """Return a copy of the record whose decision part was changed."""
    decision = prediction_pb2.DecisionPart.FromString(record.decision_part)
    change(decision)
    return Record(
        sequence=record.sequence,
        decision_part=decision.SerializeToString(deterministic=True),
        personal_part=record.personal_part,
        salt=record.salt,
        hash=record.hash,
    )


def test_every_decision_comes_out_again_to_the_bit(running: Scorer, records: list[Record], bundle: TinyBundle) -> None:
    """Alone or in a batch, by id or name, with all, some or no reasons; another bundle serves by now."""
    found = [replay(running, record, before.hash) for before, record in pairwise(records)]

    assert {each.outcome for each in found} == {EQUAL}
    assert {each.bundle_digest for each in found} == {bundle.digest}
    assert all(each.chain_verified and not each.differences and each.rows == 1 for each in found)
    second = prediction_pb2.DecisionPart.FromString(records[1].decision_part)
    assert found[0].prediction == f"models/credit-default/versions/1/predictions/{second.prediction_id}"
    assert found[0].kernel_id == found[0].recorded_kernel_id == second.kernel_id


def test_a_replay_leaves_no_record(registry: FakeRegistry, records: list[Record], tmp_path: Path) -> None:
    """It only reads."""
    with scorer(tmp_path, registry) as running:
        replay(running, records[0])

    assert spooled(running) == []


def test_the_very_values_that_differ_are_named(running: Scorer, records: list[Record]) -> None:
    """With both numbers as texts that read back to the same bits."""

    def change(decision: prediction_pb2.DecisionPart) -> None:
        decision.margin += 1e-9
        decision.reason_contributions[1] *= 2

    original = prediction_pb2.DecisionPart.FromString(records[3].decision_part)
    found = replay(running, altered(records[3], change))

    assert found.outcome == replay_pb2.REPLAY_OUTCOME_DIFFERENT
    assert [each.field for each in found.differences] == ["margin", "reason_contributions[1]"]
    assert float(found.differences[0].recomputed) == original.margin
    assert float(found.differences[0].stored) == original.margin + 1e-9
    assert found.difference_count == 2


def test_another_decision_than_was_stored_is_named_in_words(running: Scorer, records: list[Record]) -> None:
    """A lender reads DECISION_REFUSE, not a number."""
    found = replay(running, altered(records[0], lambda decision: setattr(decision, "decision", 3)))

    assert [(each.field, each.stored) for each in found.differences] == [("decision", "DECISION_REFER")]


def test_another_kernel_may_differ_in_the_last_bits_of_contributions_alone(
    running: Scorer, records: list[Record]
) -> None:
    """And the reply says that it was another one."""

    def by_another(decision: prediction_pb2.DecisionPart, error: float) -> None:
        decision.kernel_id = "abacus-1"
        decision.reason_contributions[0] += error

    near = replay(running, altered(records[0], lambda decision: by_another(decision, 1e-13)))
    far = replay(running, altered(records[0], lambda decision: by_another(decision, 1e-9)))

    assert near.outcome == replay_pb2.REPLAY_OUTCOME_EQUAL_ACROSS_KERNELS
    assert (near.recorded_kernel_id, near.kernel_id != "abacus-1") == ("abacus-1", True)
    assert far.outcome == replay_pb2.REPLAY_OUTCOME_DIFFERENT
    assert far.differences[0].field.startswith('reason_contributions["')


def test_a_record_from_before_one_could_choose_is_replayed(running: Scorer, records: list[Record]) -> None:
    """It had every contribution and said nothing of the probability's scale."""

    def older(decision: prediction_pb2.DecisionPart) -> None:
        for field in ("explain", "max_principal_reasons", "baseline_probability", "probability_scale"):
            decision.ClearField(field)

    assert replay(running, altered(records[0], older)).outcome == EQUAL


def test_reasons_that_were_sent_are_what_another_kernel_is_held_to(running: Scorer, records: list[Record]) -> None:
    """What was not sent is no part of the record."""
    for record in records[11:13]:
        other = altered(record, lambda decision: setattr(decision, "kernel_id", "abacus-1"))

        assert replay(running, other).outcome == replay_pb2.REPLAY_OUTCOME_EQUAL_ACROSS_KERNELS


def test_an_altered_record_is_refused_by_the_field_that_betrays_it(running: Scorer, records: list[Record]) -> None:
    """The hash covers the decision part, and the digest in it the personal part."""
    forged = altered(records[1], lambda decision: setattr(decision, "probability", 0.01))
    swapped = Record.FromString(records[1].SerializeToString())
    swapped.personal_part = records[2].personal_part

    chain = failure(lambda: replay(running, forged, records[0].hash))
    person = failure(lambda: replay(running, swapped))

    assert (chain.code, chain.reason) == ("INVALID_ARGUMENT", "RECORD_CORRUPT")
    assert chain.fields[0].field == "record.hash"
    assert person.fields[0].field == "record.personal_part"


def test_what_is_no_record_is_refused(running: Scorer, records: list[Record]) -> None:
    """By field and reason, before anything is loaded."""
    garbled = Record(decision_part=b"\xff\xff")
    newer = altered(records[0], lambda decision: setattr(decision, "layout_version", 99))

    assert failure(lambda: replay(running, Record())).fields[0].field == "record"
    assert failure(lambda: replay(running, garbled)).fields[0].field == "record.decision_part"
    assert failure(lambda: replay(running, records[0], b"short")).fields[0].field == "previous_hash"
    assert failure(lambda: replay(running, newer)).reason == "LAYOUT_UNKNOWN"


def test_values_that_are_not_the_bundles_are_refused(running: Scorer, records: list[Record]) -> None:
    """A record of which one value is missing has no answer to compare with."""
    personal = prediction_pb2.PersonalPart.FromString(records[0].personal_part)
    del personal.values[-1]
    content = personal.SerializeToString()
    shorter = altered(
        records[0],
        lambda decision: setattr(decision, "personal_digest", personal_digest(records[0].salt, content)),
    )
    shorter.personal_part = content

    error = failure(lambda: replay(running, shorter))

    assert (error.reason, error.fields[0].field) == ("RECORD_CORRUPT", "record.personal_part")


def test_after_erasure_there_is_nothing_to_compute_from(running: Scorer, records: list[Record]) -> None:
    """The chain still verifies; the reason says that the inputs are gone."""
    erased = Record.FromString(records[0].SerializeToString())
    erased.personal_part, erased.salt = b"", b""
    instance_unknown = genesis_hash("somebody else's")

    error = failure(lambda: replay(running, erased))

    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "PERSONAL_PART_ERASED")
    assert failure(lambda: replay(running, erased, instance_unknown)).reason == "RECORD_CORRUPT"


def test_a_deleted_version_is_replayed_from_the_cache_and_else_not_found(
    registry: FakeRegistry, records: list[Record], tmp_path: Path
) -> None:
    """Who served it can replay it; who never had it says which bundle is missing."""
    with scorer(tmp_path / "served", registry) as running:
        replay(running, records[0])
        del registry.versions["credit-default", 1]
        again = replay(running, records[1])
    with scorer(tmp_path / "never", registry) as running:
        cached = replay(running, records[1])
        registry.folders.clear()
    with scorer(tmp_path / "gone", registry) as running:
        error = failure(lambda: replay(running, records[1]))

    assert again.outcome == cached.outcome == EQUAL
    assert (error.code, error.reason) == ("NOT_FOUND", "BUNDLE_NOT_FOUND")


def test_while_mlflow_is_down_an_unknown_bundle_may_come_later(
    running: Scorer, registry: FakeRegistry, records: list[Record]
) -> None:
    """UNAVAILABLE, which a client tries again."""
    registry.failure = Unavailable("MLflow cannot be used now", reason="MLFLOW_UNAVAILABLE")

    assert failure(lambda: replay(running, records[0])).reason == "MLFLOW_UNAVAILABLE"


def test_random_decisions_come_out_again_in_another_process(bundle: TinyBundle, tmp_path: Path) -> None:
    """Alone, in batches, in streams and out of a split, on one thread and on several: the bits are the same."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    with scorer(tmp_path / "state", registry) as running:
        decided = decide_at_random(running, bundle, rounds=1, seed=1)

    segments = list(segments_of(running, max_bytes=1 << 30))

    assert replayed_rows(bundle.folder, segments, tmp_path, processes=1) == decided
