"""A history aggregated by several threads, over several chunks, with and without machine code: the same bits."""

import subprocess
import sys

import numpy as np
import polars as pl

from shared.features.building import build_features
from shared.features.histories import aggregate_history
from shared.features.keeping import InMemory
from shared.features.keys import KeyIndex
from shared.features.levels import Levels, fit_levels
from shared.features.loops import Floats
from shared.features.reference import REFERENCE
from shared.features.tables import FeatureTables
from shared.features.workers import hired_workers
from tests.processes import ROOT

PROGRAM = """
import sys
sys.modules["numba"] = None
from shared.features.building import build_features
from shared.features.levels import fit_levels
from tests.unit.features.random_tables import random_tables
tables = random_tables(7, clients=9, rows=30)
sys.stdout.buffer.write(build_features(tables, fit_levels(tables)).frame.write_ipc(None).getvalue())
"""


def instalments(n_rows: int) -> pl.LazyFrame:
    """Return instalments of fifty clients, in no order, with amounts whose sums depend on the order."""
    generator = np.random.default_rng(5)
    columns = ["DAYS_INSTALMENT", "DAYS_ENTRY_PAYMENT", "AMT_INSTALMENT", "AMT_PAYMENT"]
    amounts = {column: generator.lognormal(5, 3, n_rows) for column in columns}
    keys = {"SK_ID_CURR": generator.integers(1, 51, n_rows), "NUM_INSTALMENT_VERSION": generator.integers(0, 9, n_rows)}
    return pl.LazyFrame({**keys, **amounts})


def aggregated(frame: pl.LazyFrame, *, threads: int) -> dict[str, Floats]:
    """Return the features of the clients 1 to 50, and after them those of a client without rows."""
    (history,) = (history for history in REFERENCE.histories if history.table == "installments_payments")
    levels = Levels({"application": {}, history.table: {}})
    index = KeyIndex.of(pl.Series(range(1, 51), dtype=pl.Int64))
    keeper = InMemory()
    with hired_workers(threads) as workers:
        aggregate_history(
            FeatureTables({history.table: frame}), levels, history, index=index, workers=workers, keeper=keeper
        )
    return keeper.columns


def test_any_number_of_threads_gives_the_same_bits() -> None:
    """A model trained twice on the same tables is the same model."""
    frame = instalments(40_000)

    one, four = (aggregated(frame, threads=threads) for threads in (1, 4))

    assert one.keys() == four.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values, four[name], err_msg=name)


def test_the_bits_of_a_client_do_not_depend_on_the_others() -> None:
    """Nor on the chunk of the file in which its rows happen to lie: what is scored is what was trained on."""
    frame = instalments(40_000)

    together = aggregated(frame, threads=2)
    alone = aggregated(frame.filter(pl.col("SK_ID_CURR") == 17), threads=2)

    for name, values in together.items():
        np.testing.assert_array_equal(alone[name][16], values[16], err_msg=name)
        assert np.isnan(np.delete(alone[name], 16)).all()


def test_without_numba_the_features_have_the_same_bits(tables: dict[str, pl.LazyFrame]) -> None:
    """A service that builds them for one applicant need not carry the compiler."""
    command = [sys.executable, "-c", PROGRAM]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=120)

    from_python = pl.read_ipc(done.stdout) if done.returncode == 0 else done.stderr.decode()
    assert isinstance(from_python, pl.DataFrame), from_python
    assert from_python.equals(_built(tables), null_equal=True)


def _built(tables: dict[str, pl.LazyFrame]) -> pl.DataFrame:
    return build_features(tables, fit_levels(tables)).frame
