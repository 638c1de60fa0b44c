"""Model versions for tests."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.trainer.domain.versions import ModelVersion

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def version(number: int, metrics: Mapping[str, float] | None = None, **changes: Any) -> ModelVersion:
    """Return a version of credit-default; `changes` replace its fields."""
    made = ModelVersion(
        model="credit-default",
        version=number,
        create_time=NOON + timedelta(hours=number),
        classifier="lightgbm",
        dataset="ds-1",
        training_job=f"tj-{number}",
        run_id=f"run-{number}",
        aliases=(),
        bundle_digest="e" * 64,
        threshold=0.09,
        metrics=dict(metrics or {}),
        etag="tag",
    )
    return replace(made, **changes)
