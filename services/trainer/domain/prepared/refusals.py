"""What is wrong with a table's columns: many findings at once, told under one stable reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from services.trainer.domain.sources import keyed
from shared.errors import FieldViolation, InvalidInput

PATH: Final = "prepared.path"
ID: Final = "prepared.id_column"
TARGET: Final = "prepared.target_column"
POSITIVE: Final = "prepared.positive"
_MOST_SHOWN: Final = 20


@dataclass(frozen=True)
class Problem:
    """One finding: the stable reason, the field it is about, and what to do; never a value of the table."""

    reason: str
    field: str
    remedy: str


def column_field(column: str) -> str:
    """Return the path of a column of the table."""
    return keyed("prepared.columns", column)


def refuse(problems: Iterable[Problem], *, field: str = PATH) -> None:
    """Raise InvalidInput with the problems that share the first one's reason; return if there is none.

    Of many the first are told one by one, how many more there are by `field`.
    """
    found = list(problems)
    if not found:
        return
    reason = found[0].reason
    same = [problem for problem in found if problem.reason == reason]
    violations = [FieldViolation(problem.field, problem.remedy) for problem in same[:_MOST_SHOWN]]
    if len(same) > _MOST_SHOWN:
        violations.append(FieldViolation(field, f"{len(same) - _MOST_SHOWN} more columns are wrong in the same way"))
    raise InvalidInput(violations, reason=reason)
