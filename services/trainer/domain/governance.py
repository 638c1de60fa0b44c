"""Which version serves and which may go: who may move an alias on what knowledge, and what a deletion must leave."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.trainer.domain.versions import AliasMove, ModelVersion, VersionRegistry
from shared.bundle.dataset import StandIn
from shared.errors import FieldViolation, InvalidInput, Precondition

CHAMPION, CHALLENGER = "champion", "challenger"
_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,63}")
_VERSION_LIKE = re.compile(r"v?[0-9]+|latest", re.IGNORECASE)
_LONGEST_REASON = 500


@dataclass(frozen=True)
class AliasWish:
    """The wish to point an alias to a version, or to take it away; `etag` is what was seen, empty if nothing."""

    model: str
    version: int
    alias: str
    etag: str
    reason: str
    approver: str


def promote(registry: VersionRegistry, wish: AliasWish, *, authors: Collection[str], time: datetime) -> None:
    """Point the alias to the version; a challenger that becomes champion loses that alias.

    `authors` are the verified callers that had the version made; they may call it a challenger, which decides nothing.
    Raises InvalidInput for an alias that reads like a version or a reason that is too long, and Precondition
    ETAG_MISMATCH, NOT_PROMOTABLE or SAME_APPROVER. Two calls at once must be kept apart by the caller.
    """
    _check(wish)
    version = registry.get(wish.model, str(wish.version))
    check_etag(version, wish.etag)
    _check_promotable(version)
    if wish.approver in authors and wish.alias != CHALLENGER:
        raise Precondition(
            "whoever had a version made cannot approve it; let somebody else promote it",
            reason="SAME_APPROVER",
            metadata={"model": wish.model, "version": str(wish.version)},
        )
    registry.write_move(version, AliasMove(wish.alias, wish.approver, wish.reason, time))
    if wish.alias == CHAMPION and CHALLENGER in version.aliases:
        registry.write_move(version, AliasMove(CHALLENGER, wish.approver, "became champion", time, removed=True))


def demote(registry: VersionRegistry, wish: AliasWish, *, time: datetime) -> None:
    """Take the alias from the version; raises as `promote` does, and Precondition ALIAS_ELSEWHERE."""
    _check(wish)
    version = registry.get(wish.model, str(wish.version))
    check_etag(version, wish.etag)
    if wish.alias not in version.aliases:
        raise Precondition(
            f"the alias {wish.alias!r} does not point to version {wish.version}; read the model's versions again",
            reason="ALIAS_ELSEWHERE",
            metadata={"model": wish.model, "version": str(wish.version), "alias": wish.alias},
        )
    registry.write_move(version, AliasMove(wish.alias, wish.approver, wish.reason, time, removed=True))


def check_etag(version: ModelVersion, etag: str) -> None:
    """Raise Precondition ETAG_MISMATCH if an alias has moved since the etag was read; an empty one passes."""
    if etag and etag != version.etag:
        raise Precondition(
            "an alias of the model has moved since the etag was read; read the model's versions again and decide anew",
            reason="ETAG_MISMATCH",
            metadata={"model": version.model},
        )


def check_reason(reason: str) -> None:
    """Raise InvalidInput for a reason that is too long."""
    violations = _reason_violations(reason)
    if violations:
        raise InvalidInput(violations)


def check_version_deletable(version: ModelVersion) -> None:
    """Raise Precondition unless no alias points, or ever pointed, to the version.

    Whoever was decided on by a version may ask years later why; that takes its bundle.
    """
    metadata = {"model": version.model, "version": str(version.version)}
    if version.aliases:
        raise Precondition(
            f"{', '.join(version.aliases)} points to this version; promote another one first",
            reason="VERSION_HAS_ALIAS",
            metadata=metadata,
        )
    if version.alias_moves:
        raise Precondition(
            "this version was promoted once, and decisions it made must stay explainable; it is kept",
            reason="VERSION_WAS_PROMOTED",
            metadata=metadata,
        )


def check_dataset_deletable(
    dataset: str, versions: Sequence[ModelVersion], stand_ins: Mapping[str, StandIn] | None = None
) -> None:
    """Raise Precondition if a registered version was trained on the data set: without it, none can be audited.

    Raises it as well if scorers of a model take applicants from it, by `stand_ins`, in place of those of another.
    """
    for model, told in (stand_ins or {}).items():
        if told.dataset.id == dataset != told.instead_of:
            raise Precondition(
                f"applicants of {model} are scored by it in place of {told.instead_of}; refresh them from another data "
                "set first, which may be the champion's own",
                reason="DATASET_STANDS_IN",
                metadata={"dataset": dataset, "model": model},
            )
    if versions:
        names = ", ".join(f"{version.model}/{version.version}" for version in versions[:5])
        kept = any(version.aliases or version.alias_moves for version in versions)
        remedy = "one of them was promoted, so the data set is kept" if kept else "delete them first"
        raise Precondition(
            f"{len(versions)} registered version(s) were trained on it, such as {names}; {remedy}",
            reason="DATASET_HAS_VERSIONS",
            metadata={"dataset": dataset, "versions": str(len(versions))},
        )


def _check(wish: AliasWish) -> None:
    violations = []
    if not _ALIAS.fullmatch(wish.alias) or _VERSION_LIKE.fullmatch(wish.alias):
        rule = "must be 1 to 63 letters, digits, - or _, and neither a version number nor 'latest'"
        violations.append(FieldViolation("alias", rule))
    violations += _reason_violations(wish.reason)
    if violations:
        raise InvalidInput(violations)


def _reason_violations(reason: str) -> list[FieldViolation]:
    if len(reason) <= _LONGEST_REASON:
        return []
    return [FieldViolation("reason", f"must have at most {_LONGEST_REASON} characters")]


def _check_promotable(version: ModelVersion) -> None:
    if version.promotion_obstacle:
        raise Precondition(
            f"this version must not be promoted: {version.promotion_obstacle}",
            reason="NOT_PROMOTABLE",
            metadata={"model": version.model, "version": str(version.version)},
        )
