"""A model on components: probabilities, but no reasons."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from shared.bundle.arrays import arrays_from_bytes, arrays_to_bytes
from shared.bundle.projection import Projection
from shared.errors import Precondition

FILE, INNER = "projection.npz", "projected.json"
_ARRAYS = ("means", "scales", "loadings")


class Inner(Protocol):
    """The model behind the projection; a Model."""

    @property
    def kind(self) -> str:
        """The name of its codec."""
        ...

    @property
    def kernel_id(self) -> str:
        """What computes it."""
        ...

    @property
    def n_features(self) -> int:
        """The number of components."""
        ...

    def margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of components, (n_rows, n_components) to (n_rows,)."""
        ...

    def files(self) -> Mapping[str, bytes]:
        """Return the contents of the files that keep the model, by name."""
        ...


@dataclass(frozen=True, eq=False)
class ProjectedModel:
    """Margin = the inner model's margin of a row's components; a missing value (NaN) makes it NaN.

    What a component contributes belongs to no feature exactly unless the inner model is linear, so there are no
    contributions: asking for them raises Precondition REASONS_NOT_EXACT. Raises ValueError if the parts do not fit.
    """

    kind: ClassVar[str] = "projected"
    explains: ClassVar[bool] = False

    projection: Projection
    inner: Inner

    def __post_init__(self) -> None:
        if self.inner.n_features != len(self.projection.loadings) or self.inner.kind == self.kind:
            raise ValueError("the model behind a projection must be one of its components")

    @classmethod
    def from_files(
        cls, files: Mapping[str, bytes], read: Callable[[str, Mapping[str, bytes]], Inner]
    ) -> "ProjectedModel":
        """Return the model that `files` gave; `read` reads the inner one.

        Raises ValueError, KeyError or TypeError if they hold none.
        """
        arrays = arrays_from_bytes(files[FILE], _ARRAYS)
        inner = json.loads(files[INNER])["kind"]
        if inner == cls.kind:
            raise ValueError("a projection stands behind another")
        return cls(Projection(**arrays), read(inner, files))

    @property
    def kernel_id(self) -> str:
        """What computes the inner model."""
        return self.inner.kernel_id

    @property
    def n_features(self) -> int:
        """The number of input columns."""
        return len(self.projection.means)

    def margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of rows, (n_rows, n_features) to (n_rows,)."""
        if values.ndim != 2 or values.shape[1] != self.n_features:  # noqa: PLR2004  # rows and columns
            raise ValueError(f"rows must have {self.n_features} columns")
        margins = self.inner.margins(self.projection.apply(values))
        return np.where(np.isnan(values).any(axis=1), np.nan, margins)

    def contributions(self, values: NDArray[np.float64]) -> NoReturn:
        """Raise Precondition REASONS_NOT_EXACT."""
        self.explain(values)

    def explain(self, values: NDArray[np.float64]) -> NoReturn:  # noqa: ARG002  # as other models have it
        """Raise Precondition REASONS_NOT_EXACT."""
        raise Precondition(
            "a model on principal components has no reasons that are exact in the features; train it without PCA",
            reason="REASONS_NOT_EXACT",
        )

    def files(self) -> Mapping[str, bytes]:
        """Return the contents of the files that keep the model, by name."""
        arrays = {name: getattr(self.projection, name) for name in _ARRAYS}
        kind = json.dumps({"kind": self.inner.kind}).encode()
        return {**self.inner.files(), FILE: arrays_to_bytes(arrays), INNER: kind}
