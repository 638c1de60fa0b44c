"""Segments of seeded predictions, sealed as a scorer seals them."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from counterfoil.types.v1 import prediction_pb2
from shared.prediction_record.chain import genesis_hash, personal_digest, record_hash, segment_digest

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Spool:
    """An instance's log as far as it was sealed; `seal` returns the next segment and the spool after it."""

    instance: str = "spool-1"
    number: int = 0
    sequence: int = 0
    last_hash: bytes = b""

    def seal(
        self,
        values: np.ndarray,
        *,
        model_version: str = "models/credit-default/versions/1",
        bundle_digest: str = "b" * 64,
        purposes: Sequence[int] | None = None,
        time: dt.datetime = NOW,
    ) -> tuple[prediction_pb2.Segment, "Spool"]:
        """Return a segment of one record per row of values (n_rows, n_features), NaN being missing."""
        previous = self.last_hash or genesis_hash(self.instance)
        segment = prediction_pb2.Segment(instance=self.instance, number=self.number + 1, previous_hash=previous)
        for offset, row in enumerate(values):
            purpose = purposes[offset] if purposes is not None else prediction_pb2.PURPOSE_DECISION
            sequence = self.sequence + 1 + offset
            record = _record(self.instance, sequence, row, time + dt.timedelta(seconds=offset))
            decision = prediction_pb2.DecisionPart.FromString(record.decision_part)
            decision.model_version, decision.bundle_digest = model_version, bundle_digest
            decision.purpose = prediction_pb2.Purpose.ValueType(purpose)
            record.decision_part = decision.SerializeToString(deterministic=True)
            record.hash = previous = record_hash(previous, sequence, record.decision_part)
            segment.records.append(record)
        segment.digest = segment_digest(segment)
        after = replace(self, number=segment.number, sequence=self.sequence + len(values), last_hash=previous)
        return segment, after


def seeded_values(rows: int, features: int = 3, seed: int = 0) -> np.ndarray:
    """Return standard normal values (rows, features)."""
    return np.random.default_rng(seed).normal(size=(rows, features))


def _record(instance: str, sequence: int, row: np.ndarray, create_time: dt.datetime) -> prediction_pb2.PredictionRecord:
    salt = sequence.to_bytes(16, "big")
    personal = prediction_pb2.PersonalPart(
        applicant_id=f"applicant-{sequence}", application_number=f"application-{sequence}", values=row.tolist()
    )
    personal_part = personal.SerializeToString(deterministic=True)
    probability = 1 / (1 + float(np.exp(-np.nansum(row))))
    # Halves, so that no contribution gives an input away.
    contributions = np.nan_to_num(row) / 2
    ranked = np.argsort(-np.abs(contributions), kind="stable").tolist()
    decision = prediction_pb2.DecisionPart(
        layout_version=1,
        prediction_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{instance}/{sequence}")),
        kernel_id="linear-1",
        caller="unverified",
        method="Score",
        probability=probability,
        margin=float(np.nansum(row)),
        threshold=0.5,
        decision=prediction_pb2.DECISION_REFUSE if probability >= 0.5 else prediction_pb2.DECISION_APPROVE,
        reason_features=ranked,
        reason_contributions=contributions[ranked],
        principal_reason_codes=[f"R{position}" for position in ranked if contributions[position] > 0],
        imputed_features=np.flatnonzero(np.isnan(row)).tolist(),
        personal_digest=personal_digest(salt, personal_part),
    )
    decision.create_time.FromDatetime(create_time)
    return prediction_pb2.PredictionRecord(
        sequence=sequence,
        decision_part=decision.SerializeToString(deterministic=True),
        personal_part=personal_part,
        salt=salt,
    )


def numbered(segment: prediction_pb2.Segment, number: int) -> prediction_pb2.Segment:
    """Return the segment sealed under another number, its records as they are."""
    renumbered = prediction_pb2.Segment()
    renumbered.CopyFrom(segment)
    renumbered.number = number
    renumbered.digest = segment_digest(renumbered)
    return renumbered


def decisions_of(segment: prediction_pb2.Segment) -> list[prediction_pb2.DecisionPart]:
    """Return the parsed decision part of each record, verified or not."""
    return [prediction_pb2.DecisionPart.FromString(record.decision_part) for record in segment.records]
