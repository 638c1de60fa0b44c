"""Data sets between messages and the domain."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace

from counterfoil.trainer.v1 import dataset_pb2, inspection_pb2
from services.trainer.domain.cleaning import CleaningOptions, ColumnFate, Imputation, Rule
from services.trainer.domain.dataset import DatasetPlan, plan_from_json
from services.trainer.domain.results import (
    SPLITS,
    DatasetResult,
    SplitName,
    SplitSummary,
    TableSummary,
    dataset_result_from_json,
)
from services.trainer.source_messages import source_from_proto, source_to_proto
from shared.errors import InvalidInput
from shared.jobs.store import Job
from shared.rpc.jobs import job_to_proto

DATASETS = "datasets"

_IMPUTATIONS: Mapping[dataset_pb2.Imputation.ValueType, Imputation] = {
    dataset_pb2.Imputation.Value(f"IMPUTATION_{imputation.value}"): imputation for imputation in Imputation
}
_RULES: Mapping[Rule, dataset_pb2.CleaningRule.ValueType] = {
    rule: dataset_pb2.CleaningRule.Value(f"CLEANING_RULE_{rule.value}") for rule in Rule
}
_SPLITS: Mapping[SplitName, dataset_pb2.Split.ValueType] = {
    name: dataset_pb2.Split.Value(f"SPLIT_{name.upper()}") for name in SPLITS
}
# The optional numbers of the options, which both sides call the same.
_BOUNDS = tuple(field.name for field in fields(CleaningOptions) if field.name != "imputation")


def plan_from_proto(request: dataset_pb2.CreateDatasetRequest) -> DatasetPlan:
    """Return the plan with defaults filled in; raises InvalidInput where a required part is absent."""
    return replace(
        plan_of(request, request.options),
        display_name=request.display_name,
        barred_columns=tuple(request.barred_columns),
    )


def plan_of(
    request: dataset_pb2.CreateDatasetRequest | inspection_pb2.PreviewCleaningRequest,
    options: dataset_pb2.CleaningOptions,
) -> DatasetPlan:
    """Return the plan of a data set, whether or not it is to be made; raises InvalidInput for what is absent."""
    return DatasetPlan(
        source=source_from_proto(request),
        test_share=request.test_share if request.HasField("test_share") else 0.2,
        seed=request.seed,
        cleaning=options_from_proto(options),
    )


def split_from_proto(split: dataset_pb2.Split.ValueType, *, field: str) -> SplitName:
    """Return the split's name; raises InvalidInput about the field where none is chosen."""
    found = next((name for name, number in _SPLITS.items() if number == split), None)
    if found is None:
        raise InvalidInput.of(field, f"say which split: {', '.join(name.upper() for name in _SPLITS)}")
    return found


def plan_from_payload(payload: str) -> DatasetPlan:
    """Return the plan in a job's payload, the JSON of `DatasetPlan.to_json`."""
    return plan_from_json(json.loads(payload))


def dataset_to_proto(job: Job, view: dataset_pb2.DatasetView.ValueType) -> dataset_pb2.Dataset:
    """Return the data set that a job makes or has made; its columns in view FULL only."""
    plan = plan_from_payload(job.payload)
    message = dataset_pb2.Dataset(
        name=f"{DATASETS}/{job.id}",
        display_name=plan.display_name,
        job=job_to_proto(job),
        test_share=plan.test_share,
        seed=plan.seed,
        options=_options_to_proto(plan.cleaning),
        barred_columns=plan.barred_columns,
    )
    message.MergeFrom(source_to_proto(plan.source))
    if job.result is not None:
        result = dataset_result_from_json(json.loads(job.result))
        message.MergeFrom(_result_to_proto(result))
        if view == dataset_pb2.DATASET_VIEW_FULL:
            message.columns.extend(fate_to_proto(fate, plan.cleaning.imputation) for fate in result.columns)
    return message


def options_from_proto(options: dataset_pb2.CleaningOptions) -> CleaningOptions:
    """Return the options; raises InvalidInput where no imputation is chosen."""
    if options.imputation not in _IMPUTATIONS:
        names = ", ".join(imputation.value for imputation in Imputation)
        raise InvalidInput.of("options.imputation", f"say what replaces missing values: {names}")
    return CleaningOptions(
        imputation=_IMPUTATIONS[options.imputation],
        **{field.name: value for field, value in options.ListFields() if field.name in _BOUNDS},
    )


def _options_to_proto(options: CleaningOptions) -> dataset_pb2.CleaningOptions:
    return dataset_pb2.CleaningOptions(
        imputation=dataset_pb2.Imputation.Value(f"IMPUTATION_{options.imputation.value}"),
        **{bound: getattr(options, bound) for bound in _BOUNDS},
    )


def _result_to_proto(result: DatasetResult) -> dataset_pb2.Dataset:
    return dataset_pb2.Dataset(
        splits=[_split_to_proto(name, result.splits[name]) for name in SPLITS],
        tables=[_table_to_proto(table) for table in result.tables],
        feature_count=len(result.columns),
        kept_feature_count=sum(fate.kept for fate in result.columns),
        digest=result.digest,
        experiment_id=result.experiment_id,
        baseline_run_id=result.baseline_run_id,
        baseline_metrics=result.baseline_metrics,
        dropped_applications=result.dropped_applications,
    )


def _split_to_proto(name: SplitName, split: SplitSummary) -> dataset_pb2.SplitReport:
    return dataset_pb2.SplitReport(split=_SPLITS[name], rows=split.rows, defaults=split.defaults, digest=split.digest)


def _table_to_proto(table: TableSummary) -> dataset_pb2.TableReport:
    return dataset_pb2.TableReport(
        table=table.table,
        present=table.present,
        format=table.format,
        rows=table.rows,
        ignored_columns=table.ignored_columns,
        digest=table.digest,
    )


def rule_to_proto(rule: Rule) -> dataset_pb2.CleaningRule.ValueType:
    """Return the rule's number."""
    return _RULES[rule]


def fate_to_proto(fate: ColumnFate, imputation: Imputation) -> dataset_pb2.ColumnFate:
    """Return what became of a column; a value stands in for missing ones only where imputation was asked for."""
    return dataset_pb2.ColumnFate(
        column=fate.column,
        kept=fate.kept,
        rule=_RULES[fate.rule] if fate.rule else dataset_pb2.CLEANING_RULE_UNSPECIFIED,
        figure=fate.figure,
        bound=fate.bound,
        partner=fate.partner,
        missing_share=fate.missing_share,
        imputation_value=None if imputation is Imputation.NONE else fate.fallback,
        variable=fate.variable,
        chi_squared=fate.chi_squared,
    )
