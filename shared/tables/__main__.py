"""The tables as a program: `python -m shared.tables synthesize DIR --applicants N --seed S`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.errors import CounterfoilError
from shared.tables.synthesizing import synthesize

_BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 2 after one line on stderr that says what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        synthesize(
            options.directory,
            applicants=options.applicants,
            seed=options.seed,
            file_format=options.format,
            drift=options.drift,
            overwrite=options.overwrite,
            progress=_print_progress if options.progress else None,
        )
    except (CounterfoilError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return _BAD_INPUT
    return 0


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
    return parser


def _print_progress(share: float) -> None:
    sys.stdout.write(f"progress {share:.2f}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
