"""The compiled kernel; where there is no compiler there is none, and its tests say so."""

import shutil
from pathlib import Path

import pytest

from shared.kernels.native import LIBRARY


@pytest.fixture(scope="session")
def library() -> Path:
    """Return the kernel, compiled from the source at hand."""
    if shutil.which("c++") is None:
        pytest.skip("there is no C++ compiler")
    return LIBRARY.build()
