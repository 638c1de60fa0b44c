"""What a person decided in place of the model."""

import datetime as dt
from dataclasses import dataclass

from services.monitor.domain.prediction import PredictionName
from shared.errors import FieldViolation, InvalidInput

DECISIONS = ("APPROVE", "REFUSE", "REFER")
LONGEST_CODE = 64
LONGEST_REASON = 1_000
LONGEST_OFFICER = 128
LONGEST_REQUEST_ID = 128


@dataclass(frozen=True)
class OverrideWish:
    """What is to be recorded; `decision` is one of DECISIONS, `officer` is empty where the caller decided."""

    prediction: PredictionName
    decision: str
    reason_code: str
    reason: str
    officer: str
    caller: str
    request_id: str = ""

    def checked(self) -> "OverrideWish":
        """Return the wish; raises InvalidInput for what lacks or is too long."""
        violations = [
            FieldViolation(path, "is empty; an override without a reason proves nothing")
            for path, text in (("reason_code", self.reason_code), ("reason", self.reason))
            if not text.strip()
        ]
        violations += [
            FieldViolation(path, f"has {len(text)} characters; give at most {most}")
            for path, text, most in (
                ("request_id", self.request_id, LONGEST_REQUEST_ID),
                ("reason_code", self.reason_code, LONGEST_CODE),
                ("reason", self.reason, LONGEST_REASON),
                ("officer", self.officer, LONGEST_OFFICER),
            )
            if len(text) > most
        ]
        if violations:
            raise InvalidInput(violations)
        return self


@dataclass(frozen=True)
class Override:
    """A wish as it was recorded; `number` is its place among those of its prediction, from 1."""

    wish: OverrideWish
    number: int
    create_time: dt.datetime
