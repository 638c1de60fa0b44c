"""The compiled writer of answers: how it is called."""

import ctypes
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from services.scorer.domain.reasons import Wish
from services.scorer.messages import explain_to_proto
from services.scorer.rendering.library import Compiled, Strings, compiled, strings
from services.scorer.rendering.writing import (
    RANDOM_BYTES,
    UUID_BYTES,
    Frame,
    Occasion,
    PlainWriter,
    Said,
    Writer,
    Written,
)
from shared.bundle.reading import Bundle
from shared.bundle.reasons import ReasonGroups
from shared.bundle.wording import worded


def writer_of(bundle: Bundle) -> Writer:
    """Return what writes the bundle's answers, compiled where that can be had; the bytes are the same."""
    library = compiled()
    return PlainWriter(bundle) if library is None else NativeWriter(library, bundle)


class _Texts(ctypes.Structure):
    """`Texts` of rendering.cpp."""

    _fields_ = (("bytes", ctypes.c_char_p), ("starts", ctypes.c_void_p))


class _Wording(ctypes.Structure):
    """`Wording` of rendering.cpp."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("n_features", "n_reasons")),
        ("reasons", ctypes.c_void_p),
        *((name, _Texts) for name in ("names", "codes", "held", "lacking")),
        *((name, ctypes.c_double) for name in ("baseline", "threshold", "baseline_probability")),
    )


class _Rows(ctypes.Structure):
    """`Rows` of rendering.cpp."""

    _fields_ = (
        ("n_rows", ctypes.c_int64),
        *(
            (name, ctypes.c_void_p)
            for name in (
                "values",
                "contributions",
                "margins",
                "probabilities",
                "scales",
                "imputed",
                "sound",
                "explain",
                "most",
            )
        ),
    )


class _Frames(ctypes.Structure):
    """`Frames` of rendering.cpp."""

    _fields_ = (
        ("digests", ctypes.c_void_p),
        *((name, Strings) for name in ("alike", "replies", "records", "persons")),
        ("randomness", ctypes.c_char_p),
    )


class NativeWriter:
    """Writes what one bundle says, without holding up other threads; any number of them may call it at once."""

    def __init__(self, library: Compiled, bundle: Bundle) -> None:
        self._library = library
        self._kept: list[NDArray[np.generic]] = []
        self._wording = self._worded(bundle)

    def write(self, said: Said, frames: Sequence[Frame], occasion: Occasion, randomness: bytes) -> list[Written]:
        """Return the answer about each row. Raises MemoryError."""
        values, scored, wishes = said
        scores = scored.scores
        wanted = np.array([_wanted(wish) for wish in wishes], dtype=np.int32).T.copy()
        ends = np.empty(3 * len(values), dtype=np.int64)
        arrays = (
            values,
            scores.contributions,
            scores.margins,
            scores.probabilities,
            scored.scales,
            scores.imputed,
            scored.sound,
            *wanted,
        )
        rows = _Rows(len(values), *(each.ctypes.data for each in arrays))
        texts = [strings(each) for each in (occasion, *zip(*frames, strict=True))]
        framed = _Frames(self._library.digests, *(each for each, _ in texts), randomness)
        written = self._library.answers(
            ctypes.addressof(self._wording), ctypes.addressof(rows), ctypes.addressof(framed), ends.ctypes.data
        )
        if written is None:
            raise MemoryError
        return _cut(written, ends.tolist(), randomness)

    def _worded(self, bundle: Bundle) -> _Wording:
        features = bundle.schema.features
        codes = [feature.reason for feature in features]
        groups = ReasonGroups(codes)
        return _Wording(
            len(features),
            len(groups.members),
            self._keep(groups.reasons.tolist(), np.int32),
            self._texts([feature.name for feature in features]),
            self._texts(codes),
            self._texts([worded(feature, 1.0) for feature in features]),
            self._texts([worded(feature, 0.0) for feature in features]),
            bundle.scoring.baseline,
            bundle.threshold,
            bundle.scoring.baseline_probability,
        )

    def _texts(self, texts: Sequence[str]) -> _Texts:
        encoded = [text.encode() for text in texts]
        return _Texts(b"".join(encoded), self._keep([0, *accumulate(map(len, encoded))], np.int64))

    def _keep(self, numbers: Sequence[int], kind: type[np.int32] | type[np.int64]) -> int:
        """Return the address of the numbers in memory that lives as long as this."""
        self._kept.append(np.array(numbers, dtype=kind))
        return self._kept[-1].ctypes.data


def _cut(written: int, ends: Sequence[int], randomness: bytes) -> list[Written]:
    """Return the answers that were written there."""
    content = ctypes.string_at(written, ends[-1])
    cuts = [0, *ends]
    return [
        Written(
            content[cuts[place] : cuts[place + 1]],
            content[cuts[place + 1] : cuts[place + 2]],
            content[cuts[place + 2] : cuts[place + 3]],
            randomness[row * RANDOM_BYTES + UUID_BYTES : (row + 1) * RANDOM_BYTES],
        )
        for row, place in enumerate(range(0, len(ends), 3))
    ]


def _wanted(wish: Wish) -> tuple[int, int]:
    return explain_to_proto(wish), wish.principal
