"""StreamScore and ScoreDataset: the same answers as one by one, in order, in the log before they are told."""

import math
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from counterfoil.client.errors import status_error
from counterfoil.scorer.v1 import replay_pb2, scorer_pb2, stream_pb2
from counterfoil.types.v1 import explanation_pb2, prediction_pb2
from services.scorer.app import MAX_STREAMS
from shared.prediction_record.chain import verify_segment
from shared.prediction_record.chunks import chunk_answers, chunk_values
from tests.bundles import SCHEMA, SPLIT_ROWS, TinyBundle, tiny_bundle
from tests.fakes import FakeMonitor, FakeRegistry, monitor_server
from tests.service.scoring import Scorer, ask, failure, scorer
from tests.service.streams import chunk_of, doubles, settings_for, streamed

N_FEATURES = len(SCHEMA.names)
CREDIT = SCHEMA.names.index("AMT_CREDIT")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return the bundle that serves in this module."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=31)


@pytest.fixture(scope="module")
def registry(bundle: TinyBundle) -> FakeRegistry:
    """Return a registry whose champion is the bundle."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    return registry


@pytest.fixture(scope="module")
def running(registry: FakeRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scorer]:
    """Give a scorer that serves the bundle."""
    with scorer(tmp_path_factory.mktemp("state"), registry) as it:
        yield it


def dataset(split: str, **fields: object) -> stream_pb2.ScoreDatasetRequest:
    """Return a request to score a split."""
    usual = {"purpose": prediction_pb2.PURPOSE_TEST, "split": split}
    return stream_pb2.ScoreDatasetRequest(**(usual | fields))  # type: ignore[arg-type]


def test_a_stream_answers_as_single_scores_do_to_the_bit(running: Scorer, bundle: TinyBundle) -> None:
    """Chunks of any size, replies in their order, every contribution in the schema's order."""
    values = bundle.values[:60]

    chunks = streamed(running, [settings_for(running), *map(chunk_of, (values[:1], values[1:40], values[40:]))])

    assert [(chunk.first_row, chunk.rows) for chunk in chunks] == [(0, 1), (1, 39), (40, 20)]
    singles = [running.stub.Score(ask(each)) for each in bundle.applicant_ids[:60]]
    for field, name in (("margins", "margin"), ("probabilities", "probability")):
        assert_array_equal(
            np.concatenate([doubles(getattr(chunk, field)) for chunk in chunks]),
            [getattr(single, name) for single in singles],
        )
    assert b"".join(chunk.decisions for chunk in chunks) == bytes(single.decision for single in singles)
    contributions = np.concatenate([doubles(chunk.contributions, N_FEATURES) for chunk in chunks])
    scales = np.concatenate([doubles(chunk.probability_scales) for chunk in chunks])
    for row, scale, single in zip(contributions, scales, singles, strict=True):
        named = dict(zip(single.reasons.features, single.reasons.contributions, strict=True))
        assert row.tolist() == [named.get(name, 0.0) for name in SCHEMA.names]
        assert scale == single.reasons.probability_scale
    assert {(chunk.baseline, chunk.threshold) for chunk in chunks} == {(singles[0].baseline, singles[0].threshold)}


def test_principal_reasons_are_those_of_single_scores(running: Scorer, bundle: TinyBundle) -> None:
    """As positions, filled up with -1; without reasons there are neither they nor scales."""
    values, most = bundle.values[:30], 3
    wish = {"explain": explanation_pb2.EXPLAIN_REASONS, "max_principal_reasons": most}

    (reasons,) = streamed(running, [settings_for(running, **wish), chunk_of(values)])
    (none,) = streamed(running, [settings_for(running, explain=explanation_pb2.EXPLAIN_NONE), chunk_of(values)])

    principal = np.frombuffer(reasons.principal_features, "<i4").reshape(-1, most)
    for row, applicant_id in zip(principal, bundle.applicant_ids[:30], strict=True):
        single = running.stub.Score(ask(applicant_id, **wish))
        assert [SCHEMA.names[place] for place in row if place >= 0] == list(single.reasons.features)
    assert not reasons.contributions
    assert (none.contributions, none.principal_features, none.probability_scales) == (b"", b"", b"")
    assert none.margins == reasons.margins


