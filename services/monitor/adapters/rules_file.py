"""The file of rules: the one shipped with the monitor, or the operator's."""

import tomllib
from pathlib import Path

from services.monitor.domain.rules import Rules, rules_from_document
from shared.errors import FieldViolation, InvalidInput
from shared.settings import variable_of

SETTING = "alert_rules"
_SHIPPED = Path(__file__).parents[1] / "rules.toml"


def read_rules(path: Path | None = None) -> Rules:
    """Return the rules in a TOML file, without one those that are shipped.

    Raises InvalidInput (INVALID_RULES) that names the rule and key, or the line that is no TOML.
    """
    try:
        document = tomllib.loads((path or _SHIPPED).read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(f"names a file that cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise _unreadable(f"names a file that is no TOML: {error}") from error
    return rules_from_document(document)


def _unreadable(description: str) -> InvalidInput:
    return InvalidInput([FieldViolation(variable_of(SETTING), description)], reason="INVALID_RULES")
