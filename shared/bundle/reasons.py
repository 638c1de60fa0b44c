"""Which features are one reason: what they contribute is added up before reasons are ranked."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class ReasonGroups:
    """The features of a schema by the reason that they count to; reasons are numbered in the order of their first."""

    def __init__(self, codes: Sequence[str]) -> None:
        """Group features by the code of their reason."""
        numbers: dict[str, int] = {}
        self.reasons: NDArray[np.intp] = np.array([numbers.setdefault(code, len(numbers)) for code in codes])
        """The number of the reason that each feature counts to, (n_features,)."""
        self.members = [np.flatnonzero(self.reasons == number) for number in range(len(numbers))]
        """The features of each reason, by position."""

    def sums(self, contributions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each reason contributes, (n_rows, n_reasons), of contributions (n_rows, n_features).

        Features are added one after the other, in their order: a row's sums have the same bits whatever adds them up.
        """
        shape = len(contributions), len(self.members)
        places = np.arange(shape[0])[:, None] * shape[1] + self.reasons
        sums = np.bincount(places.ravel(), contributions.ravel(), minlength=shape[0] * shape[1])
        return sums.astype(np.float64, copy=False).reshape(shape)

    def heaviest(self, contributions: NDArray[np.float64], reasons: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return of each row's reasons, (n_rows, n), the feature that contributes most; ties by position."""
        features = np.empty_like(reasons)
        for reason in np.unique(reasons).tolist():
            members = self.members[reason]
            rows, places = np.nonzero(reasons == reason)
            features[rows, places] = members[np.argmax(contributions[np.ix_(rows, members)], axis=1)]
        return features
