"""What a caller asks for reaches the job and comes back in its resource, whatever it is."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from services.trainer import dataset_messages, training_messages
from services.trainer.domain.classifiers.catalogue import CLASSIFIERS
from services.trainer.domain.cleaning import CleaningOptions, ColumnFate, Imputation, Rule
from services.trainer.domain.dataset import DatasetPlan
from services.trainer.domain.hyperparameters import Choice, Range, Scale
from services.trainer.domain.imbalance import Imbalance
from services.trainer.domain.plan import Calibration, Resampling, TrainingPlan
from services.trainer.domain.preprocessing import Preprocessing
from services.trainer.domain.results import (
    SPLITS,
    DatasetResult,
    SplitSummary,
    TrainingResult,
    TrialState,
    TrialSummary,
    dataset_result_from_json,
    training_result_from_json,
)
from services.trainer.domain.search import Objective, Search, SearchMethod
from services.trainer.domain.sources import Bounds, HomeCreditTables, PreparedTable
from services.trainer.domain.threshold import Costs
from services.trainer.kinds import DATASET, TRAINING
from services.trainer.names import identifier, model_and_version, version_name, version_number
from shared.errors import InvalidInput
from shared.features.sets import FeatureSet
from shared.jobs.store import Job, JobState

_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_SHARES = st.floats(0.0, 1.0)
_IDS = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)
_OPTIONS = st.builds(
    CleaningOptions,
    st.sampled_from(Imputation),
    max_missing_share=st.none() | _SHARES,
    max_abs_correlation=st.none() | _SHARES,
    min_variance=st.none() | _FINITE,
    max_target_eta_squared=st.none() | _SHARES,
    max_target_cramers_v=st.none() | _SHARES,
    max_categorical_association=st.none() | _SHARES,
)
_TEXTS = st.text(min_size=1, max_size=9)
_SOURCES = st.builds(HomeCreditTables, _TEXTS, st.sampled_from(FeatureSet)) | st.builds(
    PreparedTable,
    path=_TEXTS,
    id_column=_TEXTS,
    target_column=_TEXTS,
    positive=st.text(max_size=3),
    reason_texts=st.dictionaries(_TEXTS, _TEXTS, max_size=2),
    bounds=st.dictionaries(_TEXTS, st.builds(Bounds, st.none() | _FINITE, st.none() | _FINITE), max_size=2),
)
_BARRED = st.lists(st.text(max_size=5), max_size=2).map(tuple)
_DATASET_PLANS = st.builds(
    DatasetPlan, _SOURCES, _SHARES, st.integers(0, 2**63 - 1), _OPTIONS, st.text(max_size=9), _BARRED
)
_VALUES = st.integers(-(2**63), 2**63 - 1) | _FINITE | st.text(max_size=5)
_RANGES = st.builds(Range, _FINITE, _FINITE, st.sampled_from(Scale), st.integers(0, 1000))
_CHOICES = st.lists(_VALUES, min_size=1, max_size=3).map(tuple) | _RANGES
_GRIDS = st.dictionaries(st.text(min_size=1, max_size=5), _CHOICES, max_size=3)
_SEARCHES = st.builds(
    Search,
    st.sampled_from([SearchMethod.RANDOM, SearchMethod.TPE]),
    st.sampled_from(Objective),
    st.integers(1, 1000),
    st.none() | _FINITE,
    st.booleans(),
)
_TRAINING_PLANS = st.builds(
    TrainingPlan,
    dataset=_IDS,
    model=_IDS,
    classifier=st.sampled_from(list(CLASSIFIERS)),
    grid=_GRIDS,
    resampling=st.builds(Resampling, st.integers(2, 20), st.integers(1, 10), st.integers(0, 2**31)),
    costs=st.builds(Costs, _FINITE, _FINITE, st.text(max_size=5), st.text(max_size=5)),
    imbalance=st.sampled_from(Imbalance),
    calibration=st.sampled_from(Calibration),
    preprocessing=st.sampled_from(Preprocessing),
    search=_SEARCHES | st.builds(Search, objective=st.sampled_from(Objective), max_seconds=st.none() | _FINITE),
)
_TRIALS = st.builds(
    TrialSummary,
    st.integers(0, 999),
    st.dictionaries(st.text(max_size=5), _VALUES),
    *[st.none() | _FINITE] * 3,
    training_seconds=_FINITE,
    state=st.sampled_from(TrialState),
    log_loss=st.none() | _FINITE,
    folds_trained=st.integers(0, 99),
    rounds=st.none() | st.integers(1, 999),
    error=st.text(max_size=5),
)
_RESULTS = st.builds(
    TrainingResult,
    st.lists(_TRIALS, max_size=2).map(tuple),
    st.none() | st.integers(0, 999),
    st.none() | _SHARES,
    st.dictionaries(st.text(max_size=5), _FINITE, max_size=2),
    st.integers(0, 9),
    st.text(max_size=5),
)
_FATE = ColumnFate("CNT_CHILDREN", 0.0)
_RESULT = DatasetResult(
    {name: SplitSummary(9, 1, "a" * 64) for name in SPLITS}, (), (_FATE,), 0, "d" * 64, "1", "run", {}
)


def _types(choice: Choice) -> list[type]:
    return [Range] if isinstance(choice, Range) else [type(value) for value in choice]


def _range(minimum: float | None, maximum: float | None, scale: int = 0) -> training_pb2.HyperparameterRange:
    return training_pb2.HyperparameterRange(minimum=minimum, maximum=maximum, scale=scale)  # type: ignore[arg-type]  # unknown scales too


def _job(kind: str, payload: object, result: object = None) -> Job:
    return Job(
        id="job-1",
        kind=kind,
        state=JobState.QUEUED if result is None else JobState.SUCCEEDED,
        payload=json.dumps(payload, allow_nan=False),
        caller="unverified",
        fraction=0.0,
        stage="",
        result=None if result is None else json.dumps(result, allow_nan=False),
        error=None,
        attempt=0,
        create_time=datetime(2026, 1, 1, tzinfo=UTC),
        start_time=None,
        end_time=None,
        revision=1,
    )


def _column(plan: DatasetPlan, fate: ColumnFate) -> dataset_pb2.ColumnFate:
    job = _job(DATASET, plan.to_json(), replace(_RESULT, columns=(fate,)).to_json())
    (column,) = dataset_messages.dataset_to_proto(job, dataset_pb2.DATASET_VIEW_FULL).columns
    return column


def _plan(imputation: Imputation = Imputation.MEAN) -> DatasetPlan:
    return DatasetPlan(HomeCreditTables("tables"), 0.2, 0, CleaningOptions(imputation))


@settings(deadline=None)
@given(_DATASET_PLANS)
def test_a_data_set_asked_for_again_by_its_resource_is_the_same(plan: DatasetPlan) -> None:
    """Bounds of zero stay bounds, absent ones stay absent, and no text is altered on the way."""
    shown = dataset_messages.dataset_to_proto(_job(DATASET, plan.to_json()), dataset_pb2.DATASET_VIEW_BASIC)

    request = dataset_pb2.CreateDatasetRequest(
        display_name=shown.display_name,
        home_credit=shown.home_credit if shown.HasField("home_credit") else None,
        prepared=shown.prepared if shown.HasField("prepared") else None,
        test_share=shown.test_share,
        seed=shown.seed,
        options=shown.options,
        barred_columns=shown.barred_columns,
    )

    assert dataset_messages.plan_from_proto(request) == plan
    assert dataset_messages.plan_from_payload(json.dumps(plan.to_json())) == plan


@settings(deadline=None)
@given(_TRAINING_PLANS)
def test_a_training_asked_for_again_by_its_resource_is_the_same(plan: TrainingPlan) -> None:
    """Whole numbers stay whole and 1.0 stays real, since hyper-parameters are told apart by that."""
    shown = training_messages.training_job_to_proto(_job(TRAINING, plan.to_json()))

    request = training_pb2.CreateTrainingJobRequest(
        dataset=shown.dataset,
        model=shown.model,
        classifier=shown.classifier,
        grid=shown.grid,
        folds=shown.folds,
        repeats=shown.repeats,
        seed=shown.seed,
        costs=shown.costs,
        imbalance=shown.imbalance,
        calibration=shown.calibration,
        search=shown.search,
        preprocessing=shown.preprocessing,
    )
    again = training_messages.plan_from_proto(request)

    assert again == plan
    assert {name: _types(choice) for name, choice in again.grid.items()} == {
        name: _types(choice) for name, choice in plan.grid.items()
    }
    assert training_messages.plan_from_payload(json.dumps(plan.to_json())) == plan


@settings(deadline=None)
@given(_RESULTS)
def test_the_result_of_a_training_survives_the_store(result: TrainingResult) -> None:
    """And an absent threshold or best trial is absent for the caller too, a zero is not."""
    plan = TrainingPlan("ds-1", "m", "lightgbm")

    again = training_result_from_json(json.loads(json.dumps(result.to_json(), allow_nan=False)))
    shown = training_messages.training_job_to_proto(_job(TRAINING, plan.to_json(), result.to_json()))

    assert again == result
    assert (shown.best_trial if shown.HasField("best_trial") else None) == result.best_trial
    assert (shown.threshold if shown.HasField("threshold") else None) == result.threshold
    assert shown.model_version == (f"models/m/versions/{result.version}" if result.version else "")
    for trial, message in zip(result.trials, shown.trials, strict=True):
        assert training_pb2.TrialState.Name(message.state) == f"TRIAL_STATE_{trial.state}"
        for name in ("cost", "auc", "auc_deviation", "log_loss", "rounds"):
            assert (getattr(message, name) if message.HasField(name) else None) == getattr(trial, name)
        assert (message.folds_trained, message.error) == (trial.folds_trained, trial.error)


@pytest.mark.parametrize("defaults", [None, 0, 3])
def test_the_defaults_of_a_split_survive_the_store(defaults: int | None) -> None:
    """No labels are not the same as no defaults."""
    result = replace(_RESULT, splits={name: SplitSummary(9, defaults, "a" * 64) for name in SPLITS})

    again = dataset_result_from_json(json.loads(json.dumps(result.to_json(), allow_nan=False)))

    assert again == result
    assert {split.defaults for split in again.splits.values()} == {defaults}


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_has_its_own_number_on_the_wire(rule: Rule) -> None:
    """A column that was dropped always says why; a figure and a bound of zero are told as such."""
    column = _column(_plan(), ColumnFate("CNT_CHILDREN", 0.0, rule, figure=0.0, bound=0.0, chi_squared=0.0))

    assert dataset_pb2.CleaningRule.Name(column.rule) == f"CLEANING_RULE_{rule.value}"
    assert not column.kept
    assert all(column.HasField(field) for field in ("figure", "bound", "chi_squared"))


@pytest.mark.parametrize("imputation", Imputation)
def test_a_figure_stands_in_for_missing_values_only_where_that_was_asked_for(imputation: Imputation) -> None:
    """Zero is such a figure; the fallback of a complete column without imputation is the bundle's affair."""
    column = _column(_plan(imputation), replace(_FATE, fallback=0.0))

    assert column.HasField("imputation_value") is (imputation is not Imputation.NONE)
    assert column.kept
    assert column.rule == dataset_pb2.CLEANING_RULE_UNSPECIFIED


