"""Figures for Prometheus over a real port."""

import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from shared.errors import InvalidInput, Precondition
from shared.metrics import MetricsServer, serve_metrics

SETTING = "monitor_metrics_address"


def _serve(registry: CollectorRegistry, address: str = "127.0.0.1:0") -> MetricsServer:
    server = serve_metrics(registry, address, setting=SETTING)
    assert server is not None
    return server


def _scrape(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {sample.name: sample.value for family in families for sample in family.samples}


def test_figures_are_read_over_http_as_they_are_at_that_moment() -> None:
    """Prometheus polls: each poll sees what was counted until then."""
    registry = CollectorRegistry()
    segments = Counter("segments", "Segments stored.", registry=registry)
    server = _serve(registry)

    segments.inc(3)
    first = _scrape(server.port)["segments_total"]
    segments.inc()
    second = _scrape(server.port)["segments_total"]

    server.stop()
    assert (first, second) == (3, 4)


def test_an_empty_address_serves_nothing() -> None:
    """The default on a laptop: no port is opened that nobody asked for."""
    assert serve_metrics(CollectorRegistry(), "", setting=SETTING) is None


def test_a_stopped_server_has_let_go_of_its_port() -> None:
    """A service that is started again at once finds the port free."""
    first = _serve(CollectorRegistry())
    first.stop()

    with pytest.raises(urllib.error.URLError):
        _scrape(first.port)
    again = _serve(CollectorRegistry(), f"127.0.0.1:{first.port}")

    again.stop()


def test_a_port_that_is_taken_is_named_with_its_setting() -> None:
    """Two services of one machine were given the same address."""
    first = _serve(CollectorRegistry())

    with pytest.raises(Precondition, match="COUNTERFOIL_MONITOR_METRICS_ADDRESS") as refused:
        serve_metrics(CollectorRegistry(), f"127.0.0.1:{first.port}", setting=SETTING)

    first.stop()
    assert refused.value.reason == "ADDRESS_IN_USE"


@pytest.mark.parametrize("address", ["9090", ":9090", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536"])
def test_what_is_no_address_is_refused_by_its_variable(address: str) -> None:
    """An operator learns which variable to mend, and how."""
    with pytest.raises(InvalidInput, match="give host:port") as refused:
        serve_metrics(CollectorRegistry(), address, setting=SETTING)

    assert refused.value.reason == "INVALID_SETTING"
    assert [each.field for each in refused.value.violations] == ["COUNTERFOIL_MONITOR_METRICS_ADDRESS"]
