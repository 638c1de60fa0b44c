"""What a model is to everyone but the trainer, and the kinds that may be read from a bundle."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.linear_model import LinearModel
from shared.bundle.projected_model import ProjectedModel
from shared.bundle.tree_model import TreeModel


class Model(Protocol):
    """Rows of numbers to margins and exact contributions; safe to use by many threads."""

    @property
    def kind(self) -> str:
        """The name of its codec in the allow-list, for example "lightgbm"."""
        ...

    @property
    def kernel_id(self) -> str:
        """What computes it; contributions are equal to the bit for equal kernel ids, for example "quadrature-1"."""
        ...

    @property
    def explains(self) -> bool:
        """Whether there are contributions; without, asking for them raises Precondition REASONS_NOT_EXACT."""
        ...

    @property
    def n_features(self) -> int:
        """The number of input columns."""
        ...

    def margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of rows, (n_rows, n_features) to (n_rows,); a row has the same bits in any batch."""
        ...

    def contributions(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n_rows, n_features + 1): what each feature adds, and last the baseline, the same in every row."""
        ...

    def explain(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins and contributions together, the same bits as one by one."""
        ...

    def files(self) -> Mapping[str, bytes]:
        """Return the contents of the files that keep the model, by name; nothing in them can run code."""
        ...


# The allow-list: whatever a bundle says, nothing else is ever read as a model.
_CODECS: Mapping[str, Callable[[Mapping[str, bytes]], Model]] = {
    LightGbmModel.kind: LightGbmModel.from_files,
    LinearModel.kind: LinearModel.from_files,
    TreeModel.kind: TreeModel.from_files,
    ProjectedModel.kind: lambda files: ProjectedModel.from_files(files, read_model),
}


def read_model(kind: str, files: Mapping[str, bytes]) -> Model:
    """Return the model that `Model.files` wrote; the digests of the bytes must have been checked.

    Raises ValueError for a kind that is not in the allow-list, ValueError, KeyError or TypeError for other contents.
    """
    if kind not in _CODECS:
        raise ValueError(f"{kind!r} is no kind of model that is served; known are {', '.join(_CODECS)}")
    return _CODECS[kind](files)
