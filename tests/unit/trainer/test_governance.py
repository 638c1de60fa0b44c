"""An alias moves only on knowledge, by somebody else than the author, and what served is never deleted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.trainer.domain.governance import (
    AliasWish,
    check_dataset_deletable,
    check_etag,
    check_reason,
    check_version_deletable,
    demote,
    promote,
)
from services.trainer.domain.versions import AliasMove, etag_of
from shared.errors import InvalidInput, NotFound, Precondition
from tests.fakes import FakeVersions
from tests.unit.trainer.versions import NOON, version

_WISH = AliasWish("credit-default", 2, "champion", "", "Better in every way.", "CN=risk officer")
_MOVE = AliasMove("champion", "CN=risk officer", "", NOON)


@pytest.fixture
def registry() -> FakeVersions:
    """Return a registry with three versions, the first of which is champion."""
    return FakeVersions([version(1), version(2), version(3)], {"champion": 1})


def _promote(registry: FakeVersions, wish: AliasWish, *authors: str) -> None:
    promote(registry, wish, authors=authors, time=NOON)


def test_promotion_moves_the_alias_and_is_written_down(registry: FakeVersions) -> None:
    """The auditor finds who, why and when."""
    _promote(registry, _WISH)

    promoted = registry.get("credit-default", "champion")
    assert promoted.version == 2
    assert promoted.alias_moves == (AliasMove("champion", "CN=risk officer", "Better in every way.", NOON),)
    assert registry.get("credit-default", "1").aliases == ()


def test_etag_that_was_read_before_another_move_is_refused(registry: FakeVersions) -> None:
    """Two approvers who looked at the same time do not overwrite each other unknowingly."""
    seen = registry.get("credit-default", "2").etag
    _promote(registry, replace(_WISH, etag=seen))

    with pytest.raises(Precondition) as refusal:
        _promote(registry, replace(_WISH, etag=seen, version=3))

    assert refusal.value.reason == "ETAG_MISMATCH"
    assert registry.get("credit-default", "champion").version == 2


def test_alias_that_moved_there_and_back_has_another_etag(registry: FakeVersions) -> None:
    """Equal aliases do not mean that nothing happened."""
    before = registry.get("credit-default", "1").etag

    for number in (2, 1):
        _promote(registry, replace(_WISH, version=number))

    assert registry.get("credit-default", "champion").version == 1
    assert registry.get("credit-default", "1").etag != before


def test_any_alias_of_the_model_changes_the_etag() -> None:
    """A challenger's move counts as well."""
    assert etag_of({"champion": 1}, 1) != etag_of({"champion": 1, "challenger": 5}, 1)


def test_author_cannot_approve(registry: FakeVersions) -> None:
    """Four eyes: somebody else has to look; no alias has moved."""
    with pytest.raises(Precondition) as refusal:
        _promote(registry, _WISH, "CN=analyst", "CN=risk officer")

    assert refusal.value.reason == "SAME_APPROVER"
    assert registry.get("credit-default", "champion").version == 1


def test_author_can_call_a_version_a_challenger(registry: FakeVersions) -> None:
    """A challenger decides nothing; a service that trains can put one up, and no more."""
    _promote(registry, replace(_WISH, alias="challenger"), "CN=risk officer")

    assert registry.get("credit-default", "challenger").version == 2


def test_somebody_else_can_approve(registry: FakeVersions) -> None:
    """Whoever the authors are."""
    _promote(registry, _WISH, "CN=analyst")

    assert registry.get("credit-default", "champion").version == 2


def test_version_with_an_obstacle_is_not_promoted(registry: FakeVersions) -> None:
    """The refusal says what the obstacle is."""
    registry.add(version(4, promotion_obstacle="its reasons are not exact in the features"))

    with pytest.raises(Precondition, match="not exact in the features") as refusal:
        _promote(registry, replace(_WISH, version=4))

    assert refusal.value.reason == "NOT_PROMOTABLE"


def test_challenger_that_becomes_champion_is_no_challenger_any_more(registry: FakeVersions) -> None:
    """Nothing challenges itself; the move is written down as well."""
    _promote(registry, replace(_WISH, alias="challenger"))
    _promote(registry, _WISH)

    promoted = registry.get("credit-default", "2")
    assert promoted.aliases == ("champion",)
    assert [(move.alias, move.removed) for move in promoted.alias_moves] == [
        ("challenger", False),
        ("champion", False),
        ("challenger", True),
    ]