@pytest.mark.parametrize("imputation", [dataset_pb2.IMPUTATION_UNSPECIFIED, 99])
def test_an_imputation_that_nobody_chose_is_refused(imputation: dataset_pb2.Imputation.ValueType) -> None:
    """What stands in for a missing value is never guessed; the refusal lists the choices."""
    request = dataset_pb2.CreateDatasetRequest(
        home_credit=dataset_pb2.HomeCreditTables(directory="x"),
        options=dataset_pb2.CleaningOptions(imputation=imputation),
    )

    with pytest.raises(InvalidInput, match="NONE, MEAN, MEDIAN, MIN, MAX") as refusal:
        dataset_messages.plan_from_proto(request)

    assert [violation.field for violation in refusal.value.violations] == ["options.imputation"]


def test_a_data_set_must_say_where_its_rows_come_from() -> None:
    """There is no default source."""
    with pytest.raises(InvalidInput) as refusal:
        dataset_messages.plan_from_proto(dataset_pb2.CreateDatasetRequest())

    assert [violation.field for violation in refusal.value.violations] == ["source"]


def test_an_imbalance_of_a_later_version_is_refused() -> None:
    """Training on other weights than were asked for would go unseen."""
    request = training_pb2.CreateTrainingJobRequest(dataset="datasets/a", classifier="lightgbm", imbalance=99)  # type: ignore[arg-type]  # unknown

    with pytest.raises(InvalidInput) as refusal:
        training_messages.plan_from_proto(request)

    assert [violation.field for violation in refusal.value.violations] == ["imbalance"]