def test_a_bad_row_spoils_only_itself(running: Scorer, bundle: TinyBundle) -> None:
    """It is NaN in every column and says why; the others are as if it had not been there."""
    values = np.array(bundle.values[:4])
    values[1, CREDIT], values[2, 0] = math.inf, 0.5

    (chunk,) = streamed(running, [settings_for(running), chunk_of(values, tuple("abcd"))])
    (sound,) = streamed(running, [settings_for(running), chunk_of(bundle.values[:4])])

    assert [each.row for each in chunk.refusals] == [1, 2]
    infinite, uncoded = (status_error(each.status) for each in chunk.refusals)
    assert (infinite.code, infinite.fields[0].field) == ("INVALID_ARGUMENT", f"rows[1].values[{CREDIT}]")
    assert uncoded.fields[0].field == "rows[2].values[0]"
    for field, columns in (("margins", 1), ("probabilities", 1), ("contributions", N_FEATURES)):
        told, expected = doubles(getattr(chunk, field), columns), doubles(getattr(sound, field), columns)
        assert np.isnan(told[1:3]).all()
        assert_array_equal(told[[0, 3]], expected[[0, 3]])
    assert chunk.decisions[1:3] == b"\0\0"


def test_a_chunk_of_bad_rows_alone_is_answered_but_not_recorded(running: Scorer, bundle: TinyBundle) -> None:
    """Nothing was said about anybody."""
    values = np.array(bundle.values[:2])
    values[:, CREDIT] = -math.inf

    (chunk,) = streamed(running, [settings_for(running), chunk_of(values)])

    assert len(chunk.refusals) == 2
    assert not chunk.HasField("receipt")


def test_chunks_are_records_of_their_instances_chain(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path
) -> None:
    """The monitor gets what was told, the inputs in the personal part; refused rows by position alone."""
    values = np.array(bundle.values[:4])
    values[1, CREDIT] = math.inf
    monitor, people = FakeMonitor(), ("anna-1", "bert-2", "carl-3", "dora-4")
    with monitor_server(monitor) as address, scorer(tmp_path, registry, monitor_address=address) as running:
        settings = settings_for(running, as_of_date="2026-02-28")
        told = streamed(running, [settings, chunk_of(values, people), chunk_of(bundle.values[4:6])])
        running.stub.Score(ask(bundle.applicant_ids[0]))
        monitor.wait_for_records(3)

    for segment in monitor.segments:
        verify_segment(segment)
    (record,) = (each for each in monitor.records if each.hash == told[0].receipt.hash)
    first = prediction_pb2.DecisionPart.FromString(record.decision_part)
    subjects = prediction_pb2.PersonalPart.FromString(record.personal_part).chunk
    assert (first.layout_version, first.method, first.as_of_date) == (2, "StreamScore", "2026-02-28")
    assert told[0].prediction == f"{first.model_version}/predictions/{first.prediction_id}"
    assert (first.baseline, first.threshold) == (told[0].baseline, told[0].threshold)
    answers = chunk_answers(first.chunk)
    assert answers.positions.tolist() == [0, 2, 3]
    assert_array_equal(answers.margins, doubles(told[0].margins)[[0, 2, 3]])
    assert bytes(answers.decisions) == bytes(told[0].decisions[place] for place in (0, 2, 3))
    assert list(subjects.applicant_ids) == [people[0], *people[2:]]
    assert_array_equal(chunk_values(subjects, rows=3, columns=N_FEATURES), values[[0, 2, 3]])
    assert {chunk.receipt.hash for chunk in told} < {each.hash for each in monitor.records}
    assert not any(person.encode() in record.decision_part for person in people)


def test_a_chunk_is_replayed_to_the_bit_and_tells_its_contributions(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path
) -> None:
    """They are kept nowhere else; a row that was refused has none."""
    values = np.array(bundle.values[:5])
    values[3, CREDIT] = math.inf
    monitor = FakeMonitor()
    with (
        monitor_server(monitor) as address,
        # The refused row is recorded after the test, which looks at the chunk.
        scorer(tmp_path, registry, monitor_address=address, failure_seconds=3600.0) as running,
    ):
        (told,) = streamed(running, [settings_for(running), chunk_of(values)])
        monitor.wait_for_records(1)
        (record,) = monitor.records
        found = running.stub.ReplayPrediction(replay_pb2.ReplayPredictionRequest(record=record, row=4))
        refused = failure(
            lambda: running.stub.ReplayPrediction(replay_pb2.ReplayPredictionRequest(record=record, row=3))
        )
        forged = prediction_pb2.DecisionPart.FromString(record.decision_part)
        margins = np.array(doubles(forged.chunk.margins))
        margins[2] += 1e-12
        forged.chunk.margins = margins.tobytes()
        record.decision_part = forged.SerializeToString()
        different = running.stub.ReplayPrediction(replay_pb2.ReplayPredictionRequest(record=record))

    assert (found.outcome, found.rows) == (replay_pb2.REPLAY_OUTCOME_BIT_EQUAL, 4)
    assert list(found.features) == list(SCHEMA.names)
    assert list(found.contributions) == doubles(told.contributions, N_FEATURES)[4].tolist()
    assert refused.fields[0].field == "row"
    assert [each.field for each in different.differences] == ["chunk.margins[2]"]


