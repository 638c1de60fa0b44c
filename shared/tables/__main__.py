"""The tables as a program: `python -m shared.tables synthesize DIR --applicants N --seed S`, `... applicants DIR`.

Also `... convert SOURCE DESTINATION`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.errors import CounterfoilError
from shared.tables.applicants import applicant_ids
from shared.tables.converting import convert_tables
from shared.tables.synthesizing import synthesize

_BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 2 after one line on stderr that says what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except CounterfoilError as error:
        return _refuse(error.message, error.reason)
    except OSError as error:
        return _refuse(str(error), "OS_ERROR")
    return 0


def _refuse(message: str, reason: str) -> int:
    sys.stderr.write(f"error: {message} ({reason})\n")
    return _BAD_INPUT


def _synthesize(options: argparse.Namespace) -> None:
    synthesize(
        options.directory,
        applicants=options.applicants,
        seed=options.seed,
        file_format=options.format,
        drift=options.drift,
        overwrite=options.overwrite,
        progress=_print_progress if options.progress else None,
    )


def _convert(options: argparse.Namespace) -> None:
    convert_tables(
        options.source,
        options.destination,
        overwrite=options.overwrite,
        progress=_print_progress if options.progress else None,
    )


def _applicants(options: argparse.Namespace) -> None:
    for identifier in applicant_ids(options.directory, options.table, first=options.first):
        sys.stdout.write(f"{identifier}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.tables")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("synthesize", help="write synthetic tables")
    command.add_argument("directory", type=Path)
    command.add_argument("--applicants", type=int, required=True, help="labelled and unlabelled together")
    command.add_argument("--seed", type=int, required=True)
    command.add_argument("--format", choices=["parquet", "csv"], default="parquet")
    command.add_argument("--drift", type=float, default=0.0, help="0 (none) to 1 (strong), of the unlabelled")
    command.add_argument("--overwrite", action="store_true", help="replace tables that are there")
    command.add_argument("--progress", action="store_true", help="print lines `progress SHARE`")
    command.set_defaults(run=_synthesize)
    command = commands.add_parser("convert", help="write tables as checked and typed Parquet")
    command.add_argument("source", type=Path)
    command.add_argument("destination", type=Path)
    command.add_argument("--overwrite", action="store_true", help="replace tables that are there")
    command.add_argument("--progress", action="store_true", help="print lines `progress SHARE`")
    command.set_defaults(run=_convert)
    command = commands.add_parser("applicants", help="print identifiers, one a line")
    command.add_argument("directory", type=Path)
    command.add_argument("--table", choices=["application_test", "application_train"], default="application_test")
    command.add_argument("--first", type=int, required=True, help="how many")
    command.set_defaults(run=_applicants)
    return parser


def _print_progress(share: float) -> None:
    sys.stdout.write(f"progress {share:.2f}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
