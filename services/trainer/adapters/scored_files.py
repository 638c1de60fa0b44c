"""Scored splits as Parquet among a run's artifacts: what thresholds are evaluated on later, without the model."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from services.trainer.domain.scored import Scored
from shared.digests import digest_of_file

ARTIFACTS = "scored"


def write_scored(folder: Path, scored: Mapping[str, Scored]) -> dict[str, str]:
    """Write each split into an existing folder and return the SHA-256 (hex) of its file by the split's name.

    Rows are outcomes in the split's order, without the applicant's identity.
    """
    digests = {}
    for split, part in scored.items():
        columns = {"target": part.targets, "probability": part.probabilities, "amount": part.amounts}
        path = folder / scored_file(split)
        pl.DataFrame(columns).write_parquet(path)
        digests[split] = digest_of_file(path)
    return digests


def read_scored(path: Path) -> Scored:
    """Return the split that `write_scored` wrote."""
    frame = pl.read_parquet(path)
    return Scored(
        frame["target"].to_numpy().astype(np.int8),
        frame["probability"].to_numpy().astype(np.float64),
        frame["amount"].to_numpy().astype(np.float64),
    )


def scored_file(split: str) -> str:
    """Return the name of a split's file."""
    return f"{split}.parquet"
