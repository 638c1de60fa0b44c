"""The same model with another threshold: a version of its own, on record like any other."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from services.trainer.domain.decisions import decision_metrics
from services.trainer.domain.scored import Scored
from services.trainer.domain.versions import ModelVersion, ThresholdWish, VersionRegistry
from shared.errors import AlreadyExists, FieldViolation, InvalidInput, Precondition

_REQUEST_LIFE = timedelta(hours=24)
_LONGEST_REQUEST_ID, _LONGEST_REASON = 128, 500
# What is true of the tuned threshold alone.
_OF_TUNING = "cv_unseen_business_cost"


def rethreshold(registry: VersionRegistry, wish: ThresholdWish, *, time: datetime) -> ModelVersion:
    """Return a new version with the base version's model and the threshold, or the one that this request made before.

    Raises InvalidInput, NotFound, AlreadyExists REQUEST_ID_REUSED, and Precondition SAME_THRESHOLD where it is the base
    version's, OUTCOMES_NOT_STORED where that keeps nothing to judge the threshold by. Two calls at once must be kept
    apart by the caller.
    """
    _check(wish)
    earlier = _earlier(registry, wish, time)
    if earlier is not None:
        return earlier
    base = registry.get(wish.model, str(wish.base))
    if base.threshold == wish.threshold:
        raise Precondition(
            f"version {wish.base} has this very threshold; promote it, or choose another threshold",
            reason="SAME_THRESHOLD",
            metadata={"model": wish.model, "version": str(wish.base)},
        )
    scored = {split: registry.scored(base, split) for split in base.scored}
    number = registry.register_rethresholded(base, wish, metrics_at(base, scored, wish.threshold))
    return registry.get(wish.model, str(number))


def metrics_at(base: ModelVersion, scored: Mapping[str, Scored], threshold: float) -> dict[str, float]:
    """Return the version's metrics with those of its decisions as they are at another threshold."""
    metrics = {name: value for name, value in base.metrics.items() if name != _OF_TUNING}
    for split, part in scored.items():
        decided = decision_metrics(part, threshold, base.costs)
        metrics |= {f"{split}_{name}": value for name, value in decided.items()}
    return metrics


def _earlier(registry: VersionRegistry, wish: ThresholdWish, time: datetime) -> ModelVersion | None:
    found = registry.of_request(wish.request) if wish.request else None
    if found is None or time - found.version.create_time > _REQUEST_LIFE:
        return None
    if found.content != wish.content:
        number = str(found.version.version)
        raise AlreadyExists(
            f"this request_id made version {number} with other content; give a new request_id",
            reason="REQUEST_ID_REUSED",
            metadata={"model": wish.model, "version": number},
        )
    return found.version


def _check(wish: ThresholdWish) -> None:
    violations = []
    if not 0.0 < wish.threshold < 1.0:
        violations.append(FieldViolation("threshold", "must be a probability inside (0, 1)"))
    if not wish.reason.strip() or len(wish.reason) > _LONGEST_REASON:
        violations.append(FieldViolation("reason", f"must say why, in 1 to {_LONGEST_REASON} characters"))
    if len(wish.request_id) > _LONGEST_REQUEST_ID:
        violations.append(FieldViolation("request_id", f"must have at most {_LONGEST_REQUEST_ID} characters"))
    if violations:
        raise InvalidInput(violations)
