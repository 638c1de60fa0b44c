"""The desk: one record an answer, none without a caller, and errors that reach the one who asked."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from counterfoil.scorer.v1 import scorer_pb2
from services.scorer.adapters.loading import Loader
from services.scorer.adapters.spool import Spool
from services.scorer.desk import Desk, Outcome
from services.scorer.domain.reasons import Detail, Wish
from services.scorer.domain.requests import DenseFeatures, Purpose, Question, StoredApplicant, Subject
from services.scorer.domain.serving import Served, Serving
from services.scorer.quick_reading import Shape, Unread
from shared.errors import CounterfoilError, Exhausted, InvalidInput, Unavailable
from shared.rpc.encoded import Encoded
from tests.bundles import TinyBundle, tiny_bundle
from tests.clock import Clock
from tests.fakes import FakeRegistry


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return a tiny bundle."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=9)


@pytest.fixture
def serving(tiny: TinyBundle, tmp_path: Path) -> Serving:
    """Return a serving that has loaded the bundle."""
    registry = FakeRegistry()
    registry.register(tiny, alias="champion")
    serving = Serving("credit-default", Loader(registry, "credit-default", "champion", tmp_path, Clock()).load)
    serving.reload()
    return serving


def question(applicant_id: str, *, request_id: str = "", row: int = 0) -> Question:
    """Return a question about a stored applicant."""
    subject = Subject(StoredApplicant(applicant_id), field_prefix="subject.")
    return Question(subject, Purpose.DECISION, "credit-default", "unverified", "Score", request_id, row)


def reply(outcome: Outcome) -> scorer_pb2.ScoreResponse:
    """Return what was replied."""
    assert isinstance(outcome, Encoded)
    return scorer_pb2.ScoreResponse.FromString(outcome.content)


def told(outcomes: list[Outcome]) -> list[int | str]:
    """Return each outcome's sequence, or its reason."""
    return [each.reason if isinstance(each, CounterfoilError) else reply(each).receipt.sequence for each in outcomes]


def test_a_question_that_nobody_waits_for_leaves_no_record(serving: Serving, spool: Spool, tiny: TinyBundle) -> None:
    """Its caller's deadline passed in the queue; the next answer takes the number."""
    desk = Desk(serving, spool, clock=Clock())
    desk.start()

    gone = desk.answer([question(tiny.applicant_ids[0])], lambda: False)
    wanted = desk.answer([question(tiny.applicant_ids[0])], lambda: True)
    desk.stop()

    assert told([*gone, *wanted]) == ["CALL_ENDED", 1]


def test_equal_ids_in_one_batch_of_the_worker_share_one_record(
    serving: Serving, spool: Spool, tiny: TinyBundle
) -> None:
    """The worker took them together: the first is recorded, the others get its answer or are refused."""
    desk = Desk(serving, spool, clock=Clock())
    desk.start()
    same, other = question(tiny.applicant_ids[0], request_id="r"), question(tiny.applicant_ids[1], request_id="r")

    outcomes = desk.answer([same, other, same, question(tiny.applicant_ids[2])], lambda: True)
    desk.stop()

    assert told(outcomes) == [1, "REQUEST_ID_REUSED", 1, 2]
    assert outcomes[0] == outcomes[2]


def test_more_rows_than_the_queue_holds_are_refused_as_a_whole(
    serving: Serving, spool: Spool, tiny: TinyBundle
) -> None:
    """OVERLOADED at once, and nothing recorded."""
    desk = Desk(serving, spool, clock=Clock(), queue_rows=2)
    desk.start()

    with pytest.raises(Exhausted) as caught:
        desk.answer([question(applicant_id) for applicant_id in tiny.applicant_ids[:3]], lambda: True)
    after = desk.answer([question(tiny.applicant_ids[0])], lambda: True)
    desk.stop()

    assert caught.value.reason == "OVERLOADED"
    assert told(after) == [1]


