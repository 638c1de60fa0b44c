"""Codes for the texts of a column, given out in the order in which the texts turn up."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TextCodes:
    """The code of each text, counted from 0, and the texts that a row has had; a missing text has the code -1."""

    codes: dict[str, int] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts in the order of their codes."""
        return tuple(self.codes)

    @property
    def levels(self) -> tuple[str, ...]:
        """The texts that a row has had, sorted by code point."""
        return tuple(sorted(self.seen))

    @classmethod
    def of(cls, texts: Iterable[str]) -> "TextCodes":
        """Return codes for these texts, in their order; none of them has been seen."""
        return cls({text: place for place, text in enumerate(texts)})

    def meet(self, codes: Iterable[int]) -> None:
        """Take it that rows have the texts of these codes."""
        texts = self.texts
        self.seen.update(texts[code] for code in codes)

    def code(self, text: str) -> int:
        """Return the text's code, a new one if it has none yet."""
        return self.codes.setdefault(text, len(self.codes))

    def take(self, texts: Iterable[str]) -> NDArray[np.int16]:
        """Return the codes of texts that rows have."""
        found = list(texts)
        self.seen.update(found)
        return np.array([self.code(text) for text in found], dtype=np.int16)
