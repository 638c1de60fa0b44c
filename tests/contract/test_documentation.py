"""What the documents say of settings, commands and paths is what the code has."""

import dataclasses
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
SERVICES = ("trainer", "scorer", "monitor")
DOCUMENTS = [path for path in ROOT.glob("**/*.md") if not {".venv", "var", "node_modules"} & set(path.parts)]


def _documented() -> dict[str, tuple[str, str]]:
    """Return each variable of the table with its default and the services that read it."""
    rows = re.findall(r"^\| (`COUNTERFOIL_[^|]+) \|([^|]*)\| ([^|]+) \| .+ \|$", OPERATIONS, re.MULTILINE)
    return {
        variable: (default.strip("` "), services)
        for variables, default, services in rows
        for variable in re.findall(r"COUNTERFOIL_\w+", variables)
    }


def _read(service: str) -> dict[str, str]:
    """Return each variable that a service reads, with its default as it would be written."""
    settings = importlib.import_module(f"services.{service}.settings").Settings
    defaults = {f"COUNTERFOIL_{field.name.upper()}": field.default for field in dataclasses.fields(settings)}
    return {name: "" if value is None else _written(value) for name, value in defaults.items()}


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_documented_with_its_default(service: str) -> None:
    """An operator finds each variable, and what holds without it."""
    documented = _documented()

    assert {name: documented[name][0] for name in _read(service)} == _read(service)


def test_no_setting_is_documented_that_nobody_reads() -> None:
    """The table names for each variable exactly the services that read it."""
    readers = {service: _read(service).keys() for service in SERVICES}

    for name, (_, services) in _documented().items():
        said = set(SERVICES) if services == "all" else set(services.split(", "))
        assert said == {service for service in SERVICES if name in readers[service]}, name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link of a document names a file that exists."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_reason_that_operators_look_up_exists() -> None:
    """What operations.md tells about a reason is about one that the code can give."""
    reasons = set(re.findall(r"^\| `(?!COUNTERFOIL_)([A-Z_]+)` \|", OPERATIONS, re.MULTILINE))
    code = "".join(path.read_text() for room in ("services", "shared") for path in (ROOT / room).rglob("*.py"))

    assert reasons
    assert [reason for reason in reasons if f'"{reason}"' not in code] == []
