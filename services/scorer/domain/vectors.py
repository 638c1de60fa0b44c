"""Vectors of all features by position to the row of values that the model reads, refused where a named one would be."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.scorer.domain.features import MAX_VIOLATIONS, Refused, number_of, refuse_unusable, shown
from services.scorer.domain.requests import DenseFeatures
from shared.bundle.schema import Feature, FeatureSchema
from shared.errors import FieldViolation, InvalidInput

_BLOCK_ROWS: Final = 128
"""Rows that are looked at together: a block of them stays in the cache from one look to the next."""


class VectorResolver:
    """Turns vectors into rows of one schema.

    Sound vectors, nearly all, are looked at as a whole; only what is suspicious is judged value by value, in the words
    that the same value would be refused with under its name.
    """

    def __init__(self, schema: FeatureSchema) -> None:
        self._schema = schema
        finite = np.finfo(np.float64).max
        self._lowest = np.array([_or(each.lower_bound, -finite) for each in schema.features])
        self._highest = np.array([_or(each.upper_bound, finite) for each in schema.features])
        self._coded = np.array([place for place, each in enumerate(schema.features) if _codes(each)], dtype=np.intp)
        # (most_codes, n_coded), filled up with NaN, which equals nothing.
        codes = list(zip_longest(*filter(None, map(_codes, schema.features)), fillvalue=np.nan))
        self._codes = np.array(codes, dtype=np.float64).reshape(len(codes), len(self._coded))

    def accept(self, given: DenseFeatures, *, field_prefix: str = "") -> NDArray[np.float64]:
        """Return the vector's values, (n_features,), as `resolve_rows` takes them: of the right number, not yet judged.

        Raises InvalidInput (SCHEMA_MISMATCH if the vector was made for another schema) for `vector.schema_digest` or
        `vector.values` below `field_prefix`.
        """
        self._refuse_foreign(given, f"{field_prefix}vector.")
        return given.values

    def resolve_rows(
        self, values: NDArray[np.float64], path_of: Callable[[int], str] = "rows[{}].".format
    ) -> tuple[NDArray[np.float64], dict[int, InvalidInput]]:
        """Return rows of values, (n_rows, n_features), never infinite where nothing is wrong, NaN where one is missing.

        With them comes, by position, what is wrong with a row: up to 50 violations, whose field paths are what
        `path_of` says of the position and `values[PLACE]`.
        """
        rows = np.empty_like(values)
        refused: dict[int, InvalidInput] = {}
        for first in range(0, len(values), _BLOCK_ROWS):
            block = rows[first : first + _BLOCK_ROWS]
            # -0.0 becomes 0.0: they are equal, and so must be the record and the answer.
            np.add(values[first : first + _BLOCK_ROWS], 0.0, out=block)
            refused |= self._refused(block, first, path_of)
        return rows, refused

    def _refused(self, rows: NDArray[np.float64], first: int, path_of: Callable[[int], str]) -> dict[int, InvalidInput]:
        """Return what is wrong with rows, of which the first one has that position, by position."""
        outside = self._outside(rows)
        refused: dict[int, InvalidInput] = {}
        if not outside.any():
            return refused
        for place in np.flatnonzero(outside.any(axis=1)).tolist():
            try:
                self._judge(rows[place], np.flatnonzero(outside[place]).tolist(), path_of(first + place))
            except InvalidInput as error:
                refused[first + place] = error
        return refused

    def refuse_foreign_schema(self, digest: str, path: str) -> None:
        """Raise InvalidInput (SCHEMA_MISMATCH), with this schema's digest, if rows were made for another one."""
        if digest != self._schema.digest:
            why = "is not that of the served model's features; GetServingModel tells it with their order"
            raise InvalidInput(
                [FieldViolation(path, why)],
                reason="SCHEMA_MISMATCH",
                metadata={"schema_digest": self._schema.digest},
            )

    def _refuse_foreign(self, given: DenseFeatures, prefix: str) -> None:
        self.refuse_foreign_schema(given.schema_digest, f"{prefix}schema_digest")
        if len(given.values) != len(self._schema.features):
            expected = len(self._schema.features)
            raise InvalidInput.of(f"{prefix}values", f"holds {len(given.values)} numbers; this schema has {expected}")

    def _outside(self, rows: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which values of a row or of rows, (..., n_features), have to be refused."""
        # A missing value compares as false.
        outside = (rows < self._lowest) | (rows > self._highest)
        if len(self._coded):
            coded = rows[..., self._coded]
            known = (coded[..., None, :] == self._codes).any(axis=-2)
            outside[..., self._coded] |= ~(known | np.isnan(coded))
        return np.asarray(outside, dtype=np.bool_)

    def _judge(self, row: NDArray[np.float64], places: list[int], prefix: str) -> None:
        violations = []
        for place in places:
            feature = self._schema.features[place]
            value = float(row[place])
            try:
                refuse_unusable(value)
                number_of(feature, value)
            except Refused as refused:
                violations.append(FieldViolation(f"{prefix}values[{place}]", f"{shown(feature.name)} {refused}"))
        if len(violations) > MAX_VIOLATIONS:
            more = f"{len(violations) - MAX_VIOLATIONS + 1} more are wrong as well"
            violations = [*violations[: MAX_VIOLATIONS - 1], FieldViolation(f"{prefix}values", more)]
        if violations:
            raise InvalidInput(violations)


def _codes(feature: Feature) -> list[float]:
    return [0.0, 1.0] if feature.kind == "one_hot" else sorted(feature.codes.values())


def _or(bound: float | None, otherwise: float) -> float:
    return otherwise if bound is None else bound