def test_full_explanations_leave_room_for_other_answers(serving: Serving, spool: Spool, tiny: TinyBundle) -> None:
    """While they fill their part, one more is refused at once and a bare decision is queued; then there is room."""
    desk = Desk(serving, spool, clock=Clock(), queue_rows=4, explained_rows=2)
    explained = [question(applicant_id) for applicant_id in tiny.applicant_ids[:2]]
    bare = question(tiny.applicant_ids[2])._replace(wish=Wish(Detail.NONE))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(desk.answer, explained, lambda: True)
        while not desk._explaining.taken:
            pass
        with pytest.raises(Exhausted) as caught:
            desk.answer([question(tiny.applicant_ids[3])], lambda: True)
        second = pool.submit(desk.answer, [bare], lambda: True)
        desk.start()
        outcomes = [first.result(), second.result()]
    after = desk.answer(explained, lambda: True)
    desk.stop()

    assert caught.value.reason == "EXPLANATIONS_BUSY"
    assert sorted(told(outcomes[0]) + told(outcomes[1])) == [1, 2, 3]
    assert told(after) == [4, 5]


def test_the_shipper_hears_of_every_commit_and_of_nothing_else(
    serving: Serving, spool: Spool, tiny: TinyBundle
) -> None:
    """An unknown applicant commits nothing."""
    commits: list[int] = []
    desk = Desk(serving, spool, clock=Clock(), on_recorded=lambda: commits.append(spool.open_bytes))
    desk.start()

    desk.answer([question("nobody")], lambda: True)
    desk.answer([question(tiny.applicant_ids[0])], lambda: True)
    desk.stop()

    assert len(commits) == 1
    assert commits[0] > 0


def test_ids_salts_and_times_come_from_the_given_sources(serving: Serving, spool: Spool, tiny: TinyBundle) -> None:
    """With seeded sources the whole reply can be foretold."""
    clock = Clock()
    clock.move(timedelta(seconds=5))
    desk = Desk(serving, spool, clock=clock, random_bytes=bytes)
    desk.start()

    (outcome,) = desk.answer([question(tiny.applicant_ids[0])], lambda: True)
    desk.stop()

    answer = reply(outcome)
    assert answer.prediction.endswith("/predictions/00000000-0000-4000-8000-000000000000")
    assert answer.create_time.ToSeconds() == int(clock.now.timestamp())


def unread(served: Served, content: bytes = b"") -> Unread:
    """Return a request of no values; a bundle of more features cannot be asked so, unless the content has them."""
    asked = question("")._replace(subject=Subject(DenseFeatures(served.bundle.schema.digest, np.empty(0))))
    shape = Shape(b"", b"", len(content) // 8, asked)
    return Unread(content, shape, served)


def test_unread_requests_are_read_by_the_worker_and_answered_with_the_others(
    serving: Serving, spool: Spool, tiny: TinyBundle
) -> None:
    """One that is refused leaves no record, and the others alone."""
    desk = Desk(serving, spool, clock=Clock())
    desk.start()
    served = serving.current()
    infinite = np.full(len(tiny.values[0]), np.inf)

    first = desk.answer_unread(unread(served, tiny.values[0].tobytes()), lambda: True)
    with pytest.raises(InvalidInput):
        desk.answer_unread(unread(served, infinite.tobytes()), lambda: True)
    (second,) = desk.answer([question(tiny.applicant_ids[0])], lambda: True)
    desk.stop()

    assert told([first, second]) == [1, 2]
    assert reply(first).margin == reply(second).margin


def test_a_request_is_not_read_for_a_caller_that_has_gone(serving: Serving, spool: Spool) -> None:
    """Nor is anything else done for it."""
    desk = Desk(serving, spool, clock=Clock())
    desk.start()

    with pytest.raises(Unavailable) as caught:
        desk.answer_unread(unread(serving.current()), lambda: False)
    desk.stop()

    assert caught.value.reason == "CALL_ENDED"
