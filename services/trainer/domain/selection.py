"""Which versions of a model to show, in which order, page by page."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

from services.trainer.domain.versions import ModelVersion, VersionRegistry, VersionRun
from shared.digests import digest_of
from shared.errors import FieldViolation, InvalidInput

BY_VERSION, BY_TIME = "version", "create_time"
_MOST_BOUNDS = 20
# Whether the figure is absent, the figure so that what comes first is smallest, and the number, newest first.
_Rank: TypeAlias = tuple[bool, float, int]


@dataclass(frozen=True)
class MetricBound:
    """The range that a metric must lie in; None is unbounded."""

    metric: str
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class VersionFilter:
    """What versions must be to be shown; an empty part matches any. `dataset` is an id."""

    classifier: str = ""
    dataset: str = ""
    alias: str = ""
    bounds: tuple[MetricBound, ...] = ()

    def matches(self, version: ModelVersion) -> bool:
        """Return whether the version is all that is asked."""
        return (
            self.classifier in {"", version.classifier}
            and self.dataset in {"", version.dataset}
            and (not self.alias or self.alias in version.aliases)
            and all(_lies_in(bound, version) for bound in self.bounds)
        )


@dataclass(frozen=True)
class VersionOrder:
    """The order of versions: by "version", "create_time" or a metric; those that lack the metric come last."""

    by: str = BY_VERSION
    ascending: bool = False

    def rank(self, version: ModelVersion) -> _Rank:
        """Return what sorts versions in this order, without ties."""
        figures = {**version.metrics, BY_VERSION: version.version, BY_TIME: version.create_time.timestamp()}
        figure = float(figures.get(self.by, math.nan))
        absent = math.isnan(figure)
        return absent, 0.0 if absent else figure if self.ascending else -figure, -version.version


@dataclass(frozen=True)
class VersionQuery:
    """A list that somebody asked for; its pages belong together."""

    model: str
    filter: VersionFilter = VersionFilter()
    order: VersionOrder = VersionOrder()

    @property
    def digest(self) -> str:
        """What tells its page tokens from those of another list."""
        return digest_of(json.dumps(asdict(self), sort_keys=True).encode())[:16]


def list_page(
    registry: VersionRegistry, query: VersionQuery, *, page_size: int, position: str
) -> tuple[Sequence[ModelVersion], str]:
    """Return what `select_page` returns of a registry's versions.

    By number, and without a range of a metric, no more versions are read than the page has, and one. No registry can
    look into metrics, so that for them all versions of the model are read.
    """
    if query.order.by != BY_VERSION or query.filter.bounds:
        return select_page(registry.of_model(query.model), query, page_size=page_size, position=position)
    wanted = VersionRun(
        most=page_size + 1,
        after=-_rank_in(position, query)[-1] if position else None,
        ascending=query.order.ascending,
        classifier=query.filter.classifier,
        dataset=query.filter.dataset,
        alias=query.filter.alias,
    )
    return _page(registry.next_of_model(query.model, wanted), query, page_size)


def select_page(
    versions: Sequence[ModelVersion], query: VersionQuery, *, page_size: int, position: str
) -> tuple[Sequence[ModelVersion], str]:
    """Return the versions of a page and the position of the next: "" on the last.

    `versions` are all that the model has. A position remembers the last version shown rather than a count, so that
    nothing is shown twice or skipped when versions come or go between pages. Raises InvalidInput for a metric that no
    version has, an empty range, or a position of another list.
    """
    _check(query, versions)
    rank = query.order.rank
    matching = sorted(filter(query.filter.matches, versions), key=rank)
    after = _rank_in(position, query) if position else None
    return _page([version for version in matching if after is None or rank(version) > after], query, page_size)


def _page(left: Sequence[ModelVersion], query: VersionQuery, page_size: int) -> tuple[Sequence[ModelVersion], str]:
    shown = left[:page_size]
    more = len(left) > page_size
    return shown, json.dumps([query.digest, *query.order.rank(shown[-1])]) if more else ""


def _lies_in(bound: MetricBound, version: ModelVersion) -> bool:
    value = version.metrics.get(bound.metric, math.nan)
    low = -math.inf if bound.minimum is None else bound.minimum
    high = math.inf if bound.maximum is None else bound.maximum
    return low <= value <= high


def _check(query: VersionQuery, versions: Iterable[ModelVersion]) -> None:
    bounds = query.filter.bounds
    if len(bounds) > _MOST_BOUNDS:
        raise InvalidInput.of("filter.metrics", f"has {len(bounds)} ranges; give at most {_MOST_BOUNDS}")
    known = {name for version in versions for name in version.metrics}
    violations = [
        FieldViolation(f"filter.metrics[{place}].{field}", problem)
        for place, bound in enumerate(bounds)
        for field, problem in _problems(bound, known)
    ]
    if query.order.by not in {BY_VERSION, BY_TIME} and _unknown(query.order.by, known):
        violations.append(FieldViolation("order.by", f"must be version, create_time or one of {_listed(known)}"))
    if violations:
        raise InvalidInput(violations)


def _problems(bound: MetricBound, known: set[str]) -> list[tuple[str, str]]:
    ends = {name: end for name, end in (("minimum", bound.minimum), ("maximum", bound.maximum)) if end is not None}
    problems = [(name, "must be a number") for name, end in ends.items() if math.isnan(end)]
    if not ends:
        problems.append(("minimum", "set minimum, maximum or both"))
    if _unknown(bound.metric, known):
        problems.append(("metric", f"must be one of {_listed(known)}"))
    return problems


def _unknown(metric: str, known: set[str]) -> bool:
    # A model without versions has no metric at all, and its empty list is the right answer.
    return metric not in known and bool(known or not metric)


def _listed(known: set[str]) -> str:
    return ", ".join(sorted(known)) or "the metrics that a training reports"


def _rank_in(position: str, query: VersionQuery) -> _Rank:
    try:
        digest, absent, figure, number = json.loads(position)
        rank = bool(absent), float(figure), int(number)
    except (ValueError, TypeError) as error:
        raise _foreign() from error
    if digest != query.digest:
        raise _foreign()
    return rank


def _foreign() -> InvalidInput:
    return InvalidInput.of("page_token", "is not a token of this list; leave it empty to start anew")
