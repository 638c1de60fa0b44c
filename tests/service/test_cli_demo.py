"""`counterfoil demo` where its services cannot do what it asks: what it leaves alone, and how it ends."""

import signal
from pathlib import Path

import pytest

from tests.service.small_checkout import NAMES, Checkout, make_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Write the checkout, with a folder that stands for tables of one's own."""
    (tmp_path / "checkout").mkdir()
    (tmp_path / "mine").mkdir()
    return make_checkout(tmp_path / "checkout")


def test_demo_that_fails_says_where_and_stops_its_services(checkout: Checkout) -> None:
    """The small services know no CreateDataset: the first step fails, and nothing goes on running."""
    with checkout.start("demo", "--tables", "../mine") as process:
        shown, said = process.communicate(timeout=60)

    (folder,) = (checkout.folder / "var").iterdir()
    logs = {name: (folder / "var" / "log" / f"{name}.log").read_text() for name in NAMES}
    assert process.returncode == 1
    assert "$ counterfoil dataset create --tables mine --imputation none" in shown
    assert "(DEMO_FAILED)" in said
    assert f"logs are in {Path('var') / folder.name / 'var' / 'log'}" in said
    assert checkout.processes() == []
    assert all("stopped cleanly" in log for log in logs.values())


def test_demo_touches_nothing_outside_its_folder(checkout: Checkout) -> None:
    """Neither the user's MLflow nor ports, settings and state of services that run already."""
    before = {path.name for path in checkout.folder.iterdir()}

    with checkout.running("--json"), checkout.start("demo", "--tables", "../mine", EXIT="0") as process:
        process.communicate(timeout=60)
        still = [each for each in checkout.processes() if each.cmdline()[1:2] == ["-m"]]

    names = sorted(path.name for path in (checkout.folder / "var").iterdir())
    assert process.returncode == 1
    assert {path.name for path in checkout.folder.iterdir()} - before == {"var"}
    assert (len(names), names[0].startswith("demo-"), names[1]) == (2, True, "log")
    assert len(still) == 6


def test_settings_of_other_services_do_not_reach_the_demos(checkout: Checkout) -> None:
    """A TLS file that is set for production must not be in the way of a demo."""
    listing = checkout.folder / "services" / "trainer" / "__main__.py"
    told = "import os; print(sorted(name for name in os.environ if name.startswith('COUNTERFOIL_')), flush=True)\n"
    listing.write_text(told + listing.read_text())

    with checkout.start(
        "demo", "--tables", "../mine", COUNTERFOIL_TLS_CERTIFICATE="x", COUNTERFOIL_MODEL="y"
    ) as process:
        process.communicate(timeout=60)

    (log,) = checkout.folder.glob("var/demo-*/var/log/trainer.log")
    assert "COUNTERFOIL_STATE_DIR" in log.read_text()
    assert "COUNTERFOIL_TLS_CERTIFICATE" not in log.read_text()
    assert "COUNTERFOIL_MODEL" not in log.read_text()


def test_ctrl_c_during_the_demo_stops_its_services(checkout: Checkout) -> None:
    """Whatever step it is in."""
    with checkout.start("demo", "--tables", "../mine") as process:
        assert process.stdout is not None
        while "$ counterfoil" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert process.returncode != 0
    assert checkout.processes() == []


def test_tables_that_are_not_there_are_wrong_usage(checkout: Checkout) -> None:
    """Nothing is started for them."""
    with checkout.start("demo", "--tables", "nowhere") as process:
        _, said = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "nowhere" in said
    assert not (checkout.folder / "var").exists()
