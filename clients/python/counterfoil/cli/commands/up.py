"""`counterfoil up`: the three services on this machine, until Ctrl-C."""

import os
import signal
from pathlib import Path

import click

from counterfoil.cli.checkout import find_checkout
from counterfoil.cli.failures import CommandFailed
from counterfoil.cli.options import examples
from counterfoil.cli.output import console, json_option, json_wanted, say, show_json
from counterfoil.cli.session import Session, pass_session
from counterfoil.cli.stack import Running, Stack, running
from counterfoil.cli.views.layout import facts


@click.command(
    epilog=examples(
        "counterfoil up",
        "COUNTERFOIL_SCORER_ADDRESS=127.0.0.1:6002 COUNTERFOIL_STATE_DIR=elsewhere counterfoil up",
    )
)
@json_option
@pass_session
def up(session: Session, /) -> None:
    """Start trainer, scorer and monitor, and stop them cleanly on Ctrl-C or SIGTERM.

    They run from the checkout and keep everything below it: MLflow in mlruns/, the rest in var/, logs in var/log/. Any
    COUNTERFOIL_* variable of a service can be set. They end, too, when this command is killed.
    """
    # What a supervisor sends means the same as Ctrl-C, which a shell's background jobs ignore until told otherwise.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    checkout = find_checkout()
    state = checkout / Path(os.environ.get("COUNTERFOIL_STATE_DIR") or "var")
    stack = Stack(checkout, session, os.environ, state / "log")
    say("starting monitor, trainer and scorer (some seconds) ...")
    with running(stack) as started:
        _serve(stack, started)
    _report(started)


def _serve(stack: Stack, started: Running) -> None:
    try:
        _tell(stack)
        started.watch()
    except KeyboardInterrupt:
        say("stopping ...")


def _tell(stack: Stack) -> None:
    if json_wanted():
        show_json({"services": stack.addresses, "logs": str(stack.logs)})
        return
    console().print(facts([*stack.addresses.items(), ("logs", str(stack.logs))]))
    say("Ctrl-C stops them. In another terminal:")
    say("  counterfoil tables synthesize demo-data/first --applicants 3000 --seed 1")
    say("  counterfoil dataset create --tables first --imputation none")


def _report(started: Running) -> None:
    for name, code in started.exit_codes.items():
        say(f"{name} stopped with exit code {code}")
    failed = {name: code for name, code in started.exit_codes.items() if code}
    if failed:
        raise CommandFailed(f"not all services stopped cleanly: {failed}", reason="STOPPED_BADLY")
