"""Outcomes in the database: stored once, corrected by what was observed later, never forgotten."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from services.monitor.adapters.database import open_database
from services.monitor.adapters.outcome_table import OutcomeTable
from services.monitor.domain.outcome import Logged, Reported, Resolved
from services.monitor.domain.prediction import PredictionName
from shared.database import Database
from tests.unit.monitor.models import MODEL_VERSION
from tests.unit.monitor.segments import NOW

DAY = dt.timedelta(days=1)
MANY = 1_200


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Return a database that nobody has used."""
    database = open_database(f"sqlite:///{tmp_path / 'monitor.db'}")
    yield database
    database.close()


@pytest.fixture
def table(database: Database) -> OutcomeTable:
    """Return a table without outcomes."""
    return OutcomeTable(database, lambda: NOW + 200 * DAY)


def outcome(place: int = 0, *, defaulted: bool = True, days: int = 90, loss: float | None = None) -> Resolved:
    """Return an outcome of the decision that was made `place` minutes after NOW, observed so many days later."""
    name = PredictionName(MODEL_VERSION, f"p-{place}")
    decision = Logged(name, NOW + place * dt.timedelta(minutes=1), "DECISION")
    return Resolved(decision, Reported(name, defaulted, NOW + days * DAY, loss))


def labels(table: OutcomeTable, *, last: dt.datetime = NOW + DAY) -> dict[str, float]:
    """Return the labels that count, by prediction."""
    return dict(table.labels(MODEL_VERSION, NOW, last).iter_rows())


def test_an_outcome_that_is_sent_twice_is_stored_once(table: OutcomeTable) -> None:
    """In two batches or in one; who sends it does not matter."""
    first = table.record([outcome(), outcome()], "bank")
    second = table.record([outcome()], "another")

    assert [each.already_stored for each in first + second] == [False, True, True]
    assert [each.counts for each in first + second] == [True, True, True]
    (kept,) = table.history(outcome().decision.name)
    assert (kept.defaulted, kept.caller, kept.record_time) == (True, "bank", NOW + 200 * DAY)


def test_the_outcome_observed_last_counts_whenever_it_comes(table: OutcomeTable) -> None:
    """Of the same time the one that came last; the others stay on record."""
    table.record([outcome(defaulted=False, days=120)], "bank")

    (earlier,) = table.record([outcome(defaulted=True, days=90)], "bank")
    before = labels(table)
    (same_time,) = table.record([outcome(defaulted=True, days=120, loss=12.5)], "bank")

    assert (earlier.counts, before) == (False, {"p-0": 0.0})
    assert (same_time.counts, labels(table)) == (True, {"p-0": 1.0})
    history = table.history(outcome().decision.name)
    assert [(each.defaulted, each.loss_amount) for each in history] == [(True, 12.5), (False, None), (True, None)]


def test_labels_are_those_of_decisions_between_two_times(table: OutcomeTable) -> None:
    """Both times belong to it; of other model versions there are none."""
    table.record([outcome(place, defaulted=place % 2 == 0) for place in range(5)], "bank")
    other = PredictionName(f"{MODEL_VERSION}2", "p-9")
    table.record([replace(outcome(), decision=Logged(other, NOW, "DECISION"))], "bank")

    assert labels(table, last=NOW + dt.timedelta(minutes=2)) == {"p-0": 1.0, "p-1": 0.0, "p-2": 1.0}
    assert table.labels(MODEL_VERSION, NOW + DAY, NOW + 2 * DAY).is_empty()


def test_a_large_batch_is_one_transaction(table: OutcomeTable) -> None:
    """More decisions than are looked up at once."""
    recorded = table.record([outcome(place) for place in range(MANY)], "bank")

    assert all(each.counts and not each.already_stored for each in recorded)
    assert len(labels(table)) == MANY


def test_callers_at_the_same_time_store_nothing_twice(table: OutcomeTable, database: Database) -> None:
    """Each with a connection of its own, and all with the same outcomes."""
    batch = [outcome(place) for place in range(50)]

    with ThreadPoolExecutor(4) as pool:
        recorded = list(pool.map(lambda _: OutcomeTable(database, table.clock).record(batch, "bank"), range(4)))

    stored = [sum(not each.already_stored for each in results) for results in zip(*recorded, strict=True)]
    assert stored == [1] * 50
    assert len(table.history(batch[0].decision.name)) == 1
