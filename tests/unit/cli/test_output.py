"""What commands print, for people and for machines."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from counterfoil.cli.failures import CommandFailed, ExitCode, JobEndedBadly, Unreachable, call_failed, check_ended_well
from counterfoil.cli.files import write_file
from counterfoil.cli.output import document, json_option, json_wanted, say, show_json
from counterfoil.client.errors import CallError, FieldProblem
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import job_pb2


def test_document_names_every_field_as_the_contract_does() -> None:
    """A zero is said, an optional field that is absent is not, bytes are base64, 64 bits are text."""
    response = scorer_pb2.ScoreResponse()
    response.receipt.sequence = 2**63
    response.receipt.hash = b"\xff"

    found = document(response)

    assert found["probability"] == 0.0
    assert found["decision"] == "DECISION_UNSPECIFIED"
    assert found["receipt"] == {"instance": "", "sequence": str(2**63), "hash": "/w=="}
    assert "minimum" not in document(scorer_pb2.ServedFeature())


def test_hints_are_for_people_alone() -> None:
    """With --json neither stdout nor stderr has anything beside the document."""

    @click.command()
    @json_option
    def command() -> None:
        say("a hint")
        if json_wanted():
            show_json({"a": 1})

    people, machine = (CliRunner().invoke(command, arguments) for arguments in ([], ["--json"]))

    assert (people.stdout, people.stderr) == ("", "a hint\n")
    assert json.loads(machine.stdout) == {"a": 1}
    assert machine.stderr == ""


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (CommandFailed("m", reason="R"), ExitCode.FAILED),
        (JobEndedBadly("m", reason="R"), ExitCode.JOB_ENDED),
        (Unreachable("m", reason="R"), ExitCode.UNREACHABLE),
    ],
)
def test_kinds_of_failure_have_their_own_exit_codes(failure: CommandFailed, code: int) -> None:
    """Scripts rely on the numbers."""
    assert failure.exit_code == code
    assert [int(each) for each in ExitCode] == [0, 1, 2, 3, 4]


def test_field_that_the_message_names_already_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """The services put a single field into the message itself."""
    problem = FieldProblem("test_share", "must be below 1")

    CommandFailed("test_share: must be below 1", reason="INVALID_FIELD", fields=(problem,)).show()

    assert capsys.readouterr().err == "error: test_share: must be below 1 (INVALID_FIELD)\n"


def test_unavailable_with_a_reason_is_an_answer() -> None:
    """Only silence has the exit code of a service that is not there."""
    said = CallError("UNAVAILABLE", "MLFLOW_UNAVAILABLE", "MLflow is down")
    silent = CallError("UNAVAILABLE", "", "connection refused")

    failures = [call_failed(error, service="scorer", address="a:1") for error in (said, silent)]

    assert [type(failure) for failure in failures] == [CommandFailed, Unreachable]


def test_failure_without_a_reason_shows_the_code() -> None:
    """What a proxy answered has no reason of ours."""
    failure = call_failed(CallError("UNIMPLEMENTED", "", "unknown method"), service="scorer", address="a:1")

    assert failure.reason == "UNIMPLEMENTED"


@pytest.mark.parametrize("state", [job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_RUNNING, job_pb2.JOB_STATE_SUCCEEDED])
def test_job_that_has_not_failed_is_no_failure(state: job_pb2.JobState.ValueType) -> None:
    """With --no-wait a queued job is a success."""
    check_ended_well("datasets/x", job_pb2.Job(state=state))


def test_job_that_failed_carries_its_own_reason_and_metadata() -> None:
    """What the job said reaches the script."""
    error = job_pb2.JobError(reason="CHILD_DIED", message="gone", metadata={"exit_code": "-9"})

    with pytest.raises(JobEndedBadly, match="datasets/x failed: gone") as raised:
        check_ended_well("datasets/x", job_pb2.Job(state=job_pb2.JOB_STATE_FAILED, error=error))

    assert (raised.value.reason, raised.value.metadata) == ("CHILD_DIED", {"exit_code": "-9"})


def test_file_is_written_whole(tmp_path: Path) -> None:
    """The size is that of all chunks, and nothing else lies beside the file."""
    size = write_file(tmp_path / "page.html", [b"ab", b"", b"c"])

    assert size == 3
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_bytes() == b"abc"
