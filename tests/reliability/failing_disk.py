"""A scorer whose disk loses what was not synced when the power is cut, and fails when told to."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from counterfoil.scorer.v1 import scorer_pb2
from tests.champions import Champion, champion_in
from tests.processes import ServiceProcess, free_port, start_service, wait_until_serving

SCORER = scorer_pb2.DESCRIPTOR.services_by_name["ScorerService"].full_name
_SOURCE = Path(__file__).with_name("disk.cpp")
_SPOOL_FILES = ("spool.db*", "annex-*")


@dataclass
class Machine:
    """A scorer on the failing disk, and a monitor on a sound one, at fixed addresses in one folder."""

    folder: Path
    champion: Champion
    scorer_address: str
    monitor_address: str
    scorer: ServiceProcess
    monitor: ServiceProcess

    @property
    def spool(self) -> Path:
        """The folder of the spool."""
        return self.folder / "state" / "scorer" / "spool"

    def fail(self, how: str) -> None:
        """Let writes (ENOSPC, EIO, EROFS) or syncs (EIO_SYNC) fail from now on."""
        (self.folder / "partial").write_text(how)
        (self.folder / "partial").rename(self.folder / "fault")

    def mend(self) -> None:
        """Let the disk work again."""
        (self.folder / "fault").unlink()

    def cut_power(self) -> None:
        """Kill the scorer, take away what was not synced, and start it again."""
        self.scorer.kill()
        for path in [path for names in _SPOOL_FILES for path in self.spool.glob(names)]:
            path.unlink()
            kept = self.folder / "synced" / path.name
            if kept.exists() and not path.name.endswith("-shm"):
                shutil.copyfile(kept, path)
        self.scorer = _start_scorer(self.folder, self.champion, self.scorer_address, self.monitor_address)


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Give the two services, serving; whatever still runs afterwards is killed."""
    _compile(folder)
    champion = champion_in(folder, seed=11)
    (folder / "synced").mkdir()
    scorer_address, monitor_address = (f"127.0.0.1:{free_port()}" for _ in range(2))
    monitor = start_service("monitor", monitor_address, champion.variables, folder / "monitor.log")
    scorer = _start_scorer(folder, champion, scorer_address, monitor_address)
    running = Machine(folder, champion, scorer_address, monitor_address, scorer, monitor)
    try:
        yield running
    finally:
        for service in (running.scorer, running.monitor):
            if service.process.poll() is None:
                service.kill()


def _compile(folder: Path) -> None:
    command = ["c++", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-o", folder / "disk.so", _SOURCE, "-ldl"]
    subprocess.run([str(part) for part in command], check=True)


def _start_scorer(folder: Path, champion: Champion, address: str, monitor_address: str) -> ServiceProcess:
    spool = folder / "state" / "scorer" / "spool"
    disk = {"LD_PRELOAD": folder / "disk.so", "DISK_ROOT": spool, "DISK_SYNCED": folder / "synced"}
    variables = {name: str(value) for name, value in {**disk, "DISK_FAULT": folder / "fault"}.items()}
    addresses = {"COUNTERFOIL_MONITOR_ADDRESS": monitor_address}
    environment = {**champion.variables, **variables, **addresses}
    service = start_service("scorer", address, environment, folder / "scorer.log")
    wait_until_serving(address, SCORER)
    return service
