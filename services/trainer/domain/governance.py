"""Which version serves: aliases, who may move them on what knowledge, and the proof of who did."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.errors import FieldViolation, InvalidInput, Precondition

CHAMPION = "champion"
_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,63}")
_VERSION_LIKE = re.compile(r"v?[0-9]+|latest", re.IGNORECASE)
_LONGEST_REASON = 500


@dataclass(frozen=True)
class Promotion:
    """The wish to point an alias to a version; `etag` is what the approver last saw, empty if nothing was seen."""

    model: str
    version: int
    alias: str
    etag: str
    reason: str
    approver: str


class AliasRegistry(Protocol):
    """Where aliases are kept; `moves` counts how often this product has moved an alias of the model."""

    def aliases(self, model: str) -> tuple[Mapping[str, int], int]:
        """Return the aliases of a model with their versions, and the moves so far; raises NotFound."""
        ...

    def move_alias(self, promotion: Promotion, *, moves: int, time: datetime) -> None:
        """Point the alias to the version and write down who, why and when; raises NotFound."""
        ...


def etag_of(aliases: Mapping[str, int], moves: int) -> str:
    """Return a tag that changes whenever an alias moves, also when it moves there and back again."""
    state = json.dumps([sorted(aliases.items()), moves])
    return hashlib.sha256(state.encode()).hexdigest()[:32]


def promote(registry: AliasRegistry, promotion: Promotion, clock: Callable[[], datetime]) -> None:
    """Move the alias, unless one has moved since the approver looked.

    Raises InvalidInput for an alias that reads like a version or a reason that is too long, and Precondition
    ETAG_MISMATCH. Two calls at once must be kept apart by the caller.
    """
    _check(promotion)
    aliases, moves = registry.aliases(promotion.model)
    if promotion.etag and promotion.etag != etag_of(aliases, moves):
        raise Precondition(
            "an alias of the model has moved since the etag was read; read the model's versions again and decide anew",
            reason="ETAG_MISMATCH",
            metadata={"model": promotion.model},
        )
    registry.move_alias(promotion, moves=moves + 1, time=clock())


def _check(promotion: Promotion) -> None:
    violations = []
    if not _ALIAS.fullmatch(promotion.alias) or _VERSION_LIKE.fullmatch(promotion.alias):
        rule = "must be 1 to 63 letters, digits, - or _, and neither a version number nor 'latest'"
        violations.append(FieldViolation("alias", rule))
    if len(promotion.reason) > _LONGEST_REASON:
        violations.append(FieldViolation("reason", f"must have at most {_LONGEST_REASON} characters"))
    if violations:
        raise InvalidInput(violations)
