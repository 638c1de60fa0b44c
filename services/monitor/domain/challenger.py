"""How a challenger would have decided on logged decisions: where the two disagree, and what each costs."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np

from services.monitor.domain.decided import Decided, Flags, Floats
from services.monitor.domain.window import Window, check_max_rows, check_window
from shared.errors import InvalidInput

DEFAULT_MAX_ROWS: Final = 20_000
CHALLENGER: Final = "challenger"
_WORDS: Final = ("APPROVE", "REFUSE", "REFER")


class Basis(StrEnum):
    """What tells who would have defaulted."""

    OUTCOMES = "OUTCOMES"
    LOGGED_PROBABILITIES = "LOGGED_PROBABILITIES"
    CHALLENGER_PROBABILITIES = "CHALLENGER_PROBABILITIES"


@dataclass(frozen=True)
class AskedComparison:
    """Whose decisions are looked at, and who decides on them again: numbered versions once settled."""

    model_version: str
    challenger: str
    window: Window = field(default_factory=Window)
    max_rows: int = DEFAULT_MAX_ROWS

    def check(self) -> None:
        """Raise InvalidInput that names every bound which is overstepped."""
        violations = [*check_window(self.window), *check_max_rows(self.max_rows)]
        if violations:
            raise InvalidInput(violations)

    def to_json(self) -> str:
        """Return the text that `from_json` turns back into an equal wish."""
        return json.dumps(asdict(self), default=dt.datetime.isoformat)

    @classmethod
    def from_json(cls, text: str) -> "AskedComparison":
        """Return the wish that `to_json` wrote."""
        document = json.loads(text)
        times = {name: _time(document["window"][name]) for name in ("start_time", "end_time")}
        return cls(**{**document, "window": Window(**{**document["window"], **times})})


@dataclass(frozen=True)
class Pair:
    """Decisions by what was decided and what the challenger would have; `defaults` are of the labelled ones."""

    decision: str
    challenger_decision: str
    count: int
    labelled: int
    defaults: int


@dataclass(frozen=True)
class Costs:
    """What both sets of decisions cost an applicant, on the `rows` for which the basis tells it."""

    basis: Basis
    rows: int
    cost: float
    challenger_cost: float


@dataclass(frozen=True)
class ChallengerComparison:
    """How a challenger would have decided; `features_not_logged` were taken as missing."""

    rows: int
    first_time: dt.datetime | None
    last_time: dt.datetime | None
    features_not_logged: tuple[str, ...]
    pairs: tuple[Pair, ...]
    costs: tuple[Costs, ...]

    def share(self, *, decision: str = "", challenger_decision: str = "") -> float | None:
        """Return the share of decisions with what is named, 0 to 1; None without decisions."""
        wanted = [
            pair.count
            for pair in self.pairs
            if decision in ("", pair.decision) and challenger_decision in ("", pair.challenger_decision)
        ]
        return sum(wanted) / self.rows if self.rows else None

    @property
    def agreement(self) -> float | None:
        """Share of decisions on which both agree, 0 to 1; None without decisions."""
        agreed = sum(pair.count for pair in self.pairs if pair.decision == pair.challenger_decision)
        return agreed / self.rows if self.rows else None

    def to_json(self) -> str:
        """Return the text that `from_json` turns back into an equal comparison."""
        return json.dumps(asdict(self), default=dt.datetime.isoformat)

    @classmethod
    def from_json(cls, text: str) -> "ChallengerComparison":
        """Return the comparison that `to_json` wrote."""
        document = json.loads(text)
        return cls(
            rows=document["rows"],
            first_time=_time(document["first_time"]),
            last_time=_time(document["last_time"]),
            features_not_logged=tuple(document["features_not_logged"]),
            pairs=tuple(Pair(**pair) for pair in document["pairs"]),
            costs=tuple(Costs(**{**each, "basis": Basis(each["basis"])}) for each in document["costs"]),
        )


def decide_again(decided: Decided, probabilities: Floats, threshold: float) -> Decided:
    """Return the decisions of a challenger with these probabilities, (n_rows,): refusals from its threshold on."""
    refused = probabilities >= threshold
    return replace(decided, probabilities=probabilities, approved=~refused, refused=refused)


def pairs_of(decided: Decided, challenger: Decided) -> Iterator[Pair]:
    """Yield the disagreement matrix of two sets of decisions on the same applicants, without what does not occur."""
    for decision, ours in zip(_WORDS, _sides(decided), strict=True):
        for other, theirs in zip(_WORDS, _sides(challenger), strict=True):
            labels = decided.labels[ours & theirs]
            if len(labels):
                known = ~np.isnan(labels)
                yield Pair(decision, other, len(labels), int(known.sum()), int(labels[known].sum()))


def costs_of(decided: Decided, challenger: Decided) -> Iterator[Costs]:
    """Yield what both cost on each basis that tells it of any row."""
    chances = {
        Basis.OUTCOMES: decided.labels,
        Basis.LOGGED_PROBABILITIES: decided.probabilities,
        Basis.CHALLENGER_PROBABILITIES: challenger.probabilities,
    }
    for basis, defaulted in chances.items():
        ours, theirs = decided.costs_if(defaulted), challenger.costs_if(defaulted)
        known = ~np.isnan(ours) & ~np.isnan(theirs)
        if known.any():
            yield Costs(basis, int(known.sum()), float(ours[known].mean()), float(theirs[known].mean()))


def _sides(decided: Decided) -> tuple[Flags, Flags, Flags]:
    return decided.approved, decided.refused, ~(decided.approved | decided.refused)


def _time(text: Any) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def error_to_json(reason: str, message: str, metadata: Mapping[str, str]) -> str:
    """Return an error as the text in which a process hands it to another."""
    return json.dumps({"reason": reason, "message": message, "metadata": dict(metadata)})
