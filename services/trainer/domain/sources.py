"""Where the rows of a data set come from, as callers name it."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from shared.errors import FieldViolation
from shared.features.sets import FeatureSet

LONGEST_REASON_TEXT: Final = 200
FILE_ENDINGS: Final = (".csv", ".parquet")


@dataclass(frozen=True)
class HomeCreditTables:
    """The eight Home Credit tables in `directory`, which is relative to the tables root, and what is made of them."""

    directory: str
    features: FeatureSet = FeatureSet.REFERENCE


@dataclass(frozen=True)
class Bounds:
    """What the values of a column may be, both ends included; None: no bound on that side."""

    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class PreparedTable:
    """One table of the lender's own, a row for each applicant; `path` is relative to the tables root.

    Every column but `id_column` and `target_column` is a feature. `positive` is the target's value that means default,
    empty where the target is 0 or 1. `reason_texts` and `bounds` are by feature column.
    """

    path: str
    id_column: str
    target_column: str
    positive: str = ""
    reason_texts: Mapping[str, str] = field(default_factory=dict, hash=False)
    bounds: Mapping[str, Bounds] = field(default_factory=dict, hash=False)


Source = HomeCreditTables | PreparedTable

_KINDS: Final[Mapping[str, type[HomeCreditTables | PreparedTable]]] = {
    "home_credit": HomeCreditTables,
    "prepared": PreparedTable,
}


def source_to_json(source: Source) -> dict[str, Any]:
    """Return plain dicts that `source_from_json` turns back into an equal source."""
    kind = next(kind for kind, made in _KINDS.items() if isinstance(source, made))
    return {kind: asdict(source)}


def source_from_json(document: Mapping[str, Any]) -> Source:
    """Return the source that `source_to_json` wrote."""
    ((kind, fields),) = document.items()
    if _KINDS[kind] is HomeCreditTables:
        return HomeCreditTables(fields["directory"], FeatureSet(fields["features"]))
    bounds = {column: Bounds(**bounds) for column, bounds in fields["bounds"].items()}
    return PreparedTable(**{**fields, "bounds": bounds})


def source_parameters(source: Source) -> dict[str, str]:
    """Return what the data set's run records of its source; reason texts and bounds are in its features."""
    if isinstance(source, HomeCreditTables):
        return {"source": "home_credit", "source_path": source.directory, "feature_set": source.features.value}
    columns = {"id_column": source.id_column, "target_column": source.target_column, "positive": source.positive}
    return {"source": "prepared", "source_path": source.path, **columns}


def source_violations(source: Source) -> list[FieldViolation]:
    """Return every field of the source that can never work, whatever the files hold."""
    if isinstance(source, HomeCreditTables):
        return [] if source.directory else [FieldViolation("home_credit.directory", "name the folder of the tables")]
    return [*_name_violations(source), *_text_violations(source), *_bound_violations(source)]


def keyed(field_path: str, key: str) -> str:
    """Return the path of one entry of a map, as a client writes it."""
    return f"{field_path}[{json.dumps(key, ensure_ascii=False)}]"


def _name_violations(source: PreparedTable) -> Iterator[FieldViolation]:
    if not source.path.lower().endswith(FILE_ENDINGS):
        yield FieldViolation("prepared.path", f"name a file that ends in {' or '.join(FILE_ENDINGS)}")
    if not source.id_column:
        yield FieldViolation("prepared.id_column", "name the column of the applicants' identifiers")
    if not source.target_column:
        yield FieldViolation("prepared.target_column", "name the column that says who defaulted")
    elif source.target_column == source.id_column:
        yield FieldViolation("prepared.target_column", "must be another column than id_column")


def _text_violations(source: PreparedTable) -> Iterator[FieldViolation]:
    for column, text in source.reason_texts.items():
        if not 0 < len(text.strip()) <= LONGEST_REASON_TEXT:
            why = f"must have 1 to {LONGEST_REASON_TEXT} characters"
            yield FieldViolation(keyed("prepared.reason_texts", column), why)


def _bound_violations(source: PreparedTable) -> Iterator[FieldViolation]:
    for column, bounds in source.bounds.items():
        minimum, maximum = bounds.minimum, bounds.maximum
        given = [bound for bound in (minimum, maximum) if bound is not None]
        if not given or not all(math.isfinite(bound) for bound in given):
            yield FieldViolation(keyed("prepared.bounds", column), "must have a finite minimum or maximum, or both")
        elif minimum is not None and maximum is not None and minimum > maximum:
            yield FieldViolation(keyed("prepared.bounds", column), "has a minimum above its maximum")
