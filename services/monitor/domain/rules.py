"""What raises an alert: rules that watch one figure each, read out of a small versioned document."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.errors import FieldViolation, InvalidInput

VERSION = 1
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_REQUIRED = ("name", "watches", "severity")
_OF_FIGURES = ("bound", "minimum_window", "proposes_retraining")


class Severity(StrEnum):
    """How soon somebody must look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Watch(StrEnum):
    """What a rule looks at: a figure of a model version over a window, or something found in the log."""

    DATA_DRIFT = "data_drift"
    SCORE_DRIFT = "score_drift"
    CONTRIBUTION_DRIFT = "contribution_drift"
    MISSINGNESS = "missingness"
    AUC_DROP = "auc_drop"
    COST_RISE = "cost_rise"
    CALIBRATION = "calibration"
    LOG_GAP = "log_gap"
    LOG_CHAIN = "log_chain"
    LOG_VALUES = "log_values"
    LOG_BUNDLE = "log_bundle"
    LOG_PROJECTION = "log_projection"

    @property
    def is_figure(self) -> bool:
        """Whether it is measured and held against a bound; what is found in the log is wrong as such."""
        return not self.startswith("log_")


# What is wrong with the log is always told: an operator's file may lower its severity, not leave it out.
_LOG = tuple(watch for watch in Watch if not watch.is_figure)


@dataclass(frozen=True)
class Rule:
    """One rule. A figure at `bound` or above, over at least `minimum_window` decisions, raises its alert.

    `proposes_retraining` tells whether that also proposes to train the model anew. Rules on the log have none of these.
    """

    name: str
    watches: Watch
    severity: Severity
    bound: float = 0.0
    minimum_window: int = 0
    proposes_retraining: bool = False


@dataclass(frozen=True)
class Rules:
    """Every rule that holds, in the order of the document."""

    rules: tuple[Rule, ...]

    def on(self, watch: Watch) -> tuple[Rule, ...]:
        """Return the rules that watch it."""
        return tuple(rule for rule in self.rules if rule.watches is watch)


def rules_from_document(document: Mapping[str, Any]) -> Rules:
    """Return the rules of a parsed document: `version = 1` and tables `[[rule]]`.

    Raises InvalidInput (INVALID_RULES) that names every rule and key that is wrong, such as `rule "auc".bound`.
    """
    violations = _document_violations(document)
    if not violations:
        entries = document["rule"]
        violations = [found for place, entry in enumerate(entries, start=1) for found in _violations(place, entry)]
        violations += _violations_of_all(entries) if not violations else []
    if violations:
        raise InvalidInput(violations, reason="INVALID_RULES")
    return Rules(tuple(_rule(entry) for entry in document["rule"]))


def _document_violations(document: Mapping[str, Any]) -> list[FieldViolation]:
    if document.get("version") != VERSION:
        return [
            FieldViolation("version", f"is {document.get('version')!r}; this release reads rules of version {VERSION}")
        ]
    unknown = [
        FieldViolation(str(key), "is not known; give version and [[rule]]")
        for key in document
        if key not in ("version", "rule")
    ]
    entries = document.get("rule")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return [*unknown, FieldViolation("rule", "is no list of tables; write each rule below a line [[rule]]")]
    return unknown


def _violations(place: int, entry: Mapping[str, Any]) -> list[FieldViolation]:
    name = entry.get("name")
    path = f"rule {name!r}" if isinstance(name, str) else f"rule {place}"
    found = {key: "is missing" for key in _REQUIRED if key not in entry}
    found |= {
        key: f"is not known; known are {', '.join((*_REQUIRED, *_OF_FIGURES))}"
        for key in entry
        if key not in (*_REQUIRED, *_OF_FIGURES)
    }
    if "name" in entry and not (isinstance(name, str) and _NAME.fullmatch(name)):
        found["name"] = "must be 1 to 63 of a-z, 0-9 and -, starting with a letter"
    for key, known in (("watches", [*Watch]), ("severity", [*Severity])):
        if key in entry and entry[key] not in [each.value for each in known]:
            found[key] = f"is {entry[key]!r}; known are {', '.join(known)}"
    if "watches" in entry and "watches" not in found:
        found |= _figure_violations(Watch(entry["watches"]), entry)
    return [FieldViolation(f"{path}.{key}", description) for key, description in found.items()]


def _figure_violations(watch: Watch, entry: Mapping[str, Any]) -> dict[str, str]:
    if not watch.is_figure:
        return {
            key: "belongs to no rule on the log: what is found there is wrong as such"
            for key in _OF_FIGURES
            if key in entry
        }
    checks = {
        "bound": (_is_number(entry.get("bound")) and entry["bound"] > 0, "must be a finite number above 0"),
        "minimum_window": (_is_count(entry.get("minimum_window")), "must be a whole number of decisions, 1 or more"),
        "proposes_retraining": (isinstance(entry.get("proposes_retraining", False), bool), "must be true or false"),
    }
    return {key: description for key, (holds, description) in checks.items() if not holds}


def _violations_of_all(entries: Sequence[Mapping[str, Any]]) -> list[FieldViolation]:
    names = [entry["name"] for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    watched = {entry["watches"] for entry in entries}
    unwatched = [watch for watch in _LOG if watch not in watched]
    return [
        *(FieldViolation(f"rule {name!r}.name", "is the name of two rules") for name in twice),
        *(FieldViolation("rule", f"none watches {watch}; the log is always watched") for watch in unwatched),
    ]


def _rule(entry: Mapping[str, Any]) -> Rule:
    return Rule(
        name=entry["name"],
        watches=Watch(entry["watches"]),
        severity=Severity(entry["severity"]),
        bound=float(entry.get("bound", 0.0)),
        minimum_window=entry.get("minimum_window", 0),
        proposes_retraining=entry.get("proposes_retraining", False),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
