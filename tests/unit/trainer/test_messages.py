"""Messages become plans and results become messages without losing what absence means."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from services.trainer.dataset_messages import dataset_to_proto
from services.trainer.dataset_messages import plan_from_proto as dataset_plan
from services.trainer.domain.cleaning import CleaningOptions, ColumnFate, Imputation, Rule
from services.trainer.domain.dataset import DatasetPlan, plan_from_json
from services.trainer.domain.governance import AliasWish
from services.trainer.domain.imbalance import Imbalance
from services.trainer.domain.plan import Resampling, TrainingPlan
from services.trainer.domain.preprocessing import Preprocessing
from services.trainer.domain.results import (
    DatasetResult,
    SplitSummary,
    TableSummary,
    TrainingResult,
    TrialSummary,
    dataset_result_from_json,
    training_result_from_json,
)
from services.trainer.domain.sources import HomeCreditTables
from services.trainer.domain.threshold import Costs
from services.trainer.domain.versions import AliasMove, ModelVersion
from services.trainer.model_messages import version_to_proto, wish_from_proto
from services.trainer.names import identifier, model_and_version, model_of, version_number
from services.trainer.training_messages import plan_from_proto as training_plan
from services.trainer.training_messages import training_job_to_proto
from shared.errors import InvalidInput
from shared.jobs.store import Job, JobState
from tests.unit.trainer.versions import version

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_PLAN = DatasetPlan(
    HomeCreditTables("tables"), 0.25, 3, CleaningOptions(Imputation.MEAN, max_missing_share=0.5), "A name"
)
_RESULT = DatasetResult(
    splits={
        "train": SplitSummary(30, 3, "a" * 64),
        "test": SplitSummary(10, 0, "b" * 64),
        "production": SplitSummary(5, None, "c" * 64),
    },
    tables=(TableSummary("bureau", True, "csv", 12, ("NOTE",)), TableSummary("bureau_balance", False, "", 0, ())),
    columns=(
        ColumnFate("AMT_CREDIT", 0.0, fallback=7.0),
        ColumnFate("CC_COUNT", 0.9, Rule.MISSING_SHARE, 0.9, 0.5),
        ColumnFate("NOTHING", 1.0, Rule.ALL_MISSING, 1.0),
    ),
    dropped_applications=2,
    digest="d" * 64,
    experiment_id="4",
    baseline_run_id="run",
    baseline_metrics={"test_auc": 0.5},
)
_TRAINING = TrainingPlan(
    "ds-1", "credit-default", "lightgbm", {"max_depth": (2, 3)}, Resampling(3, 2, 9), Costs(8.0, 2.0)
)


def _job(payload: object, result: object = None) -> Job:
    return Job(
        id="ds-1",
        kind="dataset",
        state=JobState.RUNNING if result is None else JobState.SUCCEEDED,
        payload=json.dumps(payload),
        caller="unverified",
        fraction=0.5,
        stage="reading",
        result=None if result is None else json.dumps(result),
        error=None,
        attempt=1,
        create_time=_NOON,
        start_time=None,
        end_time=None,
        revision=1,
    )


def _asking_for(features: dataset_pb2.FeatureSet.ValueType) -> dataset_pb2.CreateDatasetRequest:
    return dataset_pb2.CreateDatasetRequest(
        home_credit=dataset_pb2.HomeCreditTables(directory="tables", features=features),
        options=dataset_pb2.CleaningOptions(imputation=dataset_pb2.IMPUTATION_NONE),
    )


def _shown_features(plan: DatasetPlan) -> dataset_pb2.FeatureSet.ValueType:
    return dataset_to_proto(_job(plan.to_json()), dataset_pb2.DATASET_VIEW_BASIC).home_credit.features


def test_results_and_plans_survive_json() -> None:
    """What the child process wrote is what the server shows."""
    trial = TrialSummary(0, {"C": 0.1, "solver": "lbfgs"}, 0.5, 0.7, 0.02, 1.5)
    training = TrainingResult((trial,), 0, 0.09, {"cv_auc": 0.7}, 4, "run")

    assert plan_from_json(json.loads(json.dumps(_PLAN.to_json()))) == _PLAN
    assert dataset_result_from_json(json.loads(json.dumps(_RESULT.to_json()))) == _RESULT
    assert training_result_from_json(json.loads(json.dumps(training.to_json()))) == training


def test_a_data_set_request_gets_its_defaults() -> None:
    """A fifth is held out, with seed 0; a share of zero that was said is kept."""
    request = dataset_pb2.CreateDatasetRequest(
        home_credit=dataset_pb2.HomeCreditTables(directory="tables"),
        options=dataset_pb2.CleaningOptions(imputation=dataset_pb2.IMPUTATION_NONE, min_variance=0.0),
    )
    default, zero = dataset_plan(request), dataset_plan(_with(request, test_share=0.0))

    assert default == DatasetPlan(
        HomeCreditTables("tables"), 0.2, 0, CleaningOptions(Imputation.NONE, min_variance=0.0)
    )
    assert zero.test_share == 0.0


def test_the_set_of_features_is_the_reference_unless_another_is_asked_for() -> None:
    """What was not said is shown as what was done; a set of a later contract is no reason to build another one."""
    unsaid, extended = _asking_for(dataset_pb2.FEATURE_SET_UNSPECIFIED), _asking_for(dataset_pb2.FEATURE_SET_EXTENDED)

    with pytest.raises(InvalidInput) as refusal:
        dataset_plan(_asking_for(9))  # type: ignore[arg-type]  # a number of the future

    assert _shown_features(dataset_plan(unsaid)) == dataset_pb2.FEATURE_SET_REFERENCE
    assert _shown_features(dataset_plan(extended)) == dataset_pb2.FEATURE_SET_EXTENDED
    assert [violation.field for violation in refusal.value.violations] == ["home_credit.features"]


def test_a_data_set_shows_no_result_before_there_is_one() -> None:
    """But what was asked for is there at once."""
    message = dataset_to_proto(_job(_PLAN.to_json()), dataset_pb2.DATASET_VIEW_FULL)

    assert (message.name, message.home_credit.directory, message.test_share) == ("datasets/ds-1", "tables", 0.25)
    assert message.options.imputation == dataset_pb2.IMPUTATION_MEAN
    assert not message.options.HasField("min_variance")
    assert not message.splits
    assert not message.digest


def test_each_columns_fate_is_told_in_the_full_view_alone() -> None:
    """With rule, figure and bound as far as the rule has them."""
    job = _job(_PLAN.to_json(), _RESULT.to_json())

    full = dataset_to_proto(job, dataset_pb2.DATASET_VIEW_FULL)
    basic = dataset_to_proto(job, dataset_pb2.DATASET_VIEW_UNSPECIFIED)

    kept, sparse, nothing = full.columns
    assert (kept.kept, kept.imputation_value, kept.HasField("figure")) == (True, 7.0, False)
    assert (sparse.rule, sparse.figure, sparse.bound) == (dataset_pb2.CLEANING_RULE_MISSING_SHARE, 0.9, 0.5)
    assert (nothing.rule, nothing.HasField("bound")) == (dataset_pb2.CLEANING_RULE_ALL_MISSING, False)
    assert not basic.columns
    assert (basic.feature_count, basic.kept_feature_count, basic.dropped_applications) == (3, 1, 2)


def test_no_defaults_and_no_labels_are_told_apart() -> None:
    """A test split without a default says 0, production says nothing."""
    message = dataset_to_proto(_job(_PLAN.to_json(), _RESULT.to_json()), dataset_pb2.DATASET_VIEW_BASIC)

    _, test, production = message.splits
    assert (test.HasField("defaults"), test.defaults) == (True, 0)
    assert not production.HasField("defaults")


def test_a_training_request_gets_its_defaults() -> None:
    """Five folds once, costs 10 and 1, balanced classes, the product's own model name."""
    plan = training_plan(training_pb2.CreateTrainingJobRequest(dataset="datasets/ds-1", classifier="lightgbm"))

    assert plan == TrainingPlan(
        "ds-1", "credit-default", "lightgbm", {}, Resampling(5, 1, 0), Costs(10.0, 1.0), Imbalance.CLASS_WEIGHTS
    )


