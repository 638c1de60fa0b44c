"""Calls whose failures end the command, and how each failure reads."""

from pathlib import Path

import pytest

from counterfoil.cli.checkout import module_environment
from counterfoil.cli.failures import CommandFailed, ExitCode, call_failed
from counterfoil.cli.session import Session, monitor_calls, scorer_calls, trainer_calls
from counterfoil.client.channels import TlsFiles
from counterfoil.client.errors import CallError, FieldProblem

NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize("calls", [trainer_calls, scorer_calls, monitor_calls])
@pytest.mark.parametrize("part", ["root_certificates", "certificate", "key"])
def test_tls_file_that_has_gone_is_told_with_its_path(tmp_path: Path, calls: "object", part: str) -> None:
    """It may vanish after the options were checked."""
    session = Session(NOBODY, NOBODY, NOBODY, TlsFiles(**{part: tmp_path / "gone.pem"}))
    assert callable(calls)

    with pytest.raises(CommandFailed, match=r"cannot read a TLS file: .*gone\.pem") as raised, calls(session):
        pass

    assert raised.value.reason == "TLS_FILE_UNREADABLE"


def test_stream_that_keeps_ending_names_the_service() -> None:
    """A broken proxy in front of it is found by its address."""
    session = Session("a:1", "b:2", "c:3")

    with pytest.raises(CommandFailed, match="the monitor at c:3: too early") as raised, monitor_calls(session):
        raise ConnectionError("too early")

    assert (raised.value.reason, raised.value.exit_code) == ("STREAM_ENDED", ExitCode.FAILED)


@pytest.mark.parametrize("code", ["UNAVAILABLE", "DEADLINE_EXCEEDED"])
@pytest.mark.parametrize(("reason", "exit_code"), [("", ExitCode.UNREACHABLE), ("SPOOL_FULL", ExitCode.FAILED)])
def test_only_silence_is_unreachable(code: str, reason: str, exit_code: int) -> None:
    """A service that gives a reason was reached."""
    assert call_failed(CallError(code, reason, "m"), service="scorer", address="a:1").exit_code == exit_code


@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "PERMISSION_DENIED", "CANCELLED", "UNKNOWN", "NOT_FOUND"])
def test_answer_without_a_reason_is_a_failure_by_its_code(code: str) -> None:
    """A gateway's refusal is no silence: starting the services would not help."""
    failure = call_failed(CallError(code, "", "no"), service="scorer", address="a:1")

    assert (failure.exit_code, failure.reason) == (ExitCode.FAILED, code)


def test_only_the_fields_that_the_message_lacks_have_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Each is told once."""
    fields = (FieldProblem("a", "too long"), FieldProblem("b", "too short"))

    CommandFailed("a: too long, and more", reason="INVALID_FIELD", fields=fields).show()

    assert capsys.readouterr().err.splitlines() == [
        "error: a: too long, and more (INVALID_FIELD)",
        "  b: too short",
    ]


@pytest.mark.parametrize("inherited", [{}, {"PYTHONPATH": ""}])
def test_absent_python_path_adds_no_empty_part(inherited: dict[str, str]) -> None:
    """An empty part would mean the working directory, whatever it is."""
    assert "" not in module_environment(Path("here"), inherited)["PYTHONPATH"].split(":")
