"""The compiled kernel: how it is built, found and called.

It is built once, by `make install` or in the image (`python -m shared.kernels`), never while serving.
"""

import ctypes
import dataclasses
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from shared.errors import Precondition
from shared.kernels.layout import FlatTrees

KERNEL_ID = "quadrature-2"
"""Names the arithmetic: contributions are equal to the bit for equal kernel ids. Raise it with any change of that."""

PATHS = ("plain", "avx2", "avx512")
"""Instruction sets that the library was compiled for, the same bits by each; numbered as in trees.cpp."""

COMPILED = Path(__file__).with_name("compiled")
_SOURCE, _INCLUDED = (Path(__file__).with_name(name) for name in ("trees.cpp", "quadrature.hpp"))
# No contraction: a fused multiply-add here and none there would make one row differ from the same row in a batch.
_FLAGS = ("-O3", "-std=c++17", "-ffp-contract=off", "-fPIC", "-shared", "-Wall", "-Wextra", "-Wno-psabi")


def library_path(folder: Path = COMPILED) -> Path:
    """Return where the library of this very source, these flags and this kind of machine lies, or would lie."""
    settings = " ".join((*_FLAGS, platform.system(), platform.machine()))
    content = _SOURCE.read_bytes() + _INCLUDED.read_bytes() + settings.encode()
    return folder / f"trees-{hashlib.sha256(content).hexdigest()[:16]}.so"


def find_library(folder: Path = COMPILED) -> Path | None:
    """Return the compiled library, None if it was not built."""
    path = library_path(folder)
    return path if path.exists() else None


def build(folder: Path = COMPILED) -> Path:
    """Return the library, compiled if it was not; several processes may do so at once.

    Raises Precondition: NO_COMPILER without a C++ compiler (`c++`, or what CXX names), COMPILER_FAILED with its words.
    """
    path = library_path(folder)
    if path.exists():
        return path
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        raise Precondition("there is no C++ compiler; install g++, or name one by CXX", reason="NO_COMPILER")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as room:
        made = Path(room) / path.name
        command = [compiler, *_FLAGS, "-o", str(made), str(_SOURCE)]
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
        if outcome.returncode != 0:
            raise Precondition(f"{compiler} failed: {outcome.stderr.strip()[-500:]}", reason="COMPILER_FAILED")
        made.replace(path)
    return path


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
        """Load the library that `find_library` or `build` returned; `path` is one of `paths`, by default the last.

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