def test_a_split_is_scored_where_it_lies(running: Scorer, bundle: TinyBundle) -> None:
    """Every applicant once, in the split's order, with the bits of a single score."""
    replies = list(running.stub.ScoreDataset(dataset("test")))

    first = SPLIT_ROWS["train"]
    expected = bundle.applicant_ids[first : first + SPLIT_ROWS["test"]]
    ids = [each for reply in replies for each in reply.chunk.applicant_ids]
    margins = np.concatenate([doubles(reply.chunk.margins) for reply in replies])
    assert ids == list(expected)
    for place in (0, 7, 199):
        assert running.stub.Score(ask(ids[place])).margin == margins[place]


def test_a_sample_is_the_same_for_the_same_seed(running: Scorer) -> None:
    """Without repetition, another one for another seed, and never more than there are."""

    def sample(rows: int, seed: int) -> list[str]:
        replies = running.stub.ScoreDataset(dataset("train", sample_rows=rows, sample_seed=seed))
        return [each for reply in replies for each in reply.chunk.applicant_ids]

    drawn = sample(25, 1)

    assert drawn == sample(25, 1) == sorted(set(drawn))
    assert len(drawn) == 25
    assert drawn != sample(25, 2)
    assert len(sample(10_000, 1)) == SPLIT_ROWS["train"]


@pytest.mark.parametrize(
    ("fields", "path", "reason"),
    [
        ({"purpose": prediction_pb2.PURPOSE_UNSPECIFIED}, "settings.purpose", "INVALID_FIELD"),
        ({"schema_digest": "0" * 64}, "settings.schema_digest", "SCHEMA_MISMATCH"),
        ({"as_of_date": "yesterday"}, "settings.as_of_date", "INVALID_FIELD"),
        ({"max_principal_reasons": 21}, "settings.max_principal_reasons", "INVALID_FIELD"),
    ],
)
def test_settings_that_are_wrong_are_refused_by_field(
    running: Scorer, fields: dict[str, object], path: str, reason: str
) -> None:
    """Before any row is looked at."""
    error = failure(lambda: streamed(running, [settings_for(running, **fields)]))

    assert (error.code, error.reason, error.fields[0].field) == ("INVALID_ARGUMENT", reason, path)


def test_a_stale_schema_is_told_the_served_one(running: Scorer) -> None:
    """So that a client knows what to fetch anew."""
    error = failure(lambda: streamed(running, [settings_for(running, schema_digest="0" * 64)]))

    assert error.metadata["schema_digest"] == settings_for(running).settings.schema_digest


def test_the_version_that_is_to_answer_may_be_named(running: Scorer, bundle: TinyBundle) -> None:
    """One that is not served is told, not replaced by another."""
    (named,) = streamed(running, [settings_for(running, version="1"), chunk_of(bundle.values[:1])])
    stream = failure(lambda: streamed(running, [settings_for(running, version="9")]))
    split = failure(lambda: list(running.stub.ScoreDataset(dataset("test", version="9"))))

    assert named.model_version == "models/credit-default/versions/1"
    assert {(error.code, error.reason) for error in (stream, split)} == {("NOT_FOUND", "VERSION_NOT_SERVED")}


def test_what_is_no_chunk_ends_the_stream_after_those_before_it(running: Scorer, bundle: TinyBundle) -> None:
    """Answers that were due are given; the error names chunk and field."""
    good, settings = chunk_of(bundle.values[:3]), settings_for(running)
    short = stream_pb2.StreamScoreRequest(chunk=stream_pb2.RowChunk(values=b"\0" * 12))
    crowd = chunk_of(bundle.values[:3], ("a", "b"))
    long = chunk_of(bundle.values[:1], ("x" * 129,))
    empty = stream_pb2.StreamScoreRequest(chunk=stream_pb2.RowChunk())
    large = chunk_of(np.zeros((16_385, N_FEATURES)))

    for bad, path in (
        (short, "chunk[1].values"),
        (crowd, "chunk[1].applicant_ids"),
        (long, "chunk[1].applicant_ids[0]"),
        (empty, "chunk[1].values"),
        (large, "chunk[1].values"),
        (settings, "settings"),
    ):
        replies = running.stub.StreamScore(iter([settings, good, bad]))
        assert next(replies).chunk.rows == 3
        assert failure(lambda: next(replies)).fields[0].field == path  # noqa: B023  # called at once
    assert failure(lambda: streamed(running, [good])).fields[0].field == "settings"
    assert failure(lambda: streamed(running, [])).fields[0].field == "settings"


