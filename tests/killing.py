"""Scorer and monitor killed again and again under load, and the account of what the lender was promised."""

import random
from pathlib import Path

from counterfoil.scorer.v1 import scorer_pb2
from tests.champions import champion_in
from tests.lending import Lender, Promise, assert_log_keeps, eventually, read_ledger
from tests.processes import ServiceProcess, free_port, start_service, wait_until_serving

SCORER = scorer_pb2.DESCRIPTOR.services_by_name["ScorerService"].full_name


class Lending:
    """A scorer that serves a champion and a monitor that keeps its log, both at fixed addresses in one folder."""

    def __init__(self, folder: Path, *, seed: int, log: str = "") -> None:
        """Start both; the log lies where `log` says, by default in the monitor's folder."""
        self.folder = folder
        self.ledger = f"{log or folder / 'state' / 'monitor' / 'log'}/ledger"
        self._log = log
        self._champion = champion_in(folder, seed=seed)
        self.addresses = {name: f"127.0.0.1:{free_port()}" for name in ("scorer", "monitor")}
        self._running = {name: self._start(name) for name in self.addresses}
        wait_until_serving(self.addresses["scorer"], SCORER)

    def lender(self) -> Lender:
        """Return a lender who begins to ask at once."""
        return Lender(self.addresses["scorer"], self._champion.applicant_ids)

    def kill(self, name: str) -> None:
        """End a service by SIGKILL and start it again on the same address and folder."""
        self._running[name].kill()
        self._running[name] = self._start(name)

    def stop(self) -> None:
        """End both as an operator would; both must end well."""
        for name in ("scorer", "monitor"):
            assert self._running[name].terminate() == 0, self._running[name].log.read_text()[-2000:]

    def abandon(self) -> None:
        """End what still runs."""
        for service in self._running.values():
            if service.process.poll() is None:
                service.kill()

    def _start(self, name: str) -> ServiceProcess:
        variables = {f"COUNTERFOIL_{other.upper()}_ADDRESS": address for other, address in self.addresses.items()}
        environment = {**self._champion.variables, **variables, "COUNTERFOIL_LOG_URL": self._log}
        return start_service(name, self.addresses[name], environment, self.folder / f"{name}.log")


def kill_under_load(folder: Path, *, scorer_kills: int, monitor_kills: int, seed: int) -> list[Promise]:
    """Return every promise made while the services were killed so often, in random order, and asserted to be kept."""
    chance = random.Random(seed)  # noqa: S311  # it chooses when to kill and guards nothing
    victims = chance.sample(["scorer", "monitor"], counts=[scorer_kills, monitor_kills], k=scorer_kills + monitor_kills)
    lending = Lending(folder, seed=seed)
    try:
        lender = lending.lender()
        for victim in victims:
            lender.wait_for_promises(chance.randint(1, 200))
            lending.kill(victim)
        lender.wait_for_promises(50)
        lender.stop()
        wait_for_last(lending, lender.promises)
        lending.stop()
    finally:
        lending.abandon()
    assert_log_keeps(lender.promises, lending.ledger)
    return lender.promises


def wait_for_last(lending: Lending, promises: list[Promise]) -> None:
    """Return once the log holds the last record that was promised; the scorer ships within seconds."""
    last = max(promise.answer.receipt.sequence for promise in promises)
    eventually(
        lambda: last in read_ledger(lending.ledger)["sequence"].to_pylist(), timeout_s=60.0, what="shipping the spool"
    )