def test_a_preprocessing_of_a_later_version_is_refused() -> None:
    """A model on other columns than were asked for would go unseen."""
    request = training_pb2.CreateTrainingJobRequest(dataset="datasets/a", preprocessing=99)  # type: ignore[arg-type]  # unknown

    with pytest.raises(InvalidInput) as refusal:
        training_messages.plan_from_proto(request)

    assert [violation.field for violation in refusal.value.violations] == ["preprocessing"]


def test_an_empty_value_of_a_grid_is_refused_by_its_path() -> None:
    """It is none of the three types."""
    request = training_pb2.CreateTrainingJobRequest(dataset="datasets/a")
    request.grid["C"].values.extend([training_pb2.HyperparameterValue(real=0.0), training_pb2.HyperparameterValue()])

    with pytest.raises(InvalidInput) as refusal:
        training_messages.plan_from_proto(request)

    assert [violation.field for violation in refusal.value.violations] == ['grid["C"].values[1]']


@pytest.mark.parametrize(
    ("choices", "path"),
    [
        ({"values": [training_pb2.HyperparameterValue(real=1.0)], "range": _range(1.0, 2.0)}, 'grid["C"]'),
        ({"range": _range(1.0, None)}, 'grid["C"].range.maximum'),
        ({"range": _range(None, 2.0)}, 'grid["C"].range.minimum'),
        ({"range": _range(1.0, 2.0, scale=99)}, 'grid["C"].range.scale'),
    ],
)
def test_a_range_of_no_known_form_is_refused_by_its_path(choices: dict[str, Any], path: str) -> None:
    """A bound that was left out is not zero."""
    request = training_pb2.CreateTrainingJobRequest(dataset="datasets/a")
    request.grid["C"].MergeFrom(training_pb2.HyperparameterChoices(**choices))

    with pytest.raises(InvalidInput) as refusal:
        training_messages.plan_from_proto(request)

    assert [violation.field for violation in refusal.value.violations] == [path]


