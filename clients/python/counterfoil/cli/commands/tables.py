"""`counterfoil tables`: tables looked at through the trainer, and Home Credit tables to try things on.

The latter, `synthesize` and `applicants`, run from the checkout, not over gRPC.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from counterfoil.cli.checkout import find_checkout, module_command, module_environment
from counterfoil.cli.commands.inspection import TABLE_COMMANDS
from counterfoil.cli.failures import CommandFailed
from counterfoil.cli.jobs import progress_of
from counterfoil.cli.options import SEED, examples
from counterfoil.cli.output import json_option, json_wanted, say, show_json

_FOLDER: Final = click.Path(file_okay=False, path_type=Path)
_ERROR: Final = re.compile(r"^error: (?P<message>.*) \((?P<reason>[A-Z_]+)\)$", re.MULTILINE)
_SPLITS: Final = {"production": "application_test", "labelled": "application_train"}


@click.group()
def tables() -> None:
    """Look at the trainer's tables, write synthetic ones, convert tables, and read who is in tables."""


for _command in TABLE_COMMANDS:
    tables.add_command(_command)


@tables.command(
    epilog=examples(
        "counterfoil tables synthesize demo-data/first --applicants 3000 --seed 1",
        "counterfoil tables synthesize demo-data/drifted --applicants 3000 --seed 2 --drift 0.8 --format csv",
    )
)
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--applicants", type=click.IntRange(1), required=True, metavar="N", help="With and without labels.")
@click.option("--seed", type=SEED, required=True, metavar="N", help="The same seed gives the same tables.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "csv"]),
    default="parquet",
    show_default=True,
    help="How to store them.",
)
@click.option("--drift", type=float, default=0.0, show_default=True, metavar="D", help="0 to 1, of the unlabelled.")
@click.option("--overwrite", is_flag=True, help="Replace tables that are there.")
@json_option
def synthesize(*, folder: Path, applicants: int, seed: int, form: str, drift: float, overwrite: bool) -> None:
    """Write all eight tables into DIR: shaped like the real ones, made of none of their rows.

    About 14 % of the applicants are unlabelled, as on Kaggle. The trainer reads folders below its tables root, which
    `counterfoil up` sets to demo-data.
    """
    options = ["--applicants", str(applicants), "--seed", str(seed), "--format", form, "--drift", str(drift)]
    flags = ["--overwrite"] if overwrite else []
    with progress_of(str(folder)) as report:
        for line in _lines_of("synthesize", str(folder), *options, *flags, "--progress"):
            report(float(line.removeprefix("progress ")), "drawing applicants")
    say(f"wrote eight tables into {folder}")
    if json_wanted():
        show_json({"directory": str(folder), "applicants": applicants, "seed": seed, "format": form, "drift": drift})


@tables.command(epilog=examples("counterfoil tables convert kaggle-csv demo-data/kaggle"))
@click.argument("source", metavar="SOURCE", type=_FOLDER)
@click.argument("destination", metavar="DESTINATION", type=_FOLDER)
@click.option("--overwrite", is_flag=True, help="Replace tables that are there.")
@json_option
def convert(*, source: Path, destination: Path, overwrite: bool) -> None:
    """Write the tables in SOURCE, CSV or Parquet, into DESTINATION in the form that data sets are made of fastest.

    That is Parquet: checked, typed, texts as codes of a dictionary. Tables of any size need little memory.
    """
    flags = ["--overwrite"] if overwrite else []
    with progress_of(str(destination)) as report:
        for line in _lines_of("convert", str(source), str(destination), *flags, "--progress"):
            report(float(line.removeprefix("progress ")), "converting tables")
    say(f"wrote the tables of {source} into {destination}")
    if json_wanted():
        show_json({"source": str(source), "destination": str(destination)})


@tables.command(epilog=examples("counterfoil tables applicants demo-data/first --first 200 > ids.txt"))
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--split", type=click.Choice(list(_SPLITS)), default="production", show_default=True, help="Whose.")
@click.option("--first", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="Most to print.")
@json_option
def applicants(*, folder: Path, split: str, first: int) -> None:
    """Print the identifiers of applicants in DIR, one a line, for `score batch --file`."""
    lines = _lines_of("applicants", str(folder), "--table", _SPLITS[split], "--first", str(first))
    identifiers = [line.strip() for line in lines]
    if json_wanted():
        show_json({"applicants": identifiers})
    else:
        click.echo("\n".join(identifiers))


def _lines_of(*arguments: str) -> Iterator[str]:
    """Yield what `python -m shared.tables` prints; raises CommandFailed with its error when it fails."""
    command = module_command("shared.tables", *arguments)
    variables = module_environment(find_checkout(), os.environ)
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        yield from process.stdout or ()
        if process.wait():
            errors.seek(0)
            raise _failure(errors.read())


def _failure(printed: str) -> CommandFailed:
    found = _ERROR.search(printed)
    if found is None:
        return CommandFailed(f"the tables could not be handled:\n{printed}", reason="TABLES_FAILED")
    return CommandFailed(found["message"], reason=found["reason"])
