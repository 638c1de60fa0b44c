"""What the ingest benchmark sends is what scorers send, and a lost or doubled row stops it."""

from pathlib import Path

import pytest

from benchmarks.ingest import refuse_losses
from benchmarks.ingest_segments import FEATURES, TIME, seal_segments
from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.ledger import Ledger
from services.monitor.adapters.log_store import LocalStore


def test_segments_follow_each_other_and_have_every_feature(tmp_path: Path) -> None:
    """The monitor takes them without an alert; each answer names the reasons of all features."""
    segments = list(seal_segments("sender", rows=5, segment_rows=2, seed=1))
    ledger = Ledger(LocalStore(tmp_path), lambda: TIME)

    alerts = [ledger.append(segment).alert for segment in segments]

    record = segments[-1].records[0]
    assert alerts == [None, None, None]
    assert len(prediction_pb2.PersonalPart.FromString(record.personal_part).values) == len(FEATURES)
    assert len(prediction_pb2.DecisionPart.FromString(record.decision_part).reason_features) == len(FEATURES)


def test_a_lost_row_is_an_error(tmp_path: Path) -> None:
    """A figure of rows that are not there would mean nothing."""
    ledger = Ledger(LocalStore(tmp_path), lambda: TIME)
    for segment in seal_segments("sender", rows=4, segment_rows=2, seed=1):
        ledger.append(segment)

    refuse_losses(tmp_path / "ledger", 4)
    with pytest.raises(AssertionError, match="the ledger holds 4 rows, 4 of them distinct, of 5"):
        refuse_losses(tmp_path / "ledger", 5)
