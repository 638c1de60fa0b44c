"""Outcomes: taken in many at once, each matched with its decision in the log, and told again."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from services.monitor.adapters.logged import LoggedPredictions
from services.monitor.adapters.outcome_table import OutcomeTable
from services.monitor.domain.outcome import DecisionKey, Logged, Outcome, Recorded, Reported, Resolved, fits, resolve
from services.monitor.domain.prediction import PredictionName
from shared.errors import CounterfoilError

Row: TypeAlias = Reported | CounterfoilError
Subscriber: TypeAlias = Callable[[frozenset[str]], None]


class Outcomes:
    """The outcomes of logged decisions.

    `await_projection` returns once what was acknowledged of a model version can be read.
    """

    def __init__(
        self, table: OutcomeTable, logged: LoggedPredictions, *, await_projection: Callable[[str], None]
    ) -> None:
        self._table = table
        self._logged = logged
        self._await_projection = await_projection
        self._subscribers: list[Subscriber] = []

    def subscribe(self, on_recorded: Subscriber) -> None:
        """Have told, from now on, which model versions have new outcomes: by whoever records, once all is stored."""
        self._subscribers.append(on_recorded)

    def record(self, rows: Sequence[Row], caller: str) -> list[Recorded | CounterfoilError]:
        """Store the sound rows and return a result for each; a row that is an error stays one.

        Raises Unavailable (PROJECTION_BEHIND, MONITOR_DATABASE_UNAVAILABLE) when nothing of it can be stored now.
        """
        candidates = _Candidates(self._find([row.decision for row in rows if isinstance(row, Reported)]))
        now = self._table.clock()
        resolved = [_resolved(row, candidates, now, f"outcomes[{place}]") for place, row in enumerate(rows)]
        recorded = iter(self._table.record([each for each in resolved if isinstance(each, Resolved)], caller))
        results = [next(recorded) if isinstance(each, Resolved) else each for each in resolved]
        new = (each for each in results if isinstance(each, Recorded) and not each.already_stored)
        changed = frozenset(each.name.model_version for each in new)
        if changed:
            for on_recorded in self._subscribers:
                on_recorded(changed)
        return results

    def history(self, name: PredictionName) -> list[Outcome]:
        """Return all outcomes of a decision, the one that counts first; none if the decision is not known."""
        return self._table.history(name)

    def _find(self, decisions: Sequence[PredictionName | DecisionKey]) -> Iterator[Logged]:
        """Yield what the log holds that any of the decisions may be."""
        named = _grouped((each.model_version, each.id) for each in decisions if isinstance(each, PredictionName))
        for model_version, ids in named.items():
            self._await_projection(model_version)
            yield from self._logged.by_id(model_version, ids)
        keys = [each for each in decisions if isinstance(each, DecisionKey)]
        for model_version in self._versions({key.model_version for key in keys}):
            self._await_projection(model_version)
            applicants = {key.applicant_id for key in keys if key.model_version in {"", model_version}}
            yield from self._logged.by_applicant(model_version, applicants)

    def _versions(self, asked: set[str]) -> list[str]:
        return self._logged.model_versions() if "" in asked else sorted(asked)


class _Candidates:
    """What the log holds, by name and by applicant."""

    def __init__(self, found: Iterable[Logged]) -> None:
        # Found by name and by applicant, it is still one decision.
        self._by_name = {each.name: each for each in found}
        self._by_applicant: dict[str | None, list[Logged]] = {}
        for each in self._by_name.values():
            self._by_applicant.setdefault(each.applicant_id, []).append(each)

    def of(self, decision: PredictionName | DecisionKey) -> list[Logged]:
        """Return what the decision may be."""
        if isinstance(decision, PredictionName):
            return [self._by_name[decision]] if decision in self._by_name else []
        return [each for each in self._by_applicant.get(decision.applicant_id, []) if fits(decision, each)]


def _resolved(row: Row, candidates: _Candidates, now: dt.datetime, field: str) -> Resolved | CounterfoilError:
    if isinstance(row, CounterfoilError):
        return row
    try:
        return resolve(row, candidates.of(row.decision), now=now, field=field)
    except CounterfoilError as error:
        return error


def _grouped(pairs: Iterable[tuple[str, str]]) -> Mapping[str, set[str]]:
    grouped: dict[str, set[str]] = {}
    for key, value in pairs:
        grouped.setdefault(key, set()).add(value)
    return grouped