@pytest.mark.parametrize("field", ["method", "objective"])
def test_a_search_of_a_later_version_is_refused(field: str) -> None:
    """Searching otherwise than was asked for would go unseen."""
    search = training_pb2.Search(**{field: 99})  # type: ignore[arg-type]  # an unknown number
    request = training_pb2.CreateTrainingJobRequest(dataset="datasets/a", search=search)

    with pytest.raises(InvalidInput) as refusal:
        training_messages.plan_from_proto(request)

    assert [violation.field for violation in refusal.value.violations] == [f"search.{field}"]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (training_pb2.Search(), Search()),
        (training_pb2.Search(method=training_pb2.SEARCH_METHOD_RANDOM), Search(SearchMethod.RANDOM, max_trials=50)),
        (
            training_pb2.Search(method=training_pb2.SEARCH_METHOD_TPE, max_seconds=9.0),
            Search(SearchMethod.TPE, max_trials=1000, max_seconds=9.0, pruning=True),
        ),
        (
            training_pb2.Search(method=training_pb2.SEARCH_METHOD_TPE, max_trials=7, pruning=False),
            Search(SearchMethod.TPE, max_trials=7),
        ),
    ],
)
def test_a_search_gets_the_defaults_of_its_method(search: training_pb2.Search, expected: Search) -> None:
    """Fifty trials, a thousand where time bounds them, and pruning with TPE alone."""
    request = training_pb2.CreateTrainingJobRequest(dataset="datasets/a", search=search)

    assert training_messages.plan_from_proto(request).search == expected


