"""What is done about defaults being rare, and what that needs: known without loading the library that does it."""

import math
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.hyperparameters import Grid, Hyperparameter, Range
from shared.errors import InvalidInput, Precondition


class Imbalance(StrEnum):
    """Nothing, weights that make both classes weigh the same, or synthetic applicants of the rarer class.

    SMOTE: Chawla et al. (2002), "SMOTE: Synthetic Minority Over-sampling Technique"; SMOTENC is their variant for
    columns of which some are categories.
    """

    NONE = "NONE"
    CLASS_WEIGHTS = "CLASS_WEIGHTS"
    SMOTE = "SMOTE"
    SMOTENC = "SMOTENC"

    @property
    def oversamples(self) -> bool:
        """Whether rows are made up."""
        return self in (Imbalance.SMOTE, Imbalance.SMOTENC)

    @property
    def hyperparameters(self) -> tuple[Hyperparameter, ...]:
        """What a grid may set besides the classifier's own."""
        return (SMOTE_K_NEIGHBORS,) if self.oversamples else ()


SMOTE_K_NEIGHBORS = Hyperparameter(
    "smote_k_neighbors",
    "integer",
    5,
    "How many nearest applicants of the rarer class a synthetic one may lie towards.",
    1,
    100,
)


def class_weights(targets: NDArray[np.int8], *, balanced: bool) -> NDArray[np.float64]:
    """Return one weight a row: 1, or such that both classes weigh half of the rows."""
    if not balanced:
        return np.ones(len(targets))
    counts = np.bincount(targets, minlength=2)
    return np.asarray((len(targets) / (2.0 * counts))[targets], dtype=np.float64)


def categorical_columns(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which columns of rows without missing values hold at most two different ones, as one-hot columns do."""
    low, high = values.min(axis=0), values.max(axis=0)
    return np.asarray(np.all((values == low) | (values == high), axis=0), dtype=np.bool_)


def neighbours_in(grid: Grid) -> int:
    """Return the largest number of neighbours that a checked grid tries."""
    choice = grid.get(SMOTE_K_NEIGHBORS.name, (SMOTE_K_NEIGHBORS.default,))
    return int(choice.maximum) if isinstance(choice, Range) else max(int(value) for value in choice)


def check_neighbours(neighbours: int, *, rarest: int, folds: int) -> None:
    """Raise InvalidInput where a fold's training rows hold no more rows of the rarer class than neighbours."""
    most = rarest - math.ceil(rarest / folds) - 1
    if neighbours > most:
        remedy = f"set it to {most} or less" if most > 0 else "choose imbalance CLASS_WEIGHTS"
        raise InvalidInput.of(
            f'grid["{SMOTE_K_NEIGHBORS.name}"]',
            f"{neighbours} neighbours are wanted and a fold's training rows have {most + 1} applicants of the rarer "
            f"class, each with {most} others; {remedy}",
        )


def bytes_needed(
    imbalance: Imbalance, *, rows: int, rarest: int, columns: int, categorical: int, neighbours: int
) -> int:
    """Return the memory that oversampling takes at its peak, estimated: bytes besides the rows themselves.

    `rarest` of the `rows` are of the rarer class, `categorical` of the `columns` are categories. 0 where nothing is
    oversampled.
    """
    synthetic = rows - 2 * rarest
    # Rows standardised, grown, and grown again in their own units.
    dense = 8 * columns * (3 * rows + 3 * synthetic)
    if imbalance is Imbalance.SMOTE:
        return dense
    if imbalance is Imbalance.SMOTENC:
        # Every synthetic row's neighbours at once, one-hot; the synthetic rows as lists of Python's numbers; and all
        # rows, some of them twice, as sparse matrices of a number and a place each.
        neighbourhoods = 8 * synthetic * neighbours * (columns + categorical)
        return dense + neighbourhoods + 72 * synthetic * columns + 12 * columns * (2 * rows + 2 * synthetic)
    return 0


def check_memory(needed: int, available: int) -> None:
    """Raise Precondition MEMORY_NEEDED, with both figures, where more is needed than there is."""
    if needed > available:
        raise Precondition(
            f"oversampling needs about {needed / 2**30:.1f} GiB of memory and {available / 2**30:.1f} are free; choose "
            "imbalance SMOTE (which needs less than SMOTENC) or CLASS_WEIGHTS (which needs none), a smaller "
            "smote_k_neighbors, or a data set with fewer columns",
            reason="MEMORY_NEEDED",
            metadata={"bytes_needed": str(needed), "bytes_available": str(available)},
        )
