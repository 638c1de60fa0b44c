"""Calls that change something are written down before and after; others pass."""

from dataclasses import dataclass, field

import pytest

from counterfoil.trainer.v1 import dataset_pb2, threshold_pb2, trainer_pb2, training_pb2
from services.trainer.auditing import CHANGING_VERBS, Audited, end_of, intent_of
from services.trainer.domain.audit import End, Intent, Outcome
from shared.errors import CounterfoilError, InvalidInput, NotFound, Precondition, Unavailable

_READING_VERBS = ("Compare", "Describe", "Evaluate", "Get", "List", "Preview", "Read", "Sample", "Verify", "Watch")
Promote = training_pb2.PromoteModelVersionRequest


class Unencrypted:
    """The context of a call on a channel without TLS."""

    def auth_context(self) -> dict[str, list[bytes]]:
        """Return that nobody is known."""
        return {}


@dataclass
class Diary:
    """A trail in memory, in the order of writing; `failure` is raised at each writing of an end."""

    written: list[Intent | End | str] = field(default_factory=list)
    failure: CounterfoilError | None = None

    def begin(self, intent: Intent) -> int:
        """Keep the intent."""
        self.written.append(intent)
        return len(self.written)

    def end(self, intent: int, end: End) -> None:
        """Keep the end."""
        if self.failure is not None:
            raise self.failure
        assert isinstance(self.written[intent - 1], Intent)
        self.written.append(end)


@dataclass
class Desk:
    """A servicer that notes in the diary when it works, and raises its failure if it has one."""

    diary: Diary
    failure: Exception | None = None

    def CreateDataset(self, *_: object) -> dataset_pb2.Dataset:  # noqa: N802
        """Answer with a name."""
        self.diary.written.append("worked")
        if self.failure is not None:
            raise self.failure
        return dataset_pb2.Dataset(name="datasets/ds-1")

    def GetDataset(self, *_: object) -> dataset_pb2.Dataset:  # noqa: N802
        """Answer with a name."""
        return dataset_pb2.Dataset(name="datasets/ds-1")


def test_intent_is_written_before_the_work_and_the_end_after_it() -> None:
    """With what was made."""
    diary = Diary()

    Audited(Desk(diary), diary).CreateDataset(dataset_pb2.CreateDatasetRequest(request_id="r-1"), Unencrypted())

    assert diary.written == [
        Intent("unverified", "CreateDataset", "", request_id="r-1"),
        "worked",
        End(Outcome.DONE, resource="datasets/ds-1"),
    ]


def test_reading_leaves_no_event() -> None:
    """The trail is of changes."""
    diary = Diary()

    Audited(Desk(diary), diary).GetDataset(dataset_pb2.GetDatasetRequest(), Unencrypted())

    assert diary.written == []


@pytest.mark.parametrize(
    ("failure", "end"),
    [
        (Precondition("no", reason="SAME_APPROVER"), End(Outcome.REFUSED, "SAME_APPROVER")),
        (NotFound("no", reason="MODEL_NOT_FOUND"), End(Outcome.REFUSED, "MODEL_NOT_FOUND")),
        (InvalidInput.of("name", "no"), End(Outcome.REFUSED, "INVALID_FIELD")),
        (Unavailable("no", reason="MLFLOW_UNAVAILABLE"), End(Outcome.FAILED, "MLFLOW_UNAVAILABLE")),
        (ValueError("a secret"), End(Outcome.FAILED, "INTERNAL")),
    ],
)
def test_what_was_refused_or_failed_is_told_apart(failure: Exception, end: End) -> None:
    """A refusal changed nothing, a failure may have; the error goes on its way."""
    diary = Diary()

    with pytest.raises(type(failure)):
        Audited(Desk(diary, failure), diary).CreateDataset(dataset_pb2.CreateDatasetRequest(), Unencrypted())

    assert diary.written[-1] == end == end_of(failure)


def test_caller_is_told_where_the_end_cannot_be_written() -> None:
    """It may have been done; the trail shows it as open."""
    diary = Diary(failure=Unavailable("the disk is full", reason="JOB_STORE_UNAVAILABLE"))

    with pytest.raises(Unavailable):
        Audited(Desk(diary), diary).CreateDataset(dataset_pb2.CreateDatasetRequest(), Unencrypted())

    assert diary.written[1:] == ["worked"]


def test_intent_holds_what_the_request_names() -> None:
    """Resource, reason and alias; nothing that is empty."""
    request = Promote(name="models/m/versions/3", alias="challenger", reason="worth a try", etag="e")

    assert intent_of("PromoteModelVersion", request, "CN=officer") == Intent(
        "CN=officer", "PromoteModelVersion", "models/m/versions/3", "worth a try", details={"alias": "challenger"}
    )


def test_intent_of_a_new_threshold_names_the_version_it_starts_from() -> None:
    """What it makes has no name yet."""
    request = threshold_pb2.CreateModelVersionRequest(base_version="models/m/versions/3", threshold=0.5)

    details = intent_of("CreateModelVersion", request, "c").details

    assert details == {"base_version": "models/m/versions/3", "threshold": "0.5"}


def test_every_rpc_of_the_contract_is_known_to_change_or_not_to() -> None:
    """A new verb has to be put on one of the two sides."""
    methods = trainer_pb2.DESCRIPTOR.services_by_name["TrainerService"].methods
    names = [method.name for method in methods]

    changing = [name for name in names if name.startswith(CHANGING_VERBS)]

    assert {"CreateDataset", "CancelTrainingJob", "PromoteModelVersion", "DeleteDataset"} <= set(changing)
    assert [name for name in names if not name.startswith((*CHANGING_VERBS, *_READING_VERBS))] == []
