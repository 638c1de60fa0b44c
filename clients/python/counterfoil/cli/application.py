"""The `counterfoil` command: its groups, and where the services are."""

from pathlib import Path
from typing import Final

import click

from counterfoil.cli.commands.alerts import alerts
from counterfoil.cli.commands.audit import audit
from counterfoil.cli.commands.dataset import dataset
from counterfoil.cli.commands.demo import demo
from counterfoil.cli.commands.drift import drift
from counterfoil.cli.commands.model import model
from counterfoil.cli.commands.outcomes import outcomes
from counterfoil.cli.commands.performance import performance
from counterfoil.cli.commands.predictions import predictions
from counterfoil.cli.commands.retrain import retrain
from counterfoil.cli.commands.score import score
from counterfoil.cli.commands.tables import tables
from counterfoil.cli.commands.train import train
from counterfoil.cli.commands.up import up
from counterfoil.cli.options import examples
from counterfoil.cli.session import Session
from counterfoil.client.channels import TlsFiles

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


_START: Final = examples(
    "counterfoil demo              the whole loop on synthetic tables, in a folder of its own",
    "counterfoil up                start trainer, scorer and monitor on this machine",
    "counterfoil score one --help  what a command takes, with examples",
)


@click.group(epilog=_START, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option(
    "--trainer",
    envvar="COUNTERFOIL_TRAINER_ADDRESS",
    default="127.0.0.1:50051",
    metavar="HOST:PORT",
    show_default=True,
    show_envvar=True,
    help="Where the trainer listens.",
)
@click.option(
    "--scorer",
    envvar="COUNTERFOIL_SCORER_ADDRESS",
    default="127.0.0.1:50052",
    metavar="HOST:PORT",
    show_default=True,
    show_envvar=True,
    help="Where the scorer listens.",
)
@click.option(
    "--monitor",
    envvar="COUNTERFOIL_MONITOR_ADDRESS",
    default="127.0.0.1:50053",
    metavar="HOST:PORT",
    show_default=True,
    show_envvar=True,
    help="Where the monitor listens.",
)
@click.option(
    "--tls-roots",
    type=_FILE,
    envvar="COUNTERFOIL_CLIENT_TLS_ROOTS",
    show_envvar=True,
    help="Speak TLS and trust these authorities (PEM).",
)
@click.option(
    "--tls-certificate",
    type=_FILE,
    envvar="COUNTERFOIL_CLIENT_TLS_CERTIFICATE",
    show_envvar=True,
    help="Certificate that names this client (PEM), with --tls-key.",
)
@click.option(
    "--tls-key",
    type=_FILE,
    envvar="COUNTERFOIL_CLIENT_TLS_KEY",
    show_envvar=True,
    help="Its private key (PEM).",
)
@click.version_option(package_name="counterfoil")
@click.pass_context
def counterfoil(
    context: click.Context,
    *,
    trainer: str,
    scorer: str,
    monitor: str,
    tls_roots: Path | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
) -> None:
    """Score loan applicants over gRPC: tables to data set, data set to model, model to decisions, decisions to drift.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the job ended badly, 4 a service does not answer.
    """
    context.obj = Session(trainer, scorer, monitor, _tls(tls_roots, tls_certificate, tls_key))


for _group in (up, demo, tables, dataset, train, model, audit, score):
    counterfoil.add_command(_group)
for _group in (predictions, outcomes, performance, drift, alerts, retrain):
    counterfoil.add_command(_group)


def _tls(roots: Path | None, certificate: Path | None, key: Path | None) -> TlsFiles | None:
    if (certificate is None) != (key is None):
        raise click.UsageError("--tls-certificate and --tls-key belong together")
    if roots is None and certificate is None:
        return None
    return TlsFiles(roots, certificate, key)
