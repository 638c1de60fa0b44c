"""What people see of a data set: its splits, its tables, and what cleaning made of its columns."""

from collections.abc import Iterable

from rich.console import RenderableType

from counterfoil.cli.views.cleaning import rules_view
from counterfoil.cli.views.jobs import job_facts, state_word
from counterfoil.cli.views.layout import ABSENT, facts, figure, identifier, listing, moment, share, stacked, whole, word
from counterfoil.trainer.v1 import dataset_pb2

_WithAbsence = dataset_pb2.CleaningOptions | dataset_pb2.ColumnFate | dataset_pb2.ValueBounds


def dataset_view(dataset: dataset_pb2.Dataset) -> RenderableType:
    """Return what was made of what, and its splits."""
    return stacked(
        facts([*_head(dataset), *job_facts(dataset.job), *_result(dataset)]),
        _splits(dataset.splits) if dataset.splits else None,
    )


def dataset_report_view(dataset: dataset_pb2.Dataset) -> RenderableType:
    """Return the same with what was found of each table, and how many columns each cleaning rule dropped."""
    return stacked(
        facts([*_head(dataset), *job_facts(dataset.job), *_result(dataset)]),
        _splits(dataset.splits) if dataset.splits else None,
        _tables(dataset.tables) if dataset.tables else None,
        rules_view(dataset.columns) if dataset.columns else None,
    )


def dataset_list_view(datasets: Iterable[dataset_pb2.Dataset]) -> RenderableType:
    """Return one line for each data set."""
    rows = [
        (
            identifier(dataset.name),
            dataset.display_name,
            state_word(dataset.job),
            ", ".join(whole(split.rows) for split in dataset.splits) or ABSENT,
            f"{dataset.kept_feature_count} of {dataset.feature_count}" if dataset.feature_count else ABSENT,
            moment(dataset.job.create_time),
        )
        for dataset in datasets
    ]
    return listing(("data set", "name", "state", "train, test, production", "columns kept", "created"), rows)


def _head(dataset: dataset_pb2.Dataset) -> list[tuple[str, str]]:
    options = dataset.options
    return [
        ("data set", identifier(dataset.name)),
        ("name", dataset.display_name),
        *_source(dataset),
        ("barred", ", ".join(dataset.barred_columns)),
        ("imputation", word(dataset_pb2.Imputation.DESCRIPTOR, options.imputation)),
        ("largest missing share", _present(options, "max_missing_share")),
        ("largest correlation", _present(options, "max_abs_correlation")),
        ("smallest variance", _present(options, "min_variance")),
        ("largest eta² with the target", _present(options, "max_target_eta_squared")),
        ("largest Cramér's V with the target", _present(options, "max_target_cramers_v")),
        ("largest Cramér's V between variables", _present(options, "max_categorical_association")),
        ("test share", f"{share(dataset.test_share)}, seed {dataset.seed}"),
    ]


def _source(dataset: dataset_pb2.Dataset) -> list[tuple[str, str]]:
    prepared = dataset.prepared
    default = f" = {prepared.positive}" if prepared.positive else ""
    return [
        ("tables", dataset.home_credit.directory),
        ("features", _features(dataset.home_credit)),
        ("prepared table", prepared.path),
        ("identifier", prepared.id_column),
        ("default", f"{prepared.target_column}{default}"),
        ("bounds", ", ".join(_bounds_text(column, prepared.bounds[column]) for column in sorted(prepared.bounds))),
    ]


def _features(tables: dataset_pb2.HomeCreditTables) -> str:
    # A prepared table's columns are its features.
    return word(dataset_pb2.FeatureSet.DESCRIPTOR, tables.features) if tables.features else ""


def _bounds_text(column: str, bounds: dataset_pb2.ValueBounds) -> str:
    return f"{column} {_present(bounds, 'minimum')}:{_present(bounds, 'maximum')}"


def _result(dataset: dataset_pb2.Dataset) -> list[tuple[str, str]]:
    if not dataset.digest:
        return []
    cost = dataset.baseline_metrics.get("test_business_cost")
    return [
        ("columns", f"{dataset.kept_feature_count} kept of {dataset.feature_count}"),
        ("applications left out", whole(dataset.dropped_applications) if dataset.dropped_applications else ""),
        ("cost to beat", "" if cost is None else f"{cost:.4f} per applicant (DummyClassifier on test)"),
        ("MLflow experiment", dataset.experiment_id),
        ("digest", dataset.digest),
    ]


def _splits(splits: Iterable[dataset_pb2.SplitReport]) -> RenderableType:
    rows = [
        (
            word(dataset_pb2.Split.DESCRIPTOR, split.split),
            whole(split.rows),
            whole(split.defaults) if split.HasField("defaults") else ABSENT,
            share(split.defaults / split.rows) if split.HasField("defaults") and split.rows else ABSENT,
        )
        for split in splits
    ]
    return listing(
        ("split", "applicants", "defaults", "share"), rows, title="splits", right=("applicants", "defaults", "share")
    )


def _tables(tables: Iterable[dataset_pb2.TableReport]) -> RenderableType:
    rows = [
        (
            table.table,
            table.format if table.present else "absent: its features are left out",
            whole(table.rows),
            ", ".join(table.ignored_columns),
        )
        for table in tables
    ]
    return listing(("table", "format", "rows", "ignored columns"), rows, title="tables", right=("rows",))


def _present(message: _WithAbsence, field: str) -> str:
    # Only optional numbers come here: absent is told apart from zero.
    return figure(getattr(message, field)) if message.HasField(field) else ""  # type: ignore[arg-type]
