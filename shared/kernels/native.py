"""The compiled kernel: how it is found and called."""

import ctypes
import dataclasses
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from shared.compiling import CompiledLibrary
from shared.kernels.layout import FlatTrees

KERNEL_ID = "quadrature-2"
"""Names the arithmetic: contributions are equal to the bit for equal kernel ids. Raise it with any change of that."""

PATHS = ("plain", "avx2", "avx512")
"""Instruction sets that the library was compiled for, the same bits by each; numbered as in trees.cpp."""

_HERE: Final = Path(__file__).parent
# No contraction: a fused multiply-add here and none there would make one row differ from the same row in a batch.
LIBRARY: Final = CompiledLibrary(
    _HERE / "trees.cpp", included=[_HERE / "quadrature.hpp"], flags=("-O3", "-ffp-contract=off", "-Wno-psabi")
)


class _Trees(ctypes.Structure):
    """`Trees` of trees.cpp."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("n_trees", "n_features", "max_nodes", "unused")),
        *(
            (name, ctypes.c_void_p)
            for name in [
                "nodes",
                "roots",
                "inner",
                "first_leaves",
                "points",
                "rules",
                "leaves",
                "sets",
                "shares",
                "weights",
            ]
        ),
    )


def paths(library: Path) -> tuple[str, ...]:
    """Return which instruction sets of the library this machine can take, the fastest last."""
    has_path = ctypes.CDLL(str(library)).has_path
    return tuple(name for number, name in enumerate(PATHS) if has_path(number))


class NativeKernel:
    """Computes margins and contributions of one ensemble; any number of threads may call it at once."""

    kernel_id: ClassVar[str] = KERNEL_ID

    def __init__(self, library: Path, trees: FlatTrees, *, path: str | None = None) -> None:
        """Load the library that `LIBRARY` found or built; `path` is one of `paths`, by default the last.

        Raises ValueError for a path that this machine cannot take.
        """
        able = paths(library)
        if path is not None and path not in able:
            raise ValueError(f"this machine cannot take the path {path}, only {', '.join(able)}")
        self.trees = trees
        self._path = PATHS.index(path or able[-1])
        self._call = ctypes.CDLL(str(library)).contributions
        self._call.argtypes = [
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_int64,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        self._call.restype = None
        arrays = {
            field.name: value.ctypes.data
            for field in dataclasses.fields(trees)
            if isinstance(value := getattr(trees, field.name), np.ndarray)
        }
        self._struct = _Trees(
            n_trees=len(trees.points),
            n_features=trees.n_features,
            max_nodes=trees.max_nodes,
            **arrays,
        )

    def margins_and_contributions(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins (n_rows,) and contributions (n_rows, n_features) in log-odds, without the baseline.

        `values` has shape (n_rows, n_features), NaN where a value is missing. A row's result has the same bits whatever
        the other rows are. Raises ValueError for another number of features.
        """
        rows = np.ascontiguousarray(values, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.trees.n_features:  # noqa: PLR2004  # rows and features
            raise ValueError(f"values have shape {rows.shape}, not (n_rows, {self.trees.n_features})")
        margins, contributions = np.empty(len(rows)), np.empty(rows.shape)
        self._call(
            self._path,
            ctypes.addressof(self._struct),
            rows.ctypes.data,
            len(rows),
            margins.ctypes.data,
            contributions.ctypes.data,
        )
        return margins, contributions
