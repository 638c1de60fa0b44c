"""Scorer and monitor killed again and again under load, and the account of what the lender was promised."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from counterfoil.client.channels import open_channel
from counterfoil.monitor.v1 import verification_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.scorer.v1 import scorer_pb2
from tests.champions import champion_in
from tests.lending import Lender, Promise, assert_log_keeps, eventually, read_ledger
from tests.lossy import LossyLink
from tests.processes import ServiceProcess, free_port, start_service, wait_until_serving

SCORER = scorer_pb2.DESCRIPTOR.services_by_name["ScorerService"].full_name


class Lending:
    """A scorer that serves a champion and a monitor that keeps its log, both at fixed addresses in one folder.

    The scorer ships to the monitor over a link that cuts its connections at random.
    """

    def __init__(self, folder: Path, *, seed: int, log: str = "") -> None:
        """Start both; the log lies where `log` says, by default in the monitor's folder."""
        self.folder = folder
        self.ledger = f"{log or folder / 'state' / 'monitor' / 'log'}/ledger"
        self._log = log
        self._champion = champion_in(folder, seed=seed)
        self.addresses = {name: f"127.0.0.1:{free_port()}" for name in ("scorer", "monitor")}
        self.link = LossyLink(self.addresses["monitor"], seed=seed)
        self._running = {name: self._start(name) for name in self.addresses}
        wait_until_serving(self.addresses["scorer"], SCORER)

    def lender(self) -> Lender:
        """Return a lender who begins to ask at once."""
        return Lender(self.addresses["scorer"], self._champion.applicant_ids)

    def kill(self, name: str) -> None:
        """End a service by SIGKILL and start it again on the same address and folder."""
        self._running[name].kill()
        self._running[name] = self._start(name)

    def verdict(self, promises: Sequence[Promise] = ()) -> verification_pb2.LogVerdict:
        """Return what the monitor finds of its log and of the receipts that came with promises."""
        receipts = [promise.answer.receipt for promise in promises][-10_000:]
        with open_channel(self.addresses["monitor"]) as channel:
            *_, last = MonitorServiceStub(channel).VerifyLog(verification_pb2.VerifyLogRequest(receipts=receipts))
        return last.verdict

    def stop(self) -> None:
        """End both as an operator would; both must end well."""
        for name in ("scorer", "monitor"):
            assert self._running[name].terminate() == 0, self._running[name].log.read_text()[-2000:]

    def abandon(self) -> None:
        """End what still runs."""
        self.link.close()
        for service in self._running.values():
            if service.process.poll() is None:
                service.kill()

    def _start(self, name: str) -> ServiceProcess:
        variables = {"COUNTERFOIL_MONITOR_ADDRESS": self.link.address, "COUNTERFOIL_LOG_URL": self._log}
        environment = {**self._champion.variables, **variables}
        return start_service(name, self.addresses[name], environment, self.folder / f"{name}.log")


@dataclass(frozen=True)
class Account:
    """What was promised while services were killed, and how often the link between them broke."""

    promises: list[Promise]
    cuts: int


def kill_under_load(folder: Path, *, victims: Sequence[str], seed: int) -> Account:
    """Return every promise made while the services were killed in this order, asserted to be kept once and proven."""
    chance = random.Random(seed)  # noqa: S311  # it chooses when to kill and guards nothing
    lending = Lending(folder, seed=seed)
    try:
        lender = lending.lender()
        for victim in victims:
            lender.wait_for_promises(chance.randint(1, 200))
            lending.kill(victim)
        lender.wait_for_promises(50)
        lender.stop()
        # A segment of 8 MiB gets through one connection in 14, and a fast scorer leaves dozens of them.
        lending.link.heal()
        wait_for_last(lending, lender.promises)
        _assert_proven(lending, lender.promises, chance)
        lending.stop()
    finally:
        lending.abandon()
    assert_log_keeps(lender.promises, lending.ledger)
    return Account(lender.promises, lending.link.cuts)


def wait_for_last(lending: Lending, promises: list[Promise]) -> None:
    """Return once the log holds the last record that was promised; the scorer ships within seconds."""
    last = max(promise.answer.receipt.sequence for promise in promises)
    eventually(
        lambda: last in read_ledger(lending.ledger)["sequence"].to_pylist(), timeout_s=120.0, what="shipping the spool"
    )


def _assert_proven(lending: Lending, promises: list[Promise], chance: random.Random) -> None:
    """Assert that the log is proven with every receipt, and that one flipped byte in one of its files is named."""
    verdict = lending.verdict(promises)
    assert verdict.intact, verdict.fault
    file = chance.choice(sorted(Path(lending.ledger).rglob("day=*/*.parquet")))
    sound = file.read_bytes()
    place = chance.randrange(len(sound))
    file.write_bytes(sound[:place] + bytes([sound[place] ^ 1 << chance.randrange(8)]) + sound[place + 1 :])
    fault = lending.verdict().fault
    file.write_bytes(sound)
    assert fault.file == f"{file.parent.name}/{file.name}"
    assert fault.instance == promises[0].answer.receipt.instance
    assert fault.number > 0
