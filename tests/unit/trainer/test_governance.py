"""An alias moves only on knowledge of where it points now."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.trainer.domain.governance import Promotion, etag_of, promote
from shared.errors import InvalidInput, Precondition

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_PROMOTION = Promotion("credit-default", 2, "champion", "", "Better in every way.", "CN=risk officer")


class AliasesInMemory:
    """An alias registry that keeps one model's aliases and what was written down."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {"champion": 1}
        self.count = 0
        self.written: list[tuple[Promotion, datetime]] = []

    def aliases(self, model: str) -> tuple[Mapping[str, int], int]:
        """Return the aliases, whatever the model."""
        assert model == "credit-default"
        return dict(self.known), self.count

    def move_alias(self, promotion: Promotion, *, moves: int, time: datetime) -> None:
        """Remember the move."""
        self.known[promotion.alias] = promotion.version
        self.count = moves
        self.written.append((promotion, time))


def test_a_promotion_moves_the_alias_and_is_written_down() -> None:
    """The auditor finds who, why and when."""
    registry = AliasesInMemory()

    promote(registry, _PROMOTION, lambda: _NOON)

    assert registry.known == {"champion": 2}
    assert registry.written == [(_PROMOTION, _NOON)]


def test_an_etag_that_was_read_before_another_move_is_refused() -> None:
    """Two approvers who looked at the same time do not overwrite each other unknowingly."""
    registry = AliasesInMemory()
    seen = etag_of(*registry.aliases("credit-default"))
    promote(registry, replace(_PROMOTION, etag=seen), lambda: _NOON)

    with pytest.raises(Precondition) as refusal:
        promote(registry, replace(_PROMOTION, etag=seen, version=3), lambda: _NOON)

    assert refusal.value.reason == "ETAG_MISMATCH"
    assert registry.known == {"champion": 2}


def test_an_alias_that_moved_there_and_back_has_another_etag() -> None:
    """Equal aliases do not mean that nothing happened."""
    registry = AliasesInMemory()
    before = etag_of(*registry.aliases("credit-default"))

    for version in (2, 1):
        promote(registry, replace(_PROMOTION, version=version), lambda: _NOON)

    assert registry.known == {"champion": 1}
    assert etag_of(*registry.aliases("credit-default")) != before


def test_any_alias_of_the_model_changes_the_etag() -> None:
    """A challenger's move counts as well."""
    registry = AliasesInMemory()
    before = etag_of(*registry.aliases("credit-default"))

    registry.known["challenger"] = 5

    assert etag_of(*registry.aliases("credit-default")) != before


@pytest.mark.parametrize("alias", ["", "7", "v7", "latest", "a b", "x" * 64])
def test_an_alias_that_reads_like_a_version_is_refused(alias: str) -> None:
    """models/m/versions/7 must mean version 7."""
    with pytest.raises(InvalidInput) as refusal:
        promote(AliasesInMemory(), replace(_PROMOTION, alias=alias), lambda: _NOON)

    assert refusal.value.violations[0].field == "alias"


def test_a_reason_beyond_its_bound_is_refused() -> None:
    """500 characters are enough for an auditor."""
    with pytest.raises(InvalidInput) as refusal:
        promote(AliasesInMemory(), replace(_PROMOTION, reason="x" * 501), lambda: _NOON)

    assert refusal.value.violations[0].field == "reason"