@pytest.mark.parametrize("given_costs", [{"false_negative": 0.0}, {"false_positive": 0.0}])
def test_a_cost_of_zero_is_no_absent_cost(given_costs: dict[str, Any]) -> None:
    """It is refused later by name; taking the default for it would hide the mistake."""
    request = training_pb2.CreateTrainingJobRequest(dataset="datasets/a", costs=training_pb2.Costs(**given_costs))

    plan = training_messages.plan_from_proto(request)

    assert plan.costs == replace(Costs(), **given_costs)


def test_a_factor_left_out_beside_its_column_is_one() -> None:
    """Ten times the credit would be nobody's wish; a number that is given stands."""
    costs = training_pb2.Costs(
        false_negative_column="AMT_CREDIT", false_positive=0.1, false_positive_column="AMT_GOODS"
    )
    request = training_pb2.CreateTrainingJobRequest(dataset="datasets/a", costs=costs)

    plan = training_messages.plan_from_proto(request)

    assert plan.costs == Costs(1.0, 0.1, "AMT_CREDIT", "AMT_GOODS")


@pytest.mark.parametrize("identity", CLASSIFIERS)
def test_every_bound_and_default_of_a_classifier_is_told(identity: str) -> None:
    """Also a smallest value of zero, which a caller must not take for no bound."""
    classifier = CLASSIFIERS[identity]

    message = training_messages.classifier_to_proto(classifier)

    assert (message.id, message.takes_missing_values) == (identity, classifier.takes_missing_values)
    for shown, known in zip(message.hyperparameters, classifier.hyperparameters, strict=True):
        assert (shown.minimum if shown.HasField("minimum") else None) == known.minimum
        assert (shown.maximum if shown.HasField("maximum") else None) == known.maximum
        assert getattr(shown.default_value, shown.default_value.WhichOneof("value") or "") == known.default
        assert shown.default_value.WhichOneof("value") == known.type
        assert tuple(shown.choices) == known.choices


@settings(deadline=None)
@given(_IDS, st.integers(0, 999_999_999))
def test_a_version_is_found_by_the_name_it_was_given(model: str, number: int) -> None:
    """Names that this service makes are names that it takes."""
    assert version_number(version_name(model, number)) == (model, number)
    assert model_and_version(version_name(model, number)) == (model, str(number))
    assert identifier(f"datasets/{model}", "datasets") == model


@pytest.mark.parametrize("tail", ["", "a/b", "a b", "a\n", "..", "é", "a" * 129])
def test_an_id_that_could_be_a_path_or_has_no_end_is_refused(tail: str) -> None:
    """Ids become file names and labels; the refusal names the caller's field."""
    with pytest.raises(InvalidInput) as refusal:
        identifier(f"datasets/{tail}", "datasets", field="dataset")

    assert [violation.field for violation in refusal.value.violations] == ["dataset"]


@pytest.mark.parametrize("version", ["champion", "-1", "1.0", "1234567890"])
def test_a_promotion_takes_a_number_that_a_registry_can_count_to(version: str) -> None:
    """An alias of an alias would move under the approver's hands."""
    with pytest.raises(InvalidInput):
        version_number(f"models/m/versions/{version}")
