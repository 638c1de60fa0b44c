"""Raw columns that are barred from any part in a data set: refused where they are none, or where nothing is left."""

from collections.abc import Collection, Sequence

from services.trainer.domain.prepared.refusals import Problem, refuse
from shared.bundle.barring import has_part
from shared.errors import InvalidInput


def refuse_barred(barred: Sequence[str], features: Sequence[Collection[str]]) -> None:
    """Raise InvalidInput for barred columns, where each feature is made of such raw columns (`TABLE.COLUMN`).

    Its reason is COLUMN_MISSING for a column that has a part in none, which may be a misspelt one, and NO_FEATURE if
    no feature is left.
    """
    refuse(
        Problem("COLUMN_MISSING", f"barred_columns[{place}]", "no feature is made of such a column; correct its name")
        for place, column in enumerate(barred)
        if not any(has_part(column, sources) for sources in features)
    )
    if all(any(has_part(column, sources) for column in barred) for sources in features):
        raise InvalidInput.of("barred_columns", "leave no feature; name fewer", reason="NO_FEATURE")