def test_challenger_stays_when_another_version_becomes_champion(registry: FakeVersions) -> None:
    """It goes on challenging the new one."""
    _promote(registry, replace(_WISH, alias="challenger", version=3))
    _promote(registry, _WISH)

    assert registry.get("credit-default", "challenger").version == 3


@pytest.mark.parametrize("alias", ["", "7", "v7", "latest", "a b", "x" * 64])
def test_alias_that_reads_like_a_version_is_refused(registry: FakeVersions, alias: str) -> None:
    """models/m/versions/7 must mean version 7."""
    with pytest.raises(InvalidInput) as refusal:
        _promote(registry, replace(_WISH, alias=alias))

    assert refusal.value.violations[0].field == "alias"


def test_reason_beyond_its_bound_is_refused(registry: FakeVersions) -> None:
    """500 characters are enough for an auditor, whatever is asked."""
    long = replace(_WISH, reason="x" * 501)
    asks: list[Callable[[], None]] = [
        lambda: _promote(registry, long),
        lambda: demote(registry, long, time=NOON),
        lambda: check_reason(long.reason),
    ]

    for ask in asks:
        with pytest.raises(InvalidInput) as refusal:
            ask()
        assert refusal.value.violations[0].field == "reason"
    check_reason("x" * 500)


def test_demotion_takes_the_alias_and_is_written_down(registry: FakeVersions) -> None:
    """The version keeps the memory of it."""
    later = NOON + timedelta(days=1)
    _promote(registry, _WISH)

    demote(registry, replace(_WISH, reason="drift"), time=later)

    assert registry.get("credit-default", "2").alias_moves[-1] == AliasMove(
        "champion", "CN=risk officer", "drift", later, removed=True
    )
    with pytest.raises(NotFound):
        registry.get("credit-default", "champion")


def test_demotion_of_an_alias_that_is_elsewhere_is_refused(registry: FakeVersions) -> None:
    """Nobody takes the champion down by the number of another version."""
    with pytest.raises(Precondition) as refusal:
        demote(registry, _WISH, time=NOON)

    assert refusal.value.reason == "ALIAS_ELSEWHERE"
    assert registry.get("credit-default", "champion").version == 1


def test_demotion_on_old_knowledge_is_refused(registry: FakeVersions) -> None:
    """As for a promotion."""
    with pytest.raises(Precondition) as refusal:
        demote(registry, replace(_WISH, version=1, etag="old"), time=NOON)

    assert refusal.value.reason == "ETAG_MISMATCH"


def test_etag_that_was_not_given_is_not_checked() -> None:
    """Whoever does not look first decides all the same."""
    check_etag(version(1), "")
    check_etag(version(1), version(1).etag)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aliases": ("champion",), "alias_moves": (_MOVE,)}, "VERSION_HAS_ALIAS"),
        ({"aliases": ("shadow",)}, "VERSION_HAS_ALIAS"),
        ({"alias_moves": (_MOVE, replace(_MOVE, removed=True))}, "VERSION_WAS_PROMOTED"),
    ],
)
def test_version_that_serves_or_served_is_kept(changes: dict[str, Any], reason: str) -> None:
    """Whoever it decided on may ask years later why."""
    with pytest.raises(Precondition) as refusal:
        check_version_deletable(version(2, **changes))

    assert refusal.value.reason == reason


def test_version_that_never_had_an_alias_may_go() -> None:
    """Most of what a search leaves behind is that."""
    check_version_deletable(version(2))


@pytest.mark.parametrize(
    ("changes", "remedy"), [({}, "delete them first"), ({"alias_moves": (_MOVE,)}, "the data set is kept")]
)
def test_data_set_of_a_registered_version_is_kept(changes: dict[str, Any], remedy: str) -> None:
    """The remedy depends on whether they may go."""
    with pytest.raises(Precondition, match=remedy) as refusal:
        check_dataset_deletable("ds-1", [version(2, **changes)])

    assert refusal.value.reason == "DATASET_HAS_VERSIONS"
    assert "credit-default/2" in refusal.value.message


def test_data_set_without_versions_may_go() -> None:
    """Nothing rests on it."""
    check_dataset_deletable("ds-1", [])
