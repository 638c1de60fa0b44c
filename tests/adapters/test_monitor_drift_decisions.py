"""What drift is told of the log: decisions alone, each once, and after a restart the newest of them."""

import datetime as dt
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters import drift_decisions
from services.monitor.adapters.drift_decisions import DriftHistory
from shared.prediction_record.chain import record_hash, segment_digest
from tests.adapters.test_monitor_projections import Log
from tests.unit.monitor.models import FEATURES, MODEL_VERSION, KnownModels, model_facts
from tests.unit.monitor.segments import NOW, Spool, seeded_values

DECISION, TEST, WHAT_IF, SHADOW = range(1, 5)


def _explained(segment: prediction_pb2.Segment, *parts: dict[int, float]) -> prediction_pb2.Segment:
    """Return the segment sealed anew, its first records with these contributions, the others with their largest."""
    previous = segment.previous_hash
    for record, contributions in itertools.zip_longest(segment.records, parts):
        decision = prediction_pb2.DecisionPart.FromString(record.decision_part)
        if contributions is None:
            del decision.reason_features[1:], decision.reason_contributions[1:]
        else:
            decision.baseline = decision.margin - sum(contributions.values())
            decision.reason_features[:] = list(contributions)
            decision.reason_contributions[:] = list(contributions.values())
        record.decision_part = decision.SerializeToString(deterministic=True)
        record.hash = previous = record_hash(previous, record.sequence, record.decision_part)
    segment.digest = segment_digest(segment)
    return segment


def test_decisions_are_told_and_nothing_else(tmp_path: Path) -> None:
    """With their times, margins and values; a missing one is NaN."""
    values = seeded_values(5)
    values[2, 1] = np.nan
    log = Log(tmp_path, KnownModels(model_facts()))

    log.project(Spool().seal(values, purposes=[DECISION, TEST, DECISION, WHAT_IF, SHADOW])[0])

    (told,) = log.listener.told[MODEL_VERSION]
    assert np.array_equal(told.values, values[[0, 2]], equal_nan=True)
    assert told.margins == pytest.approx(np.nansum(values[[0, 2]], axis=1))
    assert told.times.tolist() == [NOW.timestamp(), NOW.timestamp() + 2]


def test_what_was_told_is_not_told_again(tmp_path: Path) -> None:
    """A segment that is sent twice, or projected again after a crash, is one."""
    segment = Spool().seal(seeded_values(4))[0]
    log = Log(tmp_path, KnownModels(model_facts()))
    log.project(segment, segment)

    (tmp_path / "predictions" / "progress.json").unlink()
    again = Log(tmp_path, KnownModels(model_facts()))
    again.project()

    assert log.listener.values(MODEL_VERSION).shape == (4, 3)
    assert again.listener.values(MODEL_VERSION).shape == (0, 3)


def test_contributions_are_told_where_all_of_them_were_logged(tmp_path: Path) -> None:
    """Those that are not logged are nought, and where only the largest were logged nothing is known."""
    segment = _explained(Spool().seal(seeded_values(3))[0], {2: 0.5, 0: -0.25}, {})
    log = Log(tmp_path, KnownModels(model_facts()))

    log.project(segment)

    (told,) = log.listener.told[MODEL_VERSION]
    assert told.contributions is not None
    assert np.array_equal(told.contributions[:2], [[-0.25, 0.0, 0.5], [0.0, 0.0, 0.0]])
    assert np.isnan(told.contributions[2]).all()


def test_contributions_of_many_decisions_are_looked_at_in_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spread evenly over the batch: a mean needs no more, and parsing is what it costs."""
    monkeypatch.setattr(drift_decisions, "_EXPLAINED_AT_ONCE", 4)
    segment = _explained(Spool().seal(seeded_values(12))[0], *([{1: 1.0}] * 12))
    log = Log(tmp_path, KnownModels(model_facts()))

    log.project(segment)

    (told,) = log.listener.told[MODEL_VERSION]
    assert told.contributions is not None
    assert np.flatnonzero(~np.isnan(told.contributions[:, 0])).tolist() == [0, 3, 6, 9]


def test_history_is_the_newest_decisions_in_the_order_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in pieces, whichever segments and days they came in."""
    monkeypatch.setattr(drift_decisions, "_READ_AT_ONCE", 4)
    log, spools, values = Log(tmp_path, KnownModels(model_facts())), [Spool("a"), Spool("b")], seeded_values(20)
    for place, days in enumerate((3, 1, 2, 0)):
        spool = spools[place % 2]
        made = NOW - dt.timedelta(days=days)
        segment, spools[place % 2] = spool.seal(values[place * 5 : place * 5 + 5], time=made)
        log.project(segment)

    pieces = list(DriftHistory(tmp_path / "predictions", 12).read(MODEL_VERSION, FEATURES))

    assert [len(piece.times) for piece in pieces] == [4, 4, 4]
    times = np.concatenate([piece.times for piece in pieces])
    assert np.array_equal(times, np.sort(times))
    found = np.concatenate([piece.values for piece in pieces])
    assert np.array_equal(found, np.concatenate([values[13:15], values[5:10], values[15:20]]))
    assert all(piece.contributions is None for piece in pieces)


def test_history_knows_which_versions_decided_lately(tmp_path: Path) -> None:
    """By the days of their tables; a version without a table has no history."""
    later = replace(model_facts(), model_version="models/credit-default/versions/2")
    log = Log(tmp_path, KnownModels(model_facts(), later))
    log.project(
        Spool("a").seal(seeded_values(2), time=NOW - dt.timedelta(days=9))[0],
        Spool("b").seal(seeded_values(2), model_version=later.model_version)[0],
    )
    history = DriftHistory(tmp_path / "predictions", 10)

    assert history.model_versions((NOW - dt.timedelta(days=9)).date()) == [MODEL_VERSION, later.model_version]
    assert history.model_versions((NOW - dt.timedelta(days=8)).date()) == [later.model_version]
    assert list(history.read("models/credit-default/versions/3", FEATURES)) == []
    assert log.listener.resumed >= 1
