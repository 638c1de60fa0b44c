"""Where the answers about chunks of rows are recorded, as one record each, before they are told."""

import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from services.scorer.adapters.spool import Receipt, Spool
from services.scorer.chunk_recording import chunk_entry
from services.scorer.domain.chunks import ChunkAnswer
from services.scorer.rendering.writing import UUID_BYTES
from shared.errors import CounterfoilError
from shared.prediction_record.chain import SALT_BYTES

ChunkRowsFailed: TypeAlias = Callable[[str, str, Mapping[int, CounterfoilError]], None]
"""Takes method and caller of a call, and what is wrong with those rows of it that are not answered, by their place."""


@dataclass(frozen=True)
class RecordedChunk:
    """The answers about a chunk, on disk. If every row was refused, nothing was recorded, and there is no receipt."""

    prediction_id: str
    create_time: datetime
    answer: ChunkAnswer
    receipt: Receipt | None


class ChunkDesk:
    """Records chunks in the spool, so that they may be told; any number of threads may ask."""

    def __init__(
        self,
        spool: Spool,
        *,
        clock: Callable[[], datetime],
        rows_failed: ChunkRowsFailed,
        on_recorded: Callable[[], None] = lambda: None,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._spool = spool
        self._clock = clock
        self._rows_failed = rows_failed
        self._on_recorded = on_recorded
        self._random_bytes = random_bytes

    def record(self, answer: ChunkAnswer) -> RecordedChunk:
        """Return the answers about a chunk once they are on disk; its refused rows are handed on as failed ones.

        Raises Exhausted (SPOOL_FULL) or Unavailable (SPOOL_FAILED); then nothing may be told.
        """
        prediction_id = str(uuid.UUID(bytes=self._random_bytes(UUID_BYTES), version=4))
        create_time = self._clock()
        receipt = self._recorded(answer, prediction_id, create_time) if len(answer.positions) else None
        if answer.refusals:
            order, first_row = answer.order, answer.rows.first_row
            errors = {first_row + place: error for place, error in answer.refusals.items()}
            self._rows_failed(order.method, order.caller, errors)
        return RecordedChunk(prediction_id, create_time, answer, receipt)

    def _recorded(self, answer: ChunkAnswer, prediction_id: str, create_time: datetime) -> Receipt:
        salt = self._random_bytes(SALT_BYTES)
        entry = chunk_entry(answer, prediction_id=prediction_id, create_time=create_time, salt=salt)
        receipt = self._spool.append_large(entry)
        self._on_recorded()
        return receipt
