"""The compiled renderer: how it is found and called."""

import ctypes
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.scorer.domain.reasons import Wish
from services.scorer.domain.scoring import Scored
from services.scorer.messages import explain_to_proto
from services.scorer.rendering.library import LIBRARY
from services.scorer.rendering.parts import Parts, PlainRenderer, Renderer
from shared.bundle.reading import Bundle
from shared.bundle.reasons import ReasonGroups
from shared.bundle.wording import worded


def renderer_of(bundle: Bundle) -> Renderer:
    """Return what writes the bundle's answers, compiled where that can be had; the bytes are the same."""
    library = LIBRARY.find()
    return PlainRenderer(bundle) if library is None else NativeRenderer(library, bundle)


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


class NativeRenderer:
    """Writes what one bundle says, without holding up other threads; any number of them may call it at once."""

    def __init__(self, library: Path, bundle: Bundle) -> None:
        """Load the library that `LIBRARY` found or built."""
        self._call = ctypes.CDLL(str(library)).render
        self._call.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        self._call.restype = ctypes.c_void_p
        self._kept: list[NDArray[np.generic]] = []
        self._wording = self._worded(bundle)

    def render(self, values: NDArray[np.float64], scored: Scored, wishes: Sequence[Wish]) -> list[Parts]:
        """Return the parts of each row. Raises MemoryError."""
        scores = scored.scores
        wanted = np.array([_wanted(wish) for wish in wishes], dtype=np.int32).T.copy()
        ends = np.empty(2 * len(values), dtype=np.int64)
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
        written = self._call(ctypes.addressof(self._wording), ctypes.addressof(rows), ends.ctypes.data)
        if written is None:
            raise MemoryError
        ended = ends.tolist()
        content = ctypes.string_at(written, ended[-1])
        starts = [0, *ended]
        return [
            Parts(content[starts[place] : ended[place]], content[ended[place] : ended[place + 1]])
            for place in range(0, len(ended), 2)
        ]

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


def _wanted(wish: Wish) -> tuple[int, int]:
    return explain_to_proto(wish), wish.principal
