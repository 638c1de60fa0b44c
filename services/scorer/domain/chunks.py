"""Rows by the thousand: columns of answers in place of one answer a row."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scorer.domain.reasons import Detail, Wish
from services.scorer.domain.requests import Purpose
from services.scorer.domain.serving import Served, SplitRows
from shared.bundle.reading import Bundle
from shared.bundle.reasons import ReasonGroups
from shared.errors import InvalidInput

CHUNK_BYTES: Final = 2 << 20
CHUNK_ROWS: Final = 16_384


@dataclass(frozen=True)
class Order:
    """How all rows of a call are scored, and by whom and what for they were sent."""

    served: Served
    wish: Wish
    purpose: Purpose
    caller: str
    method: str
    as_of_date: str = ""


@dataclass(frozen=True)
class Rows:
    """A chunk: values (n_rows, n_features) with NaN where one is missing, and no applicants or one a row.

    `first_row` is its first row's number within the call. Unless they are `trusted`, values are looked at one by one.
    """

    first_row: int
    values: NDArray[np.float64]
    applicant_ids: list[str]
    trusted: bool = False


@dataclass(frozen=True)
class ResolvedRows:
    """A chunk whose values were looked at: those of the rows at `positions`, and what is wrong with the others."""

    rows: Rows
    positions: NDArray[np.int64]
    values: NDArray[np.float64]
    refusals: dict[int, InvalidInput]


class Numbers(NamedTuple):
    """What a model says of rows: margins and probabilities (n_rows,), contributions (n_rows, n_features) in log-odds.

    There are no rows of contributions where no reasons are wanted.
    """

    margins: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    contributions: NDArray[np.float64]


class ComputedRows(NamedTuple):
    """A chunk whose values were looked at, and what the model says of the rows that it can read."""

    resolved: ResolvedRows
    numbers: Numbers


@dataclass(frozen=True)
class ScoredRows:
    """What a bundle says about rows; each array has one entry for each row that it was asked about, in their order.

    `contributions` have shape (n_rows, n_features), in log-odds, and `scales` turn them into probability; both are
    empty where no reasons are wanted. `sound` marks the rows that have an answer: others' numbers cannot be added up.
    """

    margins: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    refused: NDArray[np.bool_]
    contributions: NDArray[np.float64]
    scales: NDArray[np.float64]
    sound: NDArray[np.bool_]

    def only(self, kept: NDArray[np.bool_]) -> "ScoredRows":
        """Return the answers about the marked rows alone."""
        explained = len(self.contributions) == len(kept)
        return ScoredRows(
            self.margins[kept],
            self.probabilities[kept],
            self.refused[kept],
            self.contributions[kept] if explained else self.contributions,
            self.scales[kept] if explained else self.scales,
            self.sound[kept],
        )


def score_rows(bundle: Bundle, values: NDArray[np.float64], wish: Wish) -> ScoredRows:
    """Return the answers about resolved rows, (n_rows, n_features), NaN where a value is missing.

    `refused` is the decision: the probability reaches the bundle's threshold. Bits are those of the same row alone.
    """
    return _scored(bundle, _numbers(bundle, values, wish))


def _numbers(bundle: Bundle, values: NDArray[np.float64], wish: Wish) -> Numbers:
    """Return what the model says of resolved rows."""
    with np.errstate(over="ignore", invalid="ignore"):
        if wish.detail is Detail.NONE:
            return Numbers(*bundle.predict(values), np.empty((0, values.shape[1])))
        scores = bundle.score(values)
        return Numbers(scores.margins, scores.probabilities, scores.contributions)


def _scored(bundle: Bundle, numbers: Numbers) -> ScoredRows:
    """Return the answers that the model's numbers are."""
    margins, probabilities, contributions = numbers
    sound = np.isfinite(margins) & (probabilities > 0.0) & (probabilities < 1.0)
    scales = np.empty(0)
    if len(contributions):
        sound &= np.isfinite(contributions).all(axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            scales = bundle.scoring.probability_scales(margins, probabilities)
    return ScoredRows(margins, probabilities, probabilities >= bundle.threshold, contributions, scales, sound)


@dataclass(frozen=True)
class ChunkAnswer:
    """The answers about a chunk: `positions` are the rows that have one, `refusals` what is wrong with the others.

    `values`, as resolved, and `scored` are those of the answered rows.
    """

    order: Order
    rows: Rows
    positions: NDArray[np.int64]
    values: NDArray[np.float64]
    scored: ScoredRows
    refusals: dict[int, InvalidInput]

    @property
    def applicant_ids(self) -> list[str]:
        """The applicants of the answered rows, none if none were given."""
        given = self.rows.applicant_ids
        return [given[position] for position in self.positions.tolist()] if given and self.refusals else given


def resolve_chunk(order: Order, rows: Rows) -> ResolvedRows:
    """Return a chunk's rows as the model reads them; a row with a bad value spoils only itself."""
    values, refusals = (rows.values, {}) if rows.trusted else order.served.vectors.resolve_rows(rows.values)
    positions = np.arange(len(values))
    if refusals:
        positions = np.delete(positions, list(refusals))
        values = values[positions]
    return ResolvedRows(rows, positions, values, refusals)


def compute_chunk(order: Order, resolved: ResolvedRows) -> ComputedRows:
    """Return what the model says of a chunk, and nothing else: what makes answers of it has another core's time."""
    return ComputedRows(resolved, _numbers(order.served.bundle, resolved.values, order.wish))


def answer_chunk(order: Order, computed: ComputedRows) -> ChunkAnswer:
    """Return the answers about a chunk; a row that cannot be added up spoils only itself."""
    resolved, numbers = computed
    rows, positions, values, refusals = resolved.rows, resolved.positions, resolved.values, resolved.refusals
    scored = _scored(order.served.bundle, numbers)
    kept = scored.sound
    if kept.all():
        return ChunkAnswer(order, rows, positions, values, scored, refusals)
    refusals = refusals | {position: _not_added_up(position) for position in positions[~kept].tolist()}
    return ChunkAnswer(order, rows, positions[kept], values[kept], scored.only(kept), refusals)


def principal_positions(
    contributions: NDArray[np.float64], most: int, groups: ReasonGroups | None = None
) -> NDArray[np.int32]:
    """Return the features that raised each row's margin most, (n_rows, most), in rank order; -1 where there are fewer.

    Ties stand by position in the schema, and of features that are one reason the heaviest stands for all, as in
    `reasons.rank`.
    """
    weights = contributions if groups is None else groups.sums(contributions)
    order = np.argsort(-weights, axis=1, kind="stable")[:, :most]
    raising = np.take_along_axis(weights, order, axis=1) > 0
    features = order if groups is None else groups.heaviest(contributions, order)
    found = np.full((len(contributions), most), -1, dtype=np.int32)
    found[:, : order.shape[1]] = np.where(raising, features, -1)
    return found


def chunk_rows(n_features: int) -> int:
    """Return how many rows of so many features a chunk may have."""
    return max(1, min(CHUNK_ROWS, CHUNK_BYTES // (8 * n_features)))


def split_chunks(split: SplitRows, *, sample_rows: int, seed: int) -> Iterator[Rows]:
    """Yield a split in chunks, or so many of its rows, drawn by the seed without repetition, in the split's order."""
    chosen = np.arange(len(split.values))
    if 0 < sample_rows < len(chosen):
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, sample_rows, replace=False))
    at_once = chunk_rows(split.values.shape[1])
    for start in range(0, len(chosen), at_once):
        places = chosen[start : start + at_once]
        applicant_ids = [each.decode() for each in split.applicant_ids[places].tolist()]
        yield Rows(start, np.array(split.values[places]), applicant_ids, trusted=True)


def _not_added_up(position: int) -> InvalidInput:
    why = "holds numbers too large for the model to add up; check their units"
    return InvalidInput.of(f"rows[{position}]", why, reason="MARGIN_NOT_FINITE")
