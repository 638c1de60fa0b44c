"""What callers are told of each feature of a data set, before the train split says how its values are spread."""

from services.trainer.domain.units import unit_of
from shared.bundle.schema import Feature
from shared.features.columns import FeatureColumn
from shared.features.reasons import reason_of
from shared.features.texts import describe, reason_code


def described(column: FeatureColumn) -> Feature:
    """Return a feature of the Home Credit tables with its sources, unit and reason."""
    reason = reason_of(column)
    return Feature(
        name=column.name,
        kind=column.kind,
        table=column.table,
        sources=tuple(name if "." in name else f"{column.table}.{name}" for name in column.columns),
        group=column.group or "",
        level=column.level or "",
        codes=column.codes,
        unit=unit_of(column),
        reason_code=reason_code(column),
        reason_text=describe(column),
        principal_code=reason.code if reason else "",
        principal_text=reason.text if reason else "",
    )