def test_a_classifier_brings_its_own_preprocessing() -> None:
    """Its solver wants columns of like size; a request that names another gets that."""
    request = training_pb2.CreateTrainingJobRequest(dataset="datasets/ds-1", classifier="logistic_regression")
    own = training_plan(request).preprocessing
    request.preprocessing = training_pb2.PREPROCESSING_NONE

    assert (own, training_plan(request).preprocessing) == (Preprocessing.STANDARDISATION, Preprocessing.NONE)


def test_a_training_job_repeats_what_was_asked_for() -> None:
    """A run can be made again from its resource."""
    message = training_job_to_proto(_job(_TRAINING.to_json()))

    assert [value.integer for value in message.grid["max_depth"].values] == [2, 3]
    assert (message.folds, message.repeats, message.seed) == (3, 2, 9)
    assert (message.costs.false_negative, message.costs.false_positive) == (8.0, 2.0)
    assert not message.HasField("best_trial")
    assert not message.HasField("threshold")


def test_trial_zero_can_be_the_best() -> None:
    """Zero is a number, not an absence."""
    result = TrainingResult((TrialSummary(0, {"C": 1}, 0.5, 0.7, 0.0, 0.1),), 0, 0.09, {}, 4, "run")
    job = _job(_TRAINING.to_json(), result.to_json())

    whole, short = training_job_to_proto(job), training_job_to_proto(job, with_trials=False)

    assert whole.HasField("best_trial")
    assert (len(whole.trials), len(short.trials)) == (1, 0)
    assert whole.model_version == "models/credit-default/versions/4"


