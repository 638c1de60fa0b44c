"""What people see of model versions."""

from collections.abc import Iterable

from rich.console import RenderableType

from counterfoil.cli.views.layout import ABSENT, facts, identifier, listing, moment, short_version, stacked
from counterfoil.cli.views.metrics import by_split, metrics_table
from counterfoil.trainer.v1 import training_pb2


def model_version_view(version: training_pb2.ModelVersion) -> RenderableType:
    """Return one version with its metrics by split."""
    return stacked(
        facts(
            [
                ("model version", version.name),
                ("aliases", ", ".join(version.aliases) or "none"),
                ("classifier", version.classifier),
                ("threshold", f"{version.threshold:.4f}"),
                ("model of", version.base_version),
                ("reason", version.reason),
                ("data set", version.dataset),
                ("training job", version.training_job),
                ("registered", moment(version.create_time)),
                ("made by", version.creator),
                ("not to be promoted", version.promotion_obstacle),
                ("MLflow run", version.run_id),
                ("bundle", version.bundle_digest),
                ("etag", version.etag),
            ]
        ),
        alias_moves_view(version.alias_moves) if version.alias_moves else None,
        metrics_table(by_split(version.metrics, ("cv", "train", "test")), title="metrics") if version.metrics else None,
    )


def alias_moves_view(
    moves: Iterable[training_pb2.AliasMove], *, title: str = "aliases given (+) and taken (-)"
) -> RenderableType:
    """Return one line for each move, oldest first."""
    rows = [
        (moment(move.time), f"{'-' if move.removed else '+'} {move.alias}", move.approver, move.reason)
        for move in moves
    ]
    return listing(("time", "alias", "approver", "reason"), rows, title=title)


def model_version_list_view(versions: Iterable[training_pb2.ModelVersion]) -> RenderableType:
    """Return one line for each version."""
    rows = [
        (
            short_version(version.name),
            ", ".join(version.aliases),
            version.classifier,
            identifier(version.dataset),
            f"{version.metrics['cv_auc']:.4f}" if "cv_auc" in version.metrics else ABSENT,
            f"{version.metrics['cv_business_cost']:.4f}" if "cv_business_cost" in version.metrics else ABSENT,
            f"{version.threshold:.4f}",
            moment(version.create_time),
        )
        for version in versions
    ]
    headings = ("version", "aliases", "classifier", "data set", "cv auc", "cv cost", "threshold", "registered")
    return listing(headings, rows, right=("cv auc", "cv cost", "threshold"))
