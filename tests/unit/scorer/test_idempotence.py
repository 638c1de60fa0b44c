"""A call that several processes may get: one of them answers, the others say the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from counterfoil.scorer.v1 import scorer_pb2
from services.scorer.adapters.spool import AnswerKey, StoredAnswer
from services.scorer.desk import Outcome
from services.scorer.domain.requests import Purpose, Question, StoredApplicant, Subject, content_digest
from services.scorer.idempotence import OnceAmongProcesses
from shared.errors import AlreadyExists, InvalidInput, Unavailable
from shared.rpc.encoded import Encoded

WRONG = InvalidInput.of("subjects[1]", "is wrong")


def question(applicant_id: str, *, row: int = 0, request_id: str = "r") -> Question:
    """Return a question about an applicant."""
    subject = Subject(StoredApplicant(applicant_id))
    return Question(subject, Purpose.TEST, "m", "caller", "BatchScore", request_id=request_id, row=row)


def said(by: str) -> Encoded:
    """Return an answer that tells who gave it."""
    return Encoded(scorer_pb2.ScoreResponse(model_version=by).SerializeToString(), by)


@dataclass
class Process:
    """Another process: the calls that it holds, for so many looks, and its answers, which are there from then on."""

    looks: int = 0
    answers: dict[int, Question] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    def hold(self, call: AnswerKey) -> bool:
        """Say whether it has let go."""
        self.looks -= 1
        if self.looks < 0:
            self.events.append(f"held {call.request_id}")
        return self.looks < 0

    def release(self, call: AnswerKey) -> None:
        """Take notice."""
        self.events.append(f"released {call.request_id}")

    def find(self, call: AnswerKey) -> Mapping[int, StoredAnswer]:
        """Return what it has answered, once it has."""
        self.events.append("looked")
        if self.looks > 0 or call.row:
            return {}
        return {row: StoredAnswer(content_digest(each), said("other").content) for row, each in self.answers.items()}

    def answer(self, questions: Sequence[Question | InvalidInput], _still_wanted: Callable[[], bool]) -> list[Outcome]:
        """Answer as a desk."""
        self.events.append(f"asked {len(questions)}")
        return [each if isinstance(each, InvalidInput) else said("own") for each in questions]


def once(process: Process) -> OnceAmongProcesses:
    """Return what is tested, with the other process as its neighbour and its desk in one."""
    return OnceAmongProcesses(process.answer, process, process)


def test_a_call_without_a_request_id_goes_straight_to_the_desk() -> None:
    """It costs nothing more."""
    process = Process()

    outcomes = once(process).answer([WRONG, question("a", request_id="")], lambda: True)

    assert outcomes == [WRONG, said("own")]
    assert process.events == ["asked 2"]


def test_a_new_call_is_held_while_the_desk_answers() -> None:
    """Others look at it only when its answer is on disk."""
    process = Process()

    outcomes = once(process).answer([question("a")], lambda: True)

    assert outcomes == [said("own")]
    assert process.events == ["held r", "looked", "asked 1", "released r"]


def test_rows_that_were_answered_elsewhere_are_not_asked_again() -> None:
    """The others are; each outcome stands in its place."""
    process = Process(answers={0: question("a"), 2: question("c", row=2)})
    rows: list[Question | InvalidInput] = [question("a"), WRONG, question("c", row=2), question("d", row=3)]

    outcomes = once(process).answer(rows, lambda: True)

    assert outcomes == [said("other"), WRONG, said("other"), said("own")]
    assert "asked 2" in process.events


def test_other_content_under_an_id_that_was_used_elsewhere_is_refused() -> None:
    """The desk is not asked."""
    process = Process(answers={0: question("somebody else")})

    (outcome,) = once(process).answer([question("a")], lambda: True)

    assert isinstance(outcome, AlreadyExists)
    assert outcome.reason == "REQUEST_ID_REUSED"
    assert process.events == ["held r", "looked", "released r"]


def test_what_another_process_answers_meanwhile_is_its_answer() -> None:
    """As soon as it is on disk, also if that process goes on to hold the call."""
    process = Process(looks=3, answers={0: question("a")})

    outcomes = once(process).answer([question("a")], lambda: True)

    assert outcomes == [said("other")]
    assert process.events == ["looked", "looked", "looked"]


def test_nobody_waits_for_another_process_after_the_call_has_ended() -> None:
    """A process that hangs with a call keeps a handler only as long as its caller waits."""
    process = Process(looks=1_000_000)
    wanted = iter([True, True, False])

    with pytest.raises(Unavailable) as caught:
        once(process).answer([question("a")], lambda: next(wanted))

    assert caught.value.reason == "CALL_ENDED"


def test_a_call_is_let_go_when_the_desk_fails() -> None:
    """The next process may try."""

    def refuse(_questions: object, _still_wanted: object) -> list[Outcome]:
        raise Unavailable("stops", reason="SHUTTING_DOWN")

    process = Process()
    with pytest.raises(Unavailable):
        OnceAmongProcesses(refuse, process, process).answer([question("a")], lambda: True)

    assert process.events[-1] == "released r"