def test_a_split_or_a_purpose_that_is_none_is_refused(running: Scorer) -> None:
    """By field."""
    assert failure(lambda: list(running.stub.ScoreDataset(dataset("all")))).fields[0].field == "split"
    unsaid = dataset("test", purpose=prediction_pb2.PURPOSE_UNSPECIFIED)
    assert failure(lambda: list(running.stub.ScoreDataset(unsaid))).fields[0].field == "purpose"


def test_a_reply_comes_before_the_next_chunk_is_sent(running: Scorer, bundle: TinyBundle) -> None:
    """A client may wait for each answer; nothing is held back until more chunks are there."""
    answered = threading.Semaphore(1)

    def requests() -> Iterator[stream_pb2.StreamScoreRequest]:
        yield settings_for(running)
        for row in range(6):
            assert answered.acquire(timeout=60)
            yield chunk_of(bundle.values[row : row + 1])

    seen = []
    for reply in running.stub.StreamScore(requests()):
        seen.append(reply.chunk.first_row)
        answered.release()

    assert seen == list(range(6))


def test_a_stream_ends_by_the_bundle_it_began_with(
    bundle: TinyBundle, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A swap meanwhile is seen by the next stream."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    swapped = threading.Event()

    def requests(running: Scorer) -> Iterator[stream_pb2.StreamScoreRequest]:
        yield settings_for(running)
        yield chunk_of(bundle.values[:1])
        assert swapped.wait(timeout=60)
        yield chunk_of(bundle.values[:1])

    with scorer(tmp_path, registry) as running:
        replies = running.stub.StreamScore(requests(running))
        before = next(replies).chunk
        registry.register(tiny_bundle(tmp_path_factory.mktemp("other"), seed=32), alias="champion")
        running.stub.ReloadModel(scorer_pb2.ReloadModelRequest())
        swapped.set()
        after = next(replies).chunk
        (later,) = streamed(running, [settings_for(running), chunk_of(bundle.values[:1])])

    assert (after.model_version, after.margins) == (before.model_version, before.margins)
    assert later.model_version != before.model_version


def test_streams_that_are_broken_off_leave_room_for_others(running: Scorer, bundle: TinyBundle) -> None:
    """As many at once as are allowed, one more is told to wait, and cancelled ones count no longer."""
    hold = threading.Event()

    def requests() -> Iterator[stream_pb2.StreamScoreRequest]:
        yield settings_for(running)
        yield chunk_of(bundle.values[:1])
        hold.wait(timeout=60)

    open_ones = [running.stub.StreamScore(requests()) for _ in range(MAX_STREAMS)]
    for each in open_ones:
        next(each)
    crowded = failure(lambda: streamed(running, [settings_for(running), chunk_of(bundle.values[:1])]))
    for each in open_ones:
        each.cancel()

    assert (crowded.code, crowded.reason) == ("RESOURCE_EXHAUSTED", "STREAMS_BUSY")
    while True:
        try:
            assert streamed(running, [settings_for(running), chunk_of(bundle.values[:1])])
            break
        except grpc.RpcError:
            continue
    hold.set()


def test_a_full_spool_ends_a_stream_and_tells_nothing_unrecorded(
    registry: FakeRegistry, bundle: TinyBundle, tmp_path: Path
) -> None:
    """RESOURCE_EXHAUSTED at the first chunk that finds no room; each one before it has its receipt."""
    told: list[int] = []
    with scorer(tmp_path, registry, spool_max_bytes=1 << 20) as running:
        replies = running.stub.StreamScore(iter([settings_for(running), *[chunk_of(bundle.values)] * 60]))

        error = failure(lambda: told.extend(reply.chunk.receipt.sequence for reply in replies))

    assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "SPOOL_FULL")
    assert 0 < len(set(told)) == len(told) < 60
