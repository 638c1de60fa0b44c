"""`counterfoil up` with real processes: a checkout of its own, whose services answer health and nothing else."""

import json
import signal
from pathlib import Path

import psutil
import pytest

from tests.service.small_checkout import NAMES, Checkout, make_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Write the checkout."""
    return make_checkout(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_all_services_cleanly(checkout: Checkout, number: signal.Signals) -> None:
    """Each of them stops by itself, and `up` exits 0 after it has said so."""
    with checkout.running() as process:
        assert process.stdout is not None
        shown = "".join(process.stdout.readline() for _ in range(4))
        process.send_signal(number)
        _, said = process.communicate(timeout=60)

    assert all(checkout.variables[f"COUNTERFOIL_{name.upper()}_ADDRESS"] in shown for name in NAMES)
    assert process.returncode == 0, said
    assert [line for line in said.splitlines() if "exit code" in line] == [
        "scorer stopped with exit code 0",
        "trainer stopped with exit code 0",
        "monitor stopped with exit code 0",
    ]
    assert all("stopped cleanly" in checkout.log(name) for name in NAMES)
    assert "MLflow is ready" in checkout.log("mlflow")


def test_json_is_one_document_once_all_answer(checkout: Checkout) -> None:
    """A script can wait for it and take the addresses out of it."""
    with checkout.running("--json") as process:
        assert process.stdout is not None
        printed = "".join(iter(process.stdout.readline, "}\n")) + "}"
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=60)

    assert rest == ""
    assert json.loads(printed)["services"]["scorer"] == checkout.variables["COUNTERFOIL_SCORER_ADDRESS"]
    assert said == ""


def test_service_that_does_not_start_ends_all_with_its_last_words(checkout: Checkout) -> None:
    """The end of its log says why; the others do not stay behind."""
    with checkout.start("up", FAIL="trainer") as process:
        _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "error: the trainer ended with exit code 1" in said
    assert "the disk is full (DISK_FULL)" in said
    assert "(SERVICE_DIED)" in said
    assert checkout.processes() == []


def test_service_that_dies_later_ends_all(checkout: Checkout) -> None:
    """Two of three services are no stack to work with."""
    with checkout.running() as process:
        assert process.stdout is not None
        process.stdout.readline()
        next(each for each in checkout.processes() if each.cmdline()[1:] == ["-m", "services.scorer"]).kill()
        _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "the scorer ended with exit code 137" in said
    assert "stopped cleanly" in checkout.log("monitor")


def test_service_that_stops_badly_is_told(checkout: Checkout) -> None:
    """Its exit code is reported, and the command fails."""
    with checkout.running(EXIT="9") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "scorer stopped with exit code 9" in said
    assert "(STOPPED_BADLY)" in said


def test_services_end_when_up_is_killed(checkout: Checkout) -> None:
    """A kill -9 leaves nothing behind that would hold the ports: the pipe to each service's guard closes."""
    with checkout.running() as process:
        services = checkout.processes()
        process.kill()

    gone, alive = psutil.wait_procs(services, timeout=30)
    assert (len(gone), alive) == (6, [])
    assert all("stopped cleanly" in checkout.log(name) for name in NAMES)


def test_port_that_is_taken_is_refused_before_anything_starts(checkout: Checkout) -> None:
    """Else the stranger's answer would be taken for the service's."""
    with checkout.running():
        again = checkout.start("up")
        _, said = again.communicate(timeout=60)

    assert again.returncode == 1
    assert f"something listens on {checkout.variables['COUNTERFOIL_MONITOR_ADDRESS']} already" in said
    assert "(ADDRESS_IN_USE)" in said


def test_mlflow_that_cannot_be_made_ready_is_told_with_its_reason(checkout: Checkout) -> None:
    """No service is started then."""
    (checkout.folder / "shared" / "mlflow_store.py").write_text("raise SystemExit('error: no space')")

    with checkout.start("up") as process:
        _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "error: no space" in said
    assert "(MLFLOW_NOT_READY)" in said
