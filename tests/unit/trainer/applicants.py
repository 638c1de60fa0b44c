"""Seeded applicants for training: a few numeric columns, some missing values, and a signal in the first of them."""

import numpy as np
import polars as pl

from services.trainer.domain.dataset import LabelledRows

COLUMNS = tuple(f"AMT_COLUMN_{number}" for number in range(6))


def labelled_rows(rows: int, seed: int, *, signal: float = 1.5) -> LabelledRows:
    """Return rows of which about a fifth default, more of them the larger the first column; a tenth is missing."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, len(COLUMNS)))
    targets = (random.random(rows) < 1.0 / (1.0 + np.exp(1.6 - signal * values[:, 0]))).astype(np.int8)
    gaps = random.random(values.shape) < 0.1
    # The first column is complete, as some of the real ones are.
    gaps[:, 0] = False
    values[gaps] = np.nan
    return LabelledRows(pl.DataFrame(values, schema=list(COLUMNS), nan_to_null=True), targets)
