"""The splits of data sets as MLflow keeps them, to be looked at."""

from pathlib import Path

import polars as pl

from services.trainer.domain.dataset import APPLICANT, LABEL
from services.trainer.domain.rows import Rows


def open_split(path: Path) -> Rows:
    """Return the rows of a split's Parquet file; `target` is among its columns where there are labels."""
    frame = pl.scan_parquet(path)
    total = frame.select(pl.len()).collect().item()
    labelled = frame.select(pl.col(LABEL).is_not_null().any()).collect().item()
    hidden = {APPLICANT} if labelled else {APPLICANT, LABEL}
    columns = tuple(name for name in frame.collect_schema() if name not in hidden)
    # An applicant may be called "NA".
    return Rows(frame, total, columns, missing_texts=())
