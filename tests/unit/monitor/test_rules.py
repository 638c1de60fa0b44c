"""The rules that raise alerts: what is shipped, what an operator may change, and what a mistake is told as."""

from pathlib import Path
from typing import Any

import pytest

from services.monitor.adapters.rules_file import read_rules
from services.monitor.domain.rules import Severity, Watch, rules_from_document
from shared.errors import InvalidInput

_LOG: list[dict[str, Any]] = [
    {"name": watch.replace("_", "-"), "watches": watch.value, "severity": "critical"}
    for watch in Watch
    if not watch.is_figure
]
_AUC: dict[str, Any] = {
    "name": "auc",
    "watches": "auc_drop",
    "severity": "critical",
    "bound": 0.05,
    "minimum_window": 1_000,
}


def _refused(*rules: dict[str, Any], version: object = 1, **more: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refusal:
        rules_from_document({"version": version, "rule": [*rules, *_LOG], **more})
    assert refusal.value.reason == "INVALID_RULES"
    return {each.field: each.description for each in refusal.value.violations}


def test_shipped_rules_watch_everything_there_is() -> None:
    """On a laptop nothing has to be written before an alert can be raised."""
    rules = read_rules()

    assert [watch for watch in Watch if not rules.on(watch)] == []
    proposing = {rule.watches for rule in rules.rules if rule.proposes_retraining}
    assert {Watch.DATA_DRIFT, Watch.AUC_DROP} <= proposing
    assert Watch.MISSINGNESS not in proposing


def test_an_operators_file_replaces_the_shipped_one(tmp_path: Path) -> None:
    """Two rules on one figure: a warning, and above it what wakes somebody."""
    path = tmp_path / "rules.toml"
    log = "\n".join(f'[[rule]]\nname = "{r["name"]}"\nwatches = "{r["watches"]}"\nseverity = "info"' for r in _LOG)
    figure = '[[rule]]\nname = "{0}"\nwatches = "auc_drop"\nseverity = "{0}"\nbound = {1}\nminimum_window = 10\n'
    path.write_text(f"version = 1\n{figure.format('warning', 0.02)}{figure.format('critical', 0.1)}{log}\n")

    found = read_rules(path).on(Watch.AUC_DROP)

    assert [(rule.severity, rule.bound) for rule in found] == [(Severity.WARNING, 0.02), (Severity.CRITICAL, 0.1)]
    assert not read_rules(path).on(Watch.DATA_DRIFT)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"bound": 0}, "bound"),
        ({"bound": "much"}, "bound"),
        ({"bound": float("nan")}, "bound"),
        ({"minimum_window": 0}, "minimum_window"),
        ({"minimum_window": 10.5}, "minimum_window"),
        ({"minimum_window": True}, "minimum_window"),
        ({"proposes_retraining": "yes"}, "proposes_retraining"),
        ({"watches": "the weather"}, "watches"),
        ({"severity": "dire"}, "severity"),
        ({"severity": ["info"]}, "severity"),
        ({"limit": 1}, "limit"),
    ],
)
def test_a_wrong_key_is_named_with_its_rule(changes: dict[str, Any], key: str) -> None:
    """An operator goes straight to the line; nothing else is complained about."""
    assert list(_refused(_AUC | changes)) == [f"rule 'auc'.{key}"]


@pytest.mark.parametrize("key", ["watches", "severity", "bound", "minimum_window"])
def test_a_key_that_is_missing_is_named(key: str) -> None:
    """A rule without a bound would hold always, or never."""
    assert list(_refused({name: value for name, value in _AUC.items() if name != key})) == [f"rule 'auc'.{key}"]


def test_a_rule_without_a_usable_name_is_named_by_its_place() -> None:
    """The first one is 1."""
    nameless = {key: value for key, value in _AUC.items() if key != "name"}

    assert list(_refused(_AUC, nameless)) == ["rule 2.name"]
    assert list(_refused(_AUC | {"name": "My rule"})) == ["rule 'My rule'.name"]
    assert list(_refused(_AUC, _AUC)) == ["rule 'auc'.name"]


def test_what_is_found_in_the_log_has_no_bound() -> None:
    """One missing record is one too many."""
    gap = {"name": "gaps", "watches": "log_gap", "severity": "info"}

    assert list(_refused(gap | {"bound": 3, "minimum_window": 5})) == [
        "rule 'gaps'.bound",
        "rule 'gaps'.minimum_window",
    ]


def test_the_log_is_always_watched() -> None:
    """A file that leaves it out would hide that decisions are missing."""
    with pytest.raises(InvalidInput, match="none watches log_chain"):
        rules_from_document({"version": 1, "rule": [_AUC, *(rule for rule in _LOG if rule["watches"] != "log_chain")]})


@pytest.mark.parametrize("version", [None, 2, "1"])
def test_rules_of_another_version_are_refused(version: object) -> None:
    """What a later release means by a key is not known to this one."""
    assert list(_refused(_AUC, version=version)) == ["version"]


def test_a_document_of_another_form_is_refused() -> None:
    """A misspelt table would leave everything unwatched."""
    assert list(_refused(_AUC, rules=[])) == ["rules"]
    with pytest.raises(InvalidInput, match=r"\[\[rule\]\]"):
        rules_from_document({"version": 1, "rule": {"name": "auc"}})


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), ("version = ", "is no TOML"), ("\xff", "TOML")]
)
def test_a_file_that_cannot_be_read_is_named_by_its_variable(tmp_path: Path, content: str | None, said: str) -> None:
    """The monitor does not start with half of its rules."""
    path = tmp_path / "rules.toml"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))

    with pytest.raises(InvalidInput, match=said) as refusal:
        read_rules(path)

    assert [each.field for each in refusal.value.violations] == ["COUNTERFOIL_ALERT_RULES"]
