"""Raw applications to the row of values that the model reads, by the specification that its data set was made with."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.scorer.domain.features import MAX_VIOLATIONS, listed
from services.scorer.domain.requests import PlacedRow, RawApplication
from shared.bundle.schema import FeatureSchema
from shared.errors import FieldViolation, InvalidInput
from shared.features.applicant import ApplicantFeatures
from shared.features.levels import Levels
from shared.features.sets import SPECIFICATIONS, FeatureSet
from shared.features.specification import APPLICATION

HistoryFeatures = Mapping[str, float]
"""Features of an applicant's history by name, NaN where one is missing."""

_UNKNOWN_LEVEL: Final = "is no level that the model's data set held; known levels are "


class RawResolver:
    """Turns raw applications into rows of one schema; safe to use by many threads."""

    def __init__(self, schema: FeatureSchema, raw_features: Mapping[str, Any]) -> None:
        """Prepare for a bundle's features; raises ValueError or KeyError if `raw_features` does not make them all."""
        specification = SPECIFICATIONS[FeatureSet(raw_features["set"])]
        levels = Levels.from_json(raw_features["levels"])
        self._features = ApplicantFeatures(levels, specification, schema.names)
        place = {name: position for position, name in enumerate(self._features.names)}
        self._order = np.array([place[name] for name in schema.names], dtype=np.intp)
        binaries = {binary.column: tuple(binary.codes) for binary in specification.application.binaries}
        self._levels = {**levels.tables, APPLICATION: {**levels.tables[APPLICATION], **binaries}}

    @property
    def history_names(self) -> tuple[str, ...]:
        """The features of a history that any of the schema's features needs."""
        return self._features.history_names

    def resolve(
        self, given: RawApplication, find_history: Callable[[str], HistoryFeatures], *, field_prefix: str = ""
    ) -> NDArray[np.float64]:
        """Return the row of values, shape (n_features,), NaN where a value is missing; never infinite.

        `find_history` gives the stored history of an applicant. Raises InvalidInput with up to 50 violations, and what
        `find_history` raises.
        """
        violations = [
            FieldViolation(f"{field_prefix}raw.{path}", why) for row in _rows(given) for path, why in self._unknown(row)
        ]
        if violations:
            raise InvalidInput(violations[:MAX_VIOLATIONS])
        if given.history_of:
            values = self._features.complete(given.application.cells, find_history(given.history_of))
        else:
            history = {table: [row.cells for row in rows] for table, rows in given.history.items()}
            values = self._features.compute(given.application.cells, history)
        row: NDArray[np.float64] = np.array(values)[self._order]
        return row + 0.0  # -0.0 becomes 0.0: they are equal, and so must be the record and the answer

    def _unknown(self, row: PlacedRow) -> Iterator[tuple[str, str]]:
        known = self._levels.get(row.table, {})
        for column, value in row.cells.items():
            if isinstance(value, str) and column in known and value not in known[column]:
                yield f"{row.path}.{column.lower()}", _UNKNOWN_LEVEL + listed(known[column])


def _rows(given: RawApplication) -> Iterator[PlacedRow]:
    yield given.application
    for rows in given.history.values():
        yield from rows
