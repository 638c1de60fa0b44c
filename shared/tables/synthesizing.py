"""Eight synthetic tables: shaped like the real ones, made of none of their rows."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from shared.errors import InvalidInput
from shared.tables.schema import TABLES, TableSchema
from shared.tables.sources import FileFormat
from shared.tables.synthetic.applications import draw_applications
from shared.tables.synthetic.bureau import FIRST_BUREAU_ID, draw_bureau
from shared.tables.synthetic.cards import draw_cards
from shared.tables.synthetic.clients import Clients, table
from shared.tables.synthetic.loans import FIRST_PREVIOUS_ID, draw_instalments, draw_pos_cash, draw_previous
from shared.tables.synthetic.parameters import load_parameters
from shared.tables.writing import all_or_nothing

FEWEST_APPLICANTS: Final = 50
"""Fewer could leave a table without rows."""

BLOCK_APPLICANTS: Final = 2_000
"""Clients are drawn in blocks of this many, each with its own random numbers; memory holds one block."""

# The share of unlabelled clients on Kaggle: 48,744 of 356,255.
_TEST_SHARE: Final = 0.1368
_FIRST_CLIENT_ID: Final = 100_001

Append = Callable[[pl.DataFrame], None]


def synthesize(
    directory: Path,
    *,
    applicants: int,
    seed: int,
    file_format: FileFormat = "parquet",
    drift: float = 0.0,
    overwrite: bool = False,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write all eight tables into a directory, which is made if absent.

    `applicants` counts both application tables, of which about 14 % are unlabelled (application_test), as on Kaggle.
    `drift`, from 0 to 1, moves the unlabelled applicants and their history away from the labelled ones. The same
    arguments give the same tables. Files appear under their names once all are complete. `progress` is told the share
    done, up to 1.

    Raises InvalidInput when an argument is out of its range and AlreadyExists when a table is there in either format
    and `overwrite` is not set; `overwrite` removes both.
    """
    _refuse_arguments(applicants, seed, drift)
    with all_or_nothing(directory, file_format, overwrite=overwrite) as parts:
        _write(parts, _blocks(applicants, seed, drift), applicants, progress or (lambda _: None))


def _refuse_arguments(applicants: int, seed: int, drift: float) -> None:
    if applicants < FEWEST_APPLICANTS:
        raise InvalidInput.of("applicants", f"must be at least {FEWEST_APPLICANTS}", reason="OUT_OF_RANGE")
    if seed < 0:
        raise InvalidInput.of("seed", "must not be negative", reason="OUT_OF_RANGE")
    if not 0.0 <= drift <= 1.0:
        raise InvalidInput.of("drift", "must be from 0 (none) to 1 (strong)", reason="OUT_OF_RANGE")


def _blocks(applicants: int, seed: int, drift: float) -> Iterator[dict[str, pl.DataFrame]]:
    """Yield the tables of one block of clients after another."""
    parameters = load_parameters()
    next_bureau, next_previous = FIRST_BUREAU_ID, FIRST_PREVIOUS_ID
    for first in range(0, applicants, BLOCK_APPLICANTS):
        rng = np.random.default_rng([seed, first])
        place = np.arange(first, min(first + BLOCK_APPLICANTS, applicants))
        in_test = np.floor((place + 1) * _TEST_SHARE) > np.floor(place * _TEST_SHARE)
        clients, columns = draw_applications(parameters["application"], rng, _FIRST_CLIENT_ID + place, in_test, drift)
        frames = _split(clients, table(TABLES["application_train"], columns, rng))
        credits_, next_bureau = draw_bureau(parameters, rng, clients, next_bureau)
        previous, loans, cards, next_previous = draw_previous(parameters, rng, clients, next_previous)
        balances, card_instalments = draw_cards(parameters["credit_card_balance"], rng, clients, cards)
        instalments = draw_instalments(parameters["installments_payments"], rng, clients, loans)
        both = {name: np.concatenate([values, card_instalments[name]]) for name, values in instalments.items()}
        yield (
            frames
            | credits_
            | {
                "previous_application": previous,
                "POS_CASH_balance": draw_pos_cash(parameters["POS_CASH_balance"], rng, clients, loans),
                "installments_payments": table(TABLES["installments_payments"], both, rng),
                "credit_card_balance": balances,
            }
        )


def _split(clients: Clients, applications: pl.DataFrame) -> dict[str, pl.DataFrame]:
    in_test = pl.col("SK_ID_CURR").is_in(clients.ids[clients.in_test].tolist())
    ordered = applications.sort("SK_ID_CURR")
    return {
        "application_train": ordered.filter(~in_test),
        "application_test": ordered.filter(in_test).drop("TARGET"),
    }


def _write(
    parts: dict[str, Path],
    blocks: Iterator[dict[str, pl.DataFrame]],
    applicants: int,
    progress: Callable[[float], None],
) -> None:
    total = -(-applicants // BLOCK_APPLICANTS)
    with ExitStack() as stack:
        append = {name: stack.enter_context(_appending(path, TABLES[name])) for name, path in parts.items()}
        for done, frames in enumerate(blocks, start=1):
            for name, frame in frames.items():
                append[name](frame)
            progress(done / total)


@contextmanager
def _appending(path: Path, schema: TableSchema) -> Iterator[Append]:
    """Yield a function that appends rows: a row group of a Parquet file, or lines of a CSV file."""
    empty = pl.DataFrame(schema=dict(schema.columns))
    if path.suffixes[-2] == ".csv":
        with path.open("wb") as file:
            empty.write_csv(file)
            yield lambda frame: frame.write_csv(file, include_header=False)
    else:
        level = pl.CompatLevel.oldest()
        with pq.ParquetWriter(path, empty.to_arrow(compat_level=level).schema, compression="zstd") as writer:
            yield lambda frame: writer.write_table(frame.to_arrow(compat_level=level))
