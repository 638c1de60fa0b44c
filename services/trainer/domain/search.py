"""How hyper-parameters are searched: method, objective and budget, and what is wrong with them before work starts."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from services.trainer.domain.hyperparameters import LARGEST_GRID, Grid, Range
from shared.errors import FieldViolation, InvalidInput

_USUAL_TRIALS = 50
_LONGEST_S = 7 * 24 * 3600.0


class SearchMethod(StrEnum):
    """Which combinations are tried: all, independent draws, or draws where earlier trials did well."""

    GRID = "GRID"
    RANDOM = "RANDOM"
    TPE = "TPE"


class Objective(StrEnum):
    """What the best trial is best at; of cost and log-loss the least, of the area under the curve the largest."""

    BUSINESS_COST = "BUSINESS_COST"
    AUC = "AUC"
    LOG_LOSS = "LOG_LOSS"

    @property
    def larger_is_better(self) -> bool:
        """Whether it is to be maximised."""
        return self is Objective.AUC


@dataclass(frozen=True)
class Search:
    """How to search. `max_trials` 0 is the whole grid, `max_seconds` None is no bound; `pruning` gives trials up early.

    With a budget in trials alone the same search finds the same; seconds depend on the machine.
    """

    method: SearchMethod = SearchMethod.GRID
    objective: Objective = Objective.BUSINESS_COST
    max_trials: int = 0
    max_seconds: float | None = None
    pruning: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict that `search_from_json` turns back into an equal search."""
        return asdict(self)


def search_from_json(document: Mapping[str, Any]) -> Search:
    """Return the search that `Search.to_json` wrote."""
    words = {"method": SearchMethod(document["method"]), "objective": Objective(document["objective"])}
    return Search(**{**document, **words})


def usual_trials(method: SearchMethod, max_seconds: float | None) -> int:
    """Return the number of trials of a search that names none."""
    if method is SearchMethod.GRID:
        return 0
    return _USUAL_TRIALS if max_seconds is None else LARGEST_GRID


def check_search(search: Search, grid: Grid) -> None:
    """Raise InvalidInput that names each part of the budget that is absurd, and a grid that leaves nothing to draw."""
    violations = []
    if search.method is SearchMethod.GRID:
        if search.max_trials:
            violations.append(FieldViolation("search.max_trials", "must be 0 with GRID, which tries all combinations"))
    elif not 1 <= search.max_trials <= LARGEST_GRID:
        violations.append(FieldViolation("search.max_trials", f"must be 1 to {LARGEST_GRID}"))
    elif not any(isinstance(choice, Range) or len(choice) > 1 for choice in grid.values()):
        what = f"gives {search.method} nothing to choose; name a range or several values of a hyper-parameter"
        violations.append(FieldViolation("grid", what))
    if search.max_seconds is not None and not _sensible(search.max_seconds):
        violations.append(FieldViolation("search.max_seconds", f"must be above 0 and at most {_LONGEST_S:g}"))
    if violations:
        raise InvalidInput(violations)


def _sensible(seconds: float) -> bool:
    return math.isfinite(seconds) and 0.0 < seconds <= _LONGEST_S
