"""`counterfoil demo`: the whole loop in a folder of its own."""

import os
import signal
import socket
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from counterfoil.cli import demonstration
from counterfoil.cli.checkout import find_checkout
from counterfoil.cli.demonstration import Stage
from counterfoil.cli.options import examples
from counterfoil.cli.output import say
from counterfoil.cli.session import Session
from counterfoil.cli.stack import Stack, running


@click.command(epilog=examples("counterfoil demo", "counterfoil demo --tables path/to/home-credit"))
@click.option(
    "--tables",
    "given",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Tables of your own, CSV or Parquet, instead of synthetic ones; adds a cross-validation over all of them.",
)
def demo(*, given: Path | None) -> None:
    """Run the whole loop: tables, data set, models, decisions with reasons, drift.

    Everything happens in var/demo-TIME of the checkout, with MLflow and ports of its own: nothing that is yours is
    touched, and the commands are printed as you would type them.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    checkout = find_checkout()
    folder = checkout / "var" / f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    tables = given.resolve() if given is not None else folder / "tables" / "home-credit"
    folder.mkdir(parents=True)
    stack = _stack(checkout, folder, tables.parent)
    stage = Stage(checkout, stack.environment, folder)
    say(f"everything of this demo lies in {stage.short(folder)}")
    if given is None:
        demonstration.synthesize(stage, tables)
    say("\nstarting monitor, trainer and scorer on free ports (some seconds) ...")
    with running(stack):
        demonstration.make_models(stage, tables.name)
        demonstration.promote(stage)
        demonstration.decide(stage, tables)
        page = demonstration.watch_drift(stage)
        if given is not None:
            demonstration.cross_validate(stage, tables.name)
    demonstration.tell_what_next(stage, page, seconds=time.monotonic() - began)


def _stack(checkout: Path, folder: Path, tables_root: Path) -> Stack:
    # Settings meant for other services, such as their TLS files, must not reach the demo's.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERFOIL_")}
    variables = {
        **inherited,
        "COUNTERFOIL_STATE_DIR": str(folder / "var"),
        "COUNTERFOIL_MLFLOW_URI": f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}",
        "COUNTERFOIL_MLFLOW_ARTIFACTS": str(folder / "mlruns" / "artifacts"),
        "COUNTERFOIL_TABLES_ROOT": str(tables_root),
    }
    trainer, scorer, monitor = (f"127.0.0.1:{port}" for port in _free_ports(3))
    return Stack(checkout, Session(trainer, scorer, monitor), variables, folder / "var" / "log")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
