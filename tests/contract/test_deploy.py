"""No container engine is at hand, so what can be proved of deploy/ and docker-compose.yml is proved from their text."""

import dataclasses
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from services.scorer.metrics import Meter

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
ON_POSTGRESQL: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "postgresql.yml").read_text())
BUILT = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
OURS = ["trainer", "scorer", "monitor"]


def _settings_variables(service: str) -> set[str]:
    """Return the COUNTERFOIL_* variables that the service reads."""
    settings = importlib.import_module(f"services.{service}.settings").Settings
    return {f"COUNTERFOIL_{field.name.upper()}" for field in dataclasses.fields(settings)}


@pytest.mark.parametrize("name", BUILT)
def test_image_is_built_from_files_that_exist(name: str) -> None:
    """The Dockerfile, the lock that its SERVICE argument picks and every folder that it copies are there."""
    build = BUILT[name]["build"]
    service = build["args"]["SERVICE"]

    sources = [
        source.replace("${SERVICE}", service)
        for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]

    assert (ROOT / build["dockerfile"]).is_file()
    assert len(sources) >= 6
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_docker_context_holds_what_the_image_copies() -> None:
    """.dockerignore lets through each top-level path that the Dockerfile copies."""
    kept = {
        line[1:].split("/")[0] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {line.split("/")[0].split()[0] for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE)}

    assert copied == kept


def test_image_does_not_run_as_root_and_tells_its_health() -> None:
    """The last USER is a plain one, and the health check is a module of ours."""
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    (probe,) = re.findall(r'^HEALTHCHECK .* CMD \["python", "-m", "([\w.]+)"\]$', DOCKERFILE, re.MULTILINE)

    assert users[-1] == "10001"
    assert importlib.util.find_spec(probe) is not None


@pytest.mark.parametrize("service", OURS)
def test_compose_sets_only_variables_that_the_service_reads(service: str) -> None:
    """A misspelt variable would silently leave a default in force."""
    definitions = [COMPOSE["services"][service], ON_POSTGRESQL["services"].get(service, {"environment": {}})]
    set_ = {name for definition in definitions for name in definition["environment"]}
    variables = {name for name in set_ if name.startswith("COUNTERFOIL_")}

    assert variables - _settings_variables(service) == set()


@pytest.mark.parametrize("service", OURS)
def test_image_command_names_a_module_that_exists(service: str) -> None:
    """`python -m services.SERVICE` finds its __main__."""
    assert "exec python -m services.${SERVICE}" in DOCKERFILE
    assert importlib.util.find_spec(f"services.{service}.__main__") is not None


@pytest.mark.parametrize("service", OURS)
def test_compose_publishes_the_port_that_the_service_listens_on_to_loopback_only(service: str) -> None:
    """The services speak without TLS between containers, so nothing but this machine may reach them."""
    definition = COMPOSE["services"][service]
    addresses = [f"COUNTERFOIL_{service.upper()}_ADDRESS", f"COUNTERFOIL_{service.upper()}_METRICS_ADDRESS"]
    ports = [
        definition["environment"][each].rpartition(":")[2] for each in addresses if each in definition["environment"]
    ]

    assert definition["ports"] == [f"127.0.0.1:{port}:{port}" for port in ports]


def test_prometheus_polls_every_service_that_has_figures_where_compose_publishes_them() -> None:
    """One job each; of the workers of a scorer it is their supervisor that answers there."""
    jobs = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())["scrape_configs"]
    polled = {job["job_name"].removeprefix("counterfoil-"): job["static_configs"][0]["targets"] for job in jobs}
    metered = [each for each in OURS if f"COUNTERFOIL_{each.upper()}_METRICS_ADDRESS" in _settings_variables(each)]

    assert sorted(polled) == sorted(metered)
    for service, targets in polled.items():
        definition = COMPOSE["services"][service]
        port = definition["environment"][f"COUNTERFOIL_{service.upper()}_METRICS_ADDRESS"].rpartition(":")[2]
        assert targets == [f"127.0.0.1:{port}"]
        assert f"127.0.0.1:{port}:{port}" in definition["ports"]


def test_compose_wires_services_volumes_and_variables_that_are_declared() -> None:
    """Dependencies, named volumes and required variables all resolve."""
    services, text = COMPOSE["services"], (ROOT / "docker-compose.yml").read_text()
    named = {v.split(":")[0] for s in services.values() for v in s.get("volumes", []) if re.match(r"[a-z]", v)}
    required = set(re.findall(r"\$\{(\w+)", text))
    documented = set(re.findall(r"^(\w+)=", (ROOT / "deploy" / "example.env").read_text(), re.MULTILINE))

    assert {d for s in services.values() for d in s.get("depends_on", {})} <= services.keys()
    assert named == COMPOSE["volumes"].keys()
    assert required == documented


def test_each_database_of_a_service_is_made_before_the_service_starts() -> None:
    """deploy/postgresql.yml lays over docker-compose.yml: what it names is declared in one of the two."""
    services, text = ON_POSTGRESQL["services"], (ROOT / "deploy" / "postgresql.yml").read_text()
    (script,) = services["databases"]["command"]
    (made,) = re.findall(r"for name in ([\w ]+);", script)
    urls = re.findall(r"COUNTERFOIL_\w+_DATABASE: (.+)$", text, re.MULTILINE)
    waiting = [name for name, service in services.items() if "databases" in service["depends_on"]]

    assert [url.rpartition("/")[2] for url in urls] == made.split() == waiting
    assert {d for service in services.values() for d in service["depends_on"]} <= services.keys() | COMPOSE["services"]
    assert set(re.findall(r"\$\{(\w+)", text)) == {"POSTGRES_PASSWORD"}
    user = COMPOSE["services"]["postgres"]["environment"]["POSTGRES_USER"]
    assert services["databases"]["environment"]["PGUSER"] == user


def test_what_an_image_compiles_at_run_time_is_kept_where_it_may_write() -> None:
    """Without a folder that it can write, numba refuses to keep code, and with it to be imported."""
    (folder,) = re.findall(r"NUMBA_CACHE_DIR=(\S+)", DOCKERFILE)

    assert Path(folder).is_relative_to("/state")


def test_every_figure_of_the_scorer_has_a_panel_and_every_panel_a_figure() -> None:
    """What nobody sees is not watched, and a misspelt figure is an empty panel."""
    registry = CollectorRegistry()
    Meter(registry)
    measured = {f"{each.name}_total" if each.type == "counter" else each.name for each in registry.collect()}
    panels = json.loads((ROOT / "deploy" / "grafana" / "scorer.json").read_text())["panels"]
    shown = {
        re.sub("_(bucket|sum|count)$", "", name)
        for panel in panels
        for target in panel["targets"]
        for name in re.findall(r"counterfoil_\w+", target["expr"])
    }

    assert shown == measured


def test_panels_of_the_dashboard_lie_side_by_side() -> None:
    """Each with a number and a place of its own."""
    panels = json.loads((ROOT / "deploy" / "grafana" / "scorer.json").read_text())["panels"]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}

    assert len(places) == len({panel["id"] for panel in panels}) == len(panels)
