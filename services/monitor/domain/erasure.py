"""The erasure of one person's data: about whom, why, of which records, and what came of it."""

import datetime as dt
import hmac
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from shared.errors import FieldViolation, InvalidInput

LONGEST_ID = 128
LONGEST_REASON = 500
LONGEST_REFERENCE = 128


@dataclass(frozen=True)
class Subject:
    """Whose data is to be erased: an applicant's, one application's, or everybody's that was stored before a time."""

    applicant_id: str = ""
    application_number: str = ""
    stored_before: dt.datetime | None = None

    @property
    def text(self) -> str:
        """Return the identifier, whichever it is; empty for everybody."""
        return self.applicant_id or self.application_number

    def digest(self, key: bytes) -> str:
        """Return what tells under the key whether it is the same subject, and nothing about it without."""
        before = self.stored_before.isoformat() if self.stored_before is not None else ""
        content = json.dumps([self.applicant_id, self.application_number, before]).encode()
        return hmac.digest(key, content, "sha256").hex()


@dataclass(frozen=True)
class ErasureWish:
    """What is asked for. `reason` and `reference` are kept for good and must not tell who it is about."""

    subject: Subject
    reason: str
    reference: str = ""

    def checked(self) -> "ErasureWish":
        """Return the wish; raises InvalidInput for what lacks or is too long."""
        violations = []
        subject = self.subject
        if not subject.text and subject.stored_before is None:
            violations.append(FieldViolation("subject", "is not set; give an applicant, an application or a time"))
        if not self.reason.strip():
            violations.append(FieldViolation("reason", "is empty; an auditor must find why data is gone"))
        for path, text, most in (
            ("subject", self.subject.text, LONGEST_ID),
            ("reason", self.reason, LONGEST_REASON),
            ("reference", self.reference, LONGEST_REFERENCE),
        ):
            if len(text) > most:
                violations.append(FieldViolation(path, f"has {len(text)} characters; give at most {most}"))
            elif path != "subject" and self.subject.text and self.subject.text in text:
                violations.append(FieldViolation(path, "names the subject, and is kept for good; leave that out"))
        if violations:
            raise InvalidInput(violations)
        return self


@dataclass(frozen=True)
class ErasureRequest:
    """What the job of an erasure is given; `subject_digest` is under the monitor's key."""

    subject_digest: str
    reason: str
    reference: str

    def to_json(self) -> str:
        """Return the request as the job store keeps it."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, document: str) -> "ErasureRequest":
        """Return the request that `to_json` wrote."""
        return cls(**json.loads(document))


@dataclass(frozen=True)
class ErasureResult:
    """What was erased: records of the log, rows of the projections, and files that were replaced by others."""

    records: int
    projected_rows: int
    files: int

    def to_json(self) -> str:
        """Return the result as the job store keeps it."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, document: str) -> "ErasureResult":
        """Return the result that `to_json` wrote."""
        return cls(**json.loads(document))


@dataclass(frozen=True, order=True)
class Span:
    """Records of an instance from `first` to `last`, both included."""

    instance: str
    first: int
    last: int

    def holds(self, instance: str, sequence: int) -> bool:
        """Return whether it is a record of the span."""
        return self.instance == instance and self.first <= sequence <= self.last


def spans_of(records: Iterable[tuple[str, int]]) -> list[Span]:
    """Return the fewest spans that hold exactly these records, each an instance and a sequence, in order."""
    return merged(Span(instance, sequence, sequence) for instance, sequence in records)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the fewest spans that hold exactly the records of these, in order."""
    found: list[Span] = []
    for span in sorted(spans):
        last = found[-1] if found else None
        if last is not None and last.instance == span.instance and span.first <= last.last + 1:
            found[-1] = Span(span.instance, last.first, max(last.last, span.last))
        else:
            found.append(span)
    return found


@dataclass(frozen=True)
class ErasureEntry:
    """What the log remembers of an erasure, before anything is erased: it alone makes an empty personal part legal."""

    erasure_id: str
    kind: str
    time: dt.datetime
    reason: str
    reference: str
    caller: str
