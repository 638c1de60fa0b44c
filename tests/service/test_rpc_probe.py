"""The health check of a container: exit code and what it prints."""

import pytest

from shared.rpc import probe
from tests.processes import free_port
from tests.service.rpc_service import running, scorer


def test_a_process_that_answers_is_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    """Also while its service cannot answer yet: the process must not be restarted for that."""
    with running(scorer(serving=False)) as service:
        code = probe.main([f"127.0.0.1:{service.server.port}"], {})

    assert (code, capsys.readouterr().err) == (0, "")


def test_the_address_is_the_services_own_by_default() -> None:
    """Without an argument the setting of the image's service is used."""
    with running(scorer()) as service:
        environ = {"SERVICE": "scorer", "COUNTERFOIL_SCORER_ADDRESS": f"127.0.0.1:{service.server.port}"}

        assert probe.main([], environ) == 0


def test_nobody_at_the_address_is_unhealthy(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is on stderr, for the engine's log."""
    address = f"127.0.0.1:{free_port()}"

    code = probe.main([address], {})

    assert code == 1
    assert capsys.readouterr().err == f"{address}: UNAVAILABLE\n"


@pytest.mark.parametrize(
    ("listened", "asked"),
    [("0.0.0.0:50052", "127.0.0.1:50052"), ("[::]:50052", "127.0.0.1:50052"), ("[::1]:9", "[::1]:9"), ("a:1", "a:1")],
)
def test_every_interface_is_asked_on_loopback(listened: str, asked: str) -> None:
    """What listens everywhere is asked from inside; another address as it is."""
    environ = {"SERVICE": "scorer", "COUNTERFOIL_SCORER_ADDRESS": listened}

    assert probe.own_address(environ) == asked


def test_an_address_that_is_not_set_is_named() -> None:
    """A wrong image is found by its message."""
    with pytest.raises(KeyError, match="COUNTERFOIL_MONITOR_ADDRESS"):
        probe.own_address({"SERVICE": "monitor"})
