"""Settings out of the environment: every type, every default, every mistake named at once."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidInput
from shared.settings import read_settings, variable_of


@dataclass(frozen=True)
class Example:
    """One setting of each type."""

    address: str = "127.0.0.1:50051"
    threads: int = 64
    share: float = 0.5
    allow: bool = False
    folder: Path = Path("var")
    certificate: Path | None = None
    limit: int | None = 3
    folders: str = field(default_factory=lambda: "made")


@dataclass(frozen=True)
class Needy:
    """Settings of which some have no default."""

    name: str
    number: int


def problems(error: InvalidInput) -> dict[str, str]:
    """Return what is said of each variable."""
    return {violation.field: violation.description for violation in error.violations}


def test_an_empty_environment_gives_the_defaults() -> None:
    """Nothing needs to be set on a laptop, and the variables of others are no concern."""
    assert read_settings(Example, {}) == Example()
    assert read_settings(Example, {"COUNTERFOIL_MLFLOW_URI": "x", "PATH": "/bin", "THREADS": "1"}) == Example()


def test_each_type_is_read() -> None:
    """The text becomes the field's type."""
    environ = {
        "COUNTERFOIL_ADDRESS": "0.0.0.0:1",
        "COUNTERFOIL_THREADS": "8",
        "COUNTERFOIL_SHARE": "1e-3",
        "COUNTERFOIL_ALLOW": "true",
        "COUNTERFOIL_FOLDER": "/data",
        "COUNTERFOIL_CERTIFICATE": "tls.pem",
        "COUNTERFOIL_LIMIT": "5",
        "COUNTERFOIL_FOLDERS": "set",
    }

    read = read_settings(Example, environ)

    assert read == Example("0.0.0.0:1", 8, 0.001, True, Path("/data"), Path("tls.pem"), 5, "set")


def test_an_empty_optional_setting_is_none() -> None:
    """A compose file that passes an unset variable on as empty switches the setting off."""
    read = read_settings(Example, {"COUNTERFOIL_LIMIT": "", "COUNTERFOIL_CERTIFICATE": " "})

    assert (read.limit, read.certificate) == (None, None)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("TRUE", True), ("yes", True), ("On", True), ("0", False), ("False", False), ("no", False)],
)
def test_booleans_have_their_usual_spellings(text: str, value: bool) -> None:
    """Upper and lower case are the same, spaces around do not count."""
    assert read_settings(Example, {"COUNTERFOIL_ALLOW": f" {text} "}).allow is value


@pytest.mark.parametrize(
    ("variable", "text", "accepted"),
    [
        ("COUNTERFOIL_THREADS", "many", "a whole number"),
        ("COUNTERFOIL_THREADS", "1.5", "a whole number"),
        ("COUNTERFOIL_THREADS", "", "a whole number"),
        ("COUNTERFOIL_SHARE", "nan", "a finite number"),
        ("COUNTERFOIL_SHARE", "inf", "a finite number"),
        ("COUNTERFOIL_ALLOW", "maybe", "true or false"),
        ("COUNTERFOIL_FOLDER", "", "a path"),
        ("COUNTERFOIL_LIMIT", "few", "a whole number"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_accepted(variable: str, text: str, accepted: str) -> None:
    """The operator sees the variable, what it held and what it may hold."""
    with pytest.raises(InvalidInput) as error:
        read_settings(Example, {variable: text})

    described = problems(error.value)
    assert error.value.reason == "INVALID_SETTING"
    assert list(described) == [variable]
    assert accepted in described[variable]
    assert repr(text) in described[variable] or "is empty" in described[variable]


def test_all_mistakes_are_told_at_once() -> None:
    """Nobody has to start a service once per mistake."""
    with pytest.raises(InvalidInput) as error:
        read_settings(Needy, {"COUNTERFOIL_NUMBER": "x"})

    described = problems(error.value)
    assert described["COUNTERFOIL_NAME"] == "is not set and has no default"
    assert "a whole number" in described["COUNTERFOIL_NUMBER"]


@given(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_as_python_writes_them(threads: int, share: float) -> None:
    """What was written out comes back exactly."""
    environ = {variable_of("threads"): str(threads), variable_of("share"): repr(share)}

    read = read_settings(Example, environ)

    assert (read.threads, read.share) == (threads, share)
