"""How much is explained when there is more to do than can be done."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from services.scorer.domain.reasons import Detail
from services.scorer.domain.requests import Question
from shared.errors import Exhausted, InvalidInput

Questions = Sequence[Question | InvalidInput]


class Explaining:
    """So many rows with every contribution at once and no more: each takes ten times the bytes of a few reasons.

    `taken` are those on their way. Callers that allow it are told less of the reasons, rather than refused, where there
    is no room for more, and whenever `high_water_rows` are on their way. `on_less` is told of each call for which that
    was done: the detail, and how many rows.
    """

    def __init__(
        self,
        *,
        explained_rows: int,
        high_water_rows: int,
        on_less: Callable[[str, int], None] = lambda _detail, _rows: None,
    ) -> None:
        self._rows = explained_rows
        self._high_water_rows = high_water_rows
        self._on_less = on_less
        self.taken = 0
        self._guard = threading.Lock()

    @contextmanager
    def as_load_allows(self, questions: Questions, on_the_way: int) -> Iterator[Questions]:
        """Give the questions as they are to be answered now, and keep room for contributions while the block runs.

        `on_the_way` counts the rows that all callers wait for. Raises Exhausted (EXPLANATIONS_BUSY) where there is no
        room and a caller takes nothing less.
        """
        now = _with_less(questions, Detail.NONE) if on_the_way >= self._high_water_rows else questions
        if not self._takes(rows := _explained(now)):
            now = _with_less(now, Detail.PRINCIPAL)
            if not self._takes(rows := _explained(now)):
                raise Exhausted(
                    f"{self._rows} rows with all contributions are on their way at most; retry later, or ask for less",
                    reason="EXPLANATIONS_BUSY",
                )
        self._tell(now)
        try:
            yield now
        finally:
            self._give_back(rows)

    def _takes(self, rows: int) -> bool:
        """Return whether there was room for so many rows, which they now have."""
        if not rows:
            return True
        with self._guard:
            fits = self.taken + rows <= self._rows
            self.taken += rows if fits else 0
        return fits

    def _give_back(self, rows: int) -> None:
        if rows:
            with self._guard:
                self.taken -= rows

    def _tell(self, questions: Questions) -> None:
        less = [each.wish.detail for each in questions if isinstance(each, Question) and each.asked is not None]
        if less:
            self._on_less(less[0], len(less))


def _with_less(questions: Questions, most: Detail) -> Questions:
    return [each.with_less(most) if isinstance(each, Question) else each for each in questions]


def _explained(questions: Questions) -> int:
    """Return how many of the rows have every contribution told."""
    return sum([isinstance(each, Question) and each.wish.detail is Detail.ALL for each in questions])
