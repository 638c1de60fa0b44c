"""Synthetic applicants of the rarer class, each between one that is and a neighbour of it."""

import numpy as np
from imblearn.over_sampling import SMOTE, SMOTENC
from numpy.typing import NDArray

from services.trainer.domain.imbalance import Imbalance, categorical_columns
from services.trainer.domain.standardisation import fit_standardisation
from shared.errors import Precondition


def oversample(
    values: NDArray[np.float64], targets: NDArray[np.int8], *, imbalance: Imbalance, neighbours: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Return the rows as they are, and after them as many synthetic ones as make both classes equally large.

    Neighbours are measured on standardised columns. With SMOTENC a column of at most two values keeps one of them: the
    one most of the neighbours have. No value may be missing, and the rarer class needs more rows than `neighbours`.
    Raises Precondition SMOTENC_NEEDS_NUMBERS where every column is such a one.
    """
    categorical = categorical_columns(values) & (imbalance is Imbalance.SMOTENC)
    if categorical.all():
        raise Precondition(
            "SMOTENC needs a column of more than two values and cleaning kept none; choose imbalance SMOTE",
            reason="SMOTENC_NEEDS_NUMBERS",
        )
    standardisation = fit_standardisation(values)
    scaled = np.where(categorical, values, standardisation.apply(values))
    grown, classes = _sampler(np.flatnonzero(categorical).tolist(), neighbours, seed).fit_resample(scaled, targets)
    made = grown[len(values) :]
    synthetic = np.where(categorical, made, standardisation.undo(made))
    return np.vstack([values, synthetic]), np.asarray(classes, dtype=np.int8)


def _sampler(categorical: list[int], neighbours: int, seed: int) -> SMOTE:
    if categorical:
        return SMOTENC(categorical_features=categorical, k_neighbors=neighbours, random_state=seed)
    return SMOTE(k_neighbors=neighbours, random_state=seed)
