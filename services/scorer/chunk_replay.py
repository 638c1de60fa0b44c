"""A stored chunk beside what its bundle says now."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.types.v1 import prediction_pb2
from services.scorer.chunk_recording import columns_of, determined_chunk
from services.scorer.domain.chunks import score_rows
from services.scorer.domain.differences import Difference, differing, differing_lists, differing_nearly
from services.scorer.messages import wish_from_proto
from shared.bundle.reading import Bundle
from shared.prediction_record.chunks import chunk_answers

_COLUMNS: Final = ("probabilities", "margins", "decisions")


def chunk_differences(
    stored: prediction_pb2.DecisionPart, values: NDArray[np.float64], bundle: Bundle
) -> Iterator[Difference]:
    """Yield what differs between a chunk's record and the answers about its inputs, (n_answered, n_features), now.

    Contributions are in no record of a chunk, so that they cannot differ. The chunk's columns must fit each other.
    """
    wish, answers = wish_from_proto(stored), chunk_answers(stored.chunk)
    computed, columns = determined_chunk(bundle, wish), columns_of(score_rows(bundle, values, wish), answers.positions)
    yield from differing("threshold", stored.threshold, computed.threshold)
    for name in _COLUMNS:
        before, now = getattr(answers, name), getattr(columns, name)
        if before.tobytes() != now.tobytes():
            yield from differing_lists(f"chunk.{name}", before.tolist(), now.tolist())
    compare = differing if stored.kernel_id == bundle.kernel_id else differing_nearly
    for name in ("baseline", "baseline_probability"):
        yield from compare(name, getattr(stored, name), getattr(computed, name))