def test_a_version_carries_resource_names() -> None:
    """Whatever the registry calls them."""
    version = ModelVersion(
        "m", 3, _NOON, "lightgbm", "ds-1", "tj-1", "run", ("champion",), "e" * 64, 0.09, {"cv_auc": 0.7}, "tag"
    )

    message = version_to_proto(version)

    assert (message.name, message.dataset) == ("models/m/versions/3", "datasets/ds-1")
    assert (message.training_job, list(message.aliases)) == ("trainingJobs/tj-1", ["champion"])
    assert message.create_time.ToDatetime(UTC) == _NOON


def test_a_version_tells_who_moved_which_alias() -> None:
    """And whether it was given or taken."""
    given = AliasMove("challenger", "CN=officer", "worth a try", _NOON)
    made = version(3, alias_moves=(given, replace(given, removed=True)), creator="CN=analyst", promotion_obstacle="no")

    message = version_to_proto(made)

    assert [(move.alias, move.removed) for move in message.alias_moves] == [("challenger", False), ("challenger", True)]
    assert (message.alias_moves[0].approver, message.alias_moves[0].reason) == ("CN=officer", "worth a try")
    assert message.alias_moves[0].time.ToDatetime(UTC) == _NOON
    assert (message.creator, message.promotion_obstacle) == ("CN=analyst", "no")


def test_a_promotion_is_of_the_champion_unless_said_otherwise() -> None:
    """And its approver comes from the channel."""
    request = training_pb2.PromoteModelVersionRequest(name="models/m/versions/3", etag="tag", reason="why")

    promotion = wish_from_proto(request, "CN=officer")

    assert promotion == AliasWish("m", 3, "champion", "tag", "why", "CN=officer")
    assert replace(promotion, alias="challenger") == wish_from_proto(
        training_pb2.PromoteModelVersionRequest(
            name="models/m/versions/3", alias="challenger", etag="tag", reason="why"
        ),
        "CN=officer",
    )


@pytest.mark.parametrize(
    "name", ["", "models", "models/m", "models/m/versions/", "models/m/versions/1/x", "m/1", "models/a b/versions/1"]
)
def test_a_name_of_another_form_is_refused(name: str) -> None:
    """It is not looked up as something else."""
    with pytest.raises(InvalidInput):
        model_and_version(name)


def test_names_are_taken_apart() -> None:
    """Aliases are versions where they may be, and numbers alone where they must be."""
    assert identifier("datasets/ds-1", "datasets") == "ds-1"
    assert model_of("models/m") == "m"
    assert model_and_version("models/m/versions/champion") == ("m", "champion")
    assert version_number("models/m/versions/12") == ("m", 12)
    with pytest.raises(InvalidInput):
        version_number("models/m/versions/champion")


def _with(request: dataset_pb2.CreateDatasetRequest, *, test_share: float) -> dataset_pb2.CreateDatasetRequest:
    changed = dataset_pb2.CreateDatasetRequest(test_share=test_share)
    changed.MergeFrom(request)
    return changed
