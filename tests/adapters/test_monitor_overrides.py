"""What persons decided, in a real database."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from services.monitor.adapters.database import open_database
from services.monitor.adapters.overrides import Overrides
from services.monitor.domain.override import OverrideWish
from services.monitor.domain.prediction import PredictionName
from shared.errors import AlreadyExists

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
NAME = PredictionName("models/credit-default/versions/1", "11111111-1111-4111-8111-111111111111")
WISH = OverrideWish(NAME, "APPROVE", "INCOME_PROVEN", "payslips of six months", "officer 7", "CN=desk")


@pytest.fixture
def overrides(tmp_path: Path) -> Iterator[Overrides]:
    """Return the overrides of a new database."""
    database = open_database(f"sqlite:///{tmp_path / 'monitor.db'}")
    yield Overrides(database, lambda: NOW)
    database.close()


def test_overrides_append_and_keep_their_order(overrides: Overrides) -> None:
    """The first stays readable beside the one that counts."""
    overrides.record(WISH)
    overrides.record(replace(WISH, decision="REFUSE"))

    found = overrides.of([NAME])[NAME]

    assert [(each.number, each.wish.decision) for each in found] == [(1, "APPROVE"), (2, "REFUSE")]
    assert (found[0].wish, found[0].create_time) == (WISH, NOW)


def test_a_request_that_is_sent_twice_is_recorded_once(overrides: Overrides) -> None:
    """Whoever lost the answer asks again."""
    wish = replace(WISH, request_id="r-1")

    first, second = overrides.record(wish), overrides.record(wish)

    assert first == second
    assert len(overrides.of([NAME])[NAME]) == 1


def test_another_override_under_the_same_request_is_refused(overrides: Overrides) -> None:
    """It is a mistake of the caller's; another caller's request is another matter."""
    overrides.record(replace(WISH, request_id="r-1"))

    with pytest.raises(AlreadyExists) as refused:
        overrides.record(replace(WISH, request_id="r-1", reason="another"))
    overrides.record(replace(WISH, request_id="r-1", caller="CN=other"))

    assert refused.value.reason == "REQUEST_ID_REUSED"
    assert len(overrides.of([NAME])[NAME]) == 2


def test_overrides_of_other_predictions_are_left_out(overrides: Overrides) -> None:
    """Also of one with the same identifier in another version."""
    elsewhere = replace(NAME, model_version="models/credit-default/versions/2")
    overrides.record(WISH)

    assert overrides.of([elsewhere, replace(NAME, id="2")]) == {}
    assert overrides.of([]) == {}


def test_overrides_recorded_at_once_all_get_a_number(overrides: Overrides) -> None:
    """Ten officers, one prediction."""
    wishes = [replace(WISH, officer=f"officer {place}", request_id=f"r-{place % 5}") for place in range(5)] * 2

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(overrides.record, wishes))

    found = overrides.of([NAME])[NAME]
    assert [each.number for each in found] == [1, 2, 3, 4, 5]
    assert {each.wish.officer for each in found} == {wish.officer for wish in wishes}
