"""Segments as scorers seal them: applicants with 200 features each, every decision with the reasons of all of them."""

import datetime as dt
import uuid
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from counterfoil.types.v1 import prediction_pb2
from shared.prediction_record.chain import genesis_hash, personal_digest, record_hash, segment_digest

FEATURES = tuple(f"FEATURE_{place}" for place in range(200))
MODEL_VERSION = "models/credit-default/versions/1"
BUNDLE_DIGEST = "b" * 64
MISSING_SHARE = 0.3
TIME = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def seal_segments(instance: str, *, rows: int, segment_rows: int, seed: int) -> Iterator[prediction_pb2.Segment]:
    """Yield the consecutive segments of an instance, `rows` seeded records in all and `segment_rows` in each."""
    random = np.random.default_rng(seed)
    number, sequence, previous = 0, 0, genesis_hash(instance)
    while sequence < rows:
        number += 1
        segment = prediction_pb2.Segment(instance=instance, number=number, previous_hash=previous)
        for _ in range(min(segment_rows, rows - sequence)):
            sequence += 1
            record = _record(random, sequence)
            record.hash = previous = record_hash(previous, sequence, record.decision_part)
            segment.records.append(record)
        segment.digest = segment_digest(segment)
        yield segment


def _record(random: np.random.Generator, sequence: int) -> prediction_pb2.PredictionRecord:
    salt = random.bytes(16)
    personal = prediction_pb2.PersonalPart(
        applicant_id=str(100_000 + sequence), values=_values(random).tolist(), request_id=str(sequence)
    ).SerializeToString(deterministic=True)
    return prediction_pb2.PredictionRecord(
        sequence=sequence, decision_part=_decision_part(random, salt, personal), personal_part=personal, salt=salt
    )


def _values(random: np.random.Generator) -> NDArray[np.float64]:
    """Return amounts, counts and ratios (n_features,), rounded as data of tables is, some of them missing."""
    values = random.normal(size=len(FEATURES)).round(4)
    values[random.random(len(FEATURES)) < MISSING_SHARE] = np.nan
    return values


def _decision_part(random: np.random.Generator, salt: bytes, personal: bytes) -> bytes:
    decision = prediction_pb2.DecisionPart(
        layout_version=1,
        prediction_id=str(uuid.UUID(bytes=random.bytes(16), version=4)),
        model_version=MODEL_VERSION,
        bundle_digest=BUNDLE_DIGEST,
        kernel_id="trees-1",
        purpose=prediction_pb2.PURPOSE_DECISION,
        caller="unverified",
        method="Score",
        probability=random.random(),
        margin=random.normal(),
        baseline=-2.0,
        threshold=0.1,
        decision=prediction_pb2.DECISION_APPROVE,
        reason_features=random.permutation(len(FEATURES)).tolist(),
        reason_contributions=random.normal(size=len(FEATURES)).tolist(),
        personal_digest=personal_digest(salt, personal),
    )
    decision.create_time.FromDatetime(TIME)
    return decision.SerializeToString(deterministic=True)
