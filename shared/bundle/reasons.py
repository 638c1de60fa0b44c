"""Which features are one reason: what they contribute is added up before reasons are ranked."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class ReasonGroups:
    """The features of a schema by the reason that they count to; reasons are numbered in the order of their first."""

    def __init__(self, codes: Sequence[str]) -> None:
        """Group features by the code of their reason."""
        numbers: dict[str, int] = {}
        numbered = np.array([numbers.setdefault(code, len(numbers)) for code in codes])
        self._order = np.argsort(numbered, kind="stable")
        self._starts = np.flatnonzero(np.diff(numbered[self._order], prepend=-1))
        self.members: Sequence[NDArray[np.intp]] = np.split(self._order, self._starts[1:])
        """The features of each reason, by position."""

    def sums(self, contributions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each reason contributes, (n_rows, n_reasons), of contributions (n_rows, n_features).

        A row's sums have the same bits whatever the other rows are.
        """
        return np.add.reduceat(np.take(contributions, self._order, axis=1), self._starts, axis=1)

    def heaviest(self, contributions: NDArray[np.float64], reasons: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return of each row's reasons, (n_rows, n), the feature that contributes most; ties by position."""
        features = np.empty_like(reasons)
        for reason in np.unique(reasons).tolist():
            members = self.members[reason]
            rows, places = np.nonzero(reasons == reason)
            features[rows, places] = members[np.argmax(contributions[np.ix_(rows, members)], axis=1)]
        return features
