"""How every command fails: the line, the fields, the document, the exit code; and what Ctrl-C leaves behind."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.rpc import code_pb2

from counterfoil.types.v1 import job_pb2
from tests.processes import free_port
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


WRONG_SHARE = samples.refusal(
    code_pb2.INVALID_ARGUMENT,
    "INVALID_FIELD",
    "two fields are wrong",
    ("options.max_missing_share", "must be from 0 to 1"),
    ("test_share", "must be below 1"),
)
CREATE = ("dataset", "create", "--tables", "first", "--imputation", "none")


def test_refused_request_names_reason_and_fields(services: FakeServices) -> None:
    """Each invalid field has a line of its own."""
    services.answer("CreateDataset", WRONG_SHARE)

    outcome = services.run(*CREATE)

    assert outcome.exit_code == 1
    assert outcome.stdout == ""
    assert outcome.stderr.splitlines() == [
        "error: two fields are wrong (INVALID_FIELD)",
        "  options.max_missing_share: must be from 0 to 1",
        "  test_share: must be below 1",
    ]


def test_refused_request_is_one_json_document_on_stderr(services: FakeServices) -> None:
    """The same facts for machines; stdout stays empty."""
    services.answer("CreateDataset", WRONG_SHARE)

    outcome = services.run(*CREATE, "--json")

    error = json.loads(outcome.stderr)["error"]
    assert outcome.stdout == ""
    assert (error["code"], error["reason"]) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert error["field_violations"][1] == {"field": "test_share", "description": "must be below 1"}
    assert error["metadata"] == {"key": "value"}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (code_pb2.NOT_FOUND, "APPLICANT_NOT_FOUND"),
        (code_pb2.FAILED_PRECONDITION, "NO_CHAMPION"),
        (code_pb2.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
        (code_pb2.RESOURCE_EXHAUSTED, "SPOOL_FULL"),
        (code_pb2.UNAVAILABLE, "MLFLOW_UNAVAILABLE"),
        (code_pb2.INTERNAL, "INTERNAL"),
    ],
)
def test_service_that_answers_with_an_error_gives_exit_code_1(
    services: FakeServices, code: code_pb2.Code.ValueType, reason: str
) -> None:
    """Also UNAVAILABLE, when the service itself says why: it was reached."""
    services.answer("Score", samples.refusal(code, reason, "do this instead"))

    outcome = services.run("score", "one", "--applicant", "1", "--purpose", "test")

    assert outcome.exit_code == 1
    assert outcome.stderr == f"error: do this instead ({reason})\n"


@pytest.mark.parametrize(
    ("arguments", "service"),
    [
        (("dataset", "list"), "trainer"),
        (("score", "one", "--applicant", "1", "--purpose", "test"), "scorer"),
        (("drift", "list"), "monitor"),
    ],
)
def test_service_that_is_not_there_gives_exit_code_4_and_the_remedy(
    services: FakeServices, arguments: tuple[str, ...], service: str
) -> None:
    """The message names the service, its address, the variable, and the command that starts it."""
    nobody = f"127.0.0.1:{free_port()}"

    outcome = services.run(f"--{service}={nobody}", *arguments)

    assert outcome.exit_code == 4
    assert f"the {service} at {nobody} does not answer" in outcome.stderr
    assert f"COUNTERFOIL_{service.upper()}_ADDRESS" in outcome.stderr
    assert "`counterfoil up`" in outcome.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("dataset", "create", "--tables", "first"),
        ("train", "start", "--dataset", "d", "--classifier", "c", "--grid", "num_leaves"),
        ("model", "get", "a/b/c"),
        ("--tls-key", __file__, "dataset", "list"),
        ("nonsense",),
    ],
)
def test_wrong_usage_gives_exit_code_2(services: FakeServices, arguments: tuple[str, ...]) -> None:
    """Nothing is asked of any service."""
    outcome = services.run(*arguments)

    assert outcome.exit_code == 2
    assert "Usage: counterfoil" in outcome.stderr


def test_unreadable_certificates_are_a_clear_error(services: FakeServices, tmp_path: Path) -> None:
    """A file that is no certificate makes the handshake fail, not the command crash."""
    (roots := tmp_path / "roots.pem").write_text("no certificate")

    outcome = services.run("--tls-roots", str(roots), "dataset", "list")

    assert outcome.exit_code == 4
    assert "the trainer at" in outcome.stderr


def test_service_that_keeps_ending_the_stream_early_is_an_error(services: FakeServices) -> None:
    """A status that no retry can mend ends the watch at once."""
    services.answer("WatchDataset", samples.refusal(code_pb2.NOT_FOUND, "JOB_NOT_FOUND", "no such data set"))

    outcome = services.run("dataset", "watch", "ds-none")

    assert outcome.exit_code == 1
    assert "no such data set (JOB_NOT_FOUND)" in outcome.stderr


def test_ctrl_c_leaves_the_job_alone_and_says_how_to_look_at_it(services: FakeServices) -> None:
    """The job is the service's; only the watching ends."""
    services.stall("WatchDataset", samples.dataset_news(samples.job(job_pb2.JOB_STATE_RUNNING, "building")))
    command = [sys.executable, "-m", "counterfoil.cli", f"--trainer={services.address}", "dataset", "watch", "ds-1"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        code = process.wait(timeout=30)

    assert "50% building" in first
    assert code == 1
    assert "The job goes on; look at it with: counterfoil dataset watch datasets/ds-1" in rest
    assert "Traceback" not in rest


def test_terminal_shows_a_bar(services: FakeServices) -> None:
    """On a terminal the stage stands beside a bar that moves."""
    building = samples.job(job_pb2.JOB_STATE_RUNNING, "building")
    services.answer("WatchDataset", samples.dataset_news(building), samples.dataset_news(samples.job()))
    command = [sys.executable, "-m", "counterfoil.cli", f"--trainer={services.address}", "dataset", "watch", "ds-1"]
    ours, theirs = pty.openpty()

    code = subprocess.call(command, stdout=subprocess.DEVNULL, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)

    assert code == 0
    assert "datasets/ds-1" in shown
    assert "100%" in shown
