"""Arrays of numbers in a file that cannot run code."""

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def arrays_to_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the arrays as an npz; equal arrays give equal bytes. Raises ValueError for anything but numbers."""
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **dict(arrays))
    return content.getvalue()


def arrays_from_bytes(content: bytes, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return the named arrays of an npz as float64; raises ValueError or KeyError if the bytes hold something else."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return {name: np.asarray(stored[name], dtype=np.float64) for name in names}
    except (EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"the arrays cannot be read ({error})") from error
