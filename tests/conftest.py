"""Fixtures that several test modules share; what is expensive is made once per session."""

import os
from pathlib import Path

import pytest

# Before LightGBM is imported: its threads must not spin for cores that the other test process uses.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

REAL_TABLES_VARIABLE = "COUNTERFOIL_TEST_TABLES"


@pytest.fixture(scope="session")
def real_tables() -> Path:
    """Return the directory of the real tables; skip where none is named, fail where the named one is absent."""
    named = os.environ.get(REAL_TABLES_VARIABLE)
    if not named:
        pytest.skip(f"{REAL_TABLES_VARIABLE} names no directory with the real tables")
    directory = Path(named)
    assert directory.is_dir(), f"{REAL_TABLES_VARIABLE} names a directory that does not exist"
    return directory
