"""The errors that a caller can act on, in domain words; shared/rpc alone turns them into status codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldViolation:
    """One invalid part of a request.

    `field` is the path as a client writes it, such as `features["AMT_CREDIT"]` or `options.max_missing_share`;
    `description` says what is wrong and how to mend it.
    """

    field: str
    description: str


class CounterfoilError(Exception):
    """An error with a stable UPPER_SNAKE reason, a sentence with the remedy, and metadata for machines.

    The message and metadata reach the caller: they hold no feature value, no stack trace, no path of the server's.
    """

    def __init__(self, message: str, *, reason: str, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.metadata: dict[str, str] = dict(metadata or {})

    @property
    def fields(self) -> Sequence[str]:
        """The paths of what is wrong in the request; empty where it is not the request."""
        return ()


class InvalidInput(CounterfoilError):
    """The request itself is wrong and can never succeed as it is; each violation names its field."""

    def __init__(
        self,
        violations: Sequence[FieldViolation],
        *,
        reason: str = "INVALID_FIELD",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        message = "; ".join(f"{v.field}: {v.description}" for v in violations)
        super().__init__(message, reason=reason, metadata=metadata)
        self.violations = tuple(violations)

    @property
    def fields(self) -> Sequence[str]:
        """The paths of what is wrong."""
        return [each.field for each in self.violations]

    @classmethod
    def of(cls, field_path: str, description: str, *, reason: str = "INVALID_FIELD") -> "InvalidInput":
        """Return the error for a single field."""
        return cls([FieldViolation(field_path, description)], reason=reason)


class NotFound(CounterfoilError):
    """What the request names does not exist."""


class AlreadyExists(CounterfoilError):
    """The identifier is taken by other content."""


class Precondition(CounterfoilError):
    """The request is sound, but the state it needs is not there; the message says how to reach it."""


class Unavailable(CounterfoilError):
    """A dependency is down for now; the same request may succeed later."""


class Exhausted(CounterfoilError):
    """A bound (disk, queue, memory) is reached; the message names it."""
