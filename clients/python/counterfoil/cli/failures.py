"""How a command fails: one clear line, stable exit codes, and the same facts as JSON for machines."""

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import IO, Any, ClassVar

import click

from counterfoil.cli.output import json_wanted
from counterfoil.client.errors import CallError, FieldProblem
from counterfoil.types.v1 import job_pb2


class ExitCode(IntEnum):
    """What the command's exit code tells a script."""

    OK = 0
    FAILED = 1
    USAGE = 2
    JOB_ENDED = 3
    UNREACHABLE = 4


class CommandFailed(click.ClickException):
    """Ends the command with `error: MESSAGE (REASON)` on stderr, the invalid fields below it, and exit code 1.

    With --json the same is one JSON document on stderr.
    """

    exit_code: ClassVar[int] = ExitCode.FAILED

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        code: str = "",
        fields: tuple[FieldProblem, ...] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code
        self.fields = fields
        self.metadata = dict(metadata or {})
        # click has left the command's context when it calls `show`.
        self._as_json = json_wanted()

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the failure to stderr."""
        text = json.dumps(self._document(), indent=2) if self._as_json else "\n".join(self._lines())
        click.echo(text, file=file, err=file is None)

    def _lines(self) -> list[str]:
        problems = [f"{each.field}: {each.description}" for each in self.fields]
        return [
            f"error: {self.message} ({self.reason})",
            *(f"  {line}" for line in problems if line not in self.message),
        ]

    def _document(self) -> dict[str, Any]:
        fields = [{"field": each.field, "description": each.description} for each in self.fields]
        error = {"code": self.code, "reason": self.reason, "message": self.message}
        return {"error": {**error, "field_violations": fields, "metadata": self.metadata}}


class JobEndedBadly(CommandFailed):
    """A job ended without its result; exit code 3."""

    exit_code: ClassVar[int] = ExitCode.JOB_ENDED


class Unreachable(CommandFailed):
    """A service does not answer; exit code 4."""

    exit_code: ClassVar[int] = ExitCode.UNREACHABLE


def call_failed(error: CallError, *, service: str, address: str) -> CommandFailed:
    """Return the failure of a call; a service that does not answer has an exit code and a remedy of its own."""
    silent = not error.reason and error.code in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
    if silent:
        return Unreachable(
            f"the {service} at {address} does not answer; `counterfoil up` starts the services, "
            f"--{service} or COUNTERFOIL_{service.upper()}_ADDRESS names another address: {error.message}",
            reason=error.code,
            code=error.code,
        )
    return CommandFailed(
        error.message,
        reason=error.reason or error.code,
        code=error.code,
        fields=error.fields,
        metadata=error.metadata,
    )


def check_ended_well(name: str, job: job_pb2.Job) -> None:
    """Raise JobEndedBadly when the job ended without its result."""
    if job.state == job_pb2.JOB_STATE_FAILED:
        raise JobEndedBadly(
            f"{name} failed: {job.error.message}",
            reason=job.error.reason or "JOB_FAILED",
            metadata=dict(job.error.metadata),
        )
    if job.state == job_pb2.JOB_STATE_CANCELLED:
        raise JobEndedBadly(f"{name} was cancelled", reason="JOB_CANCELLED")
