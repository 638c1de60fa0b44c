"""What can never work is refused before any work starts, field by field."""

import json
import math
from dataclasses import replace

import pytest

from services.trainer.domain.cleaning import Imputation
from services.trainer.domain.hyperparameters import Choice, Grid, Range, Scale
from services.trainer.domain.imbalance import Imbalance
from services.trainer.domain.plan import (
    Resampling,
    TrainingPlan,
    check_against_dataset,
    check_cost_columns,
    check_training_plan,
    oversampling_bytes,
    plan_from_json,
)
from services.trainer.domain.preprocessing import Preprocessing
from services.trainer.domain.search import Objective, Search, SearchMethod
from services.trainer.domain.threshold import Costs
from shared.errors import InvalidInput, Precondition

_PLAN = TrainingPlan(
    "ds-1", "credit-default", "lightgbm", {"num_leaves": (4, 8)}, Resampling(5, 2, 3), Costs(12.0, 1.5)
)


def test_a_plan_survives_json() -> None:
    """The job's process does what was asked for, to the last bit."""
    drawn = replace(
        _PLAN,
        grid={"num_leaves": Range(4, 8), "learning_rate": Range(0.01, 0.1, Scale.LOGARITHMIC, 3)},
        search=Search(SearchMethod.TPE, Objective.AUC, 9, 60.0, pruning=True),
    )

    for plan in (_PLAN, drawn):
        assert plan_from_json(json.loads(json.dumps(plan.to_json(), allow_nan=False))) == plan


def test_a_sound_plan_passes() -> None:
    """With defaults as with values of its own."""
    check_training_plan(_PLAN)
    check_training_plan(TrainingPlan("ds-1", "m", "logistic_regression"))


def test_every_field_out_of_range_is_named_at_once() -> None:
    """One round trip tells the caller all there is to mend."""
    plan = replace(_PLAN, model="-", resampling=Resampling(1, 0, 2**31), costs=Costs(math.nan, math.inf))

    with pytest.raises(InvalidInput) as refusal:
        check_training_plan(plan)

    fields = [violation.field for violation in refusal.value.violations]
    assert fields == ["model", "folds", "repeats", "seed", "costs.false_negative", "costs.false_positive"]


def test_a_cost_column_that_the_data_set_lacks_is_named() -> None:
    """Each by its field; a column that cleaning dropped will do."""
    check_cost_columns(Costs(), {})
    check_cost_columns(Costs(0.6, 0.1, "AMT_CREDIT", "AMT_GOODS"), {"AMT_CREDIT": 0.0, "AMT_GOODS": 0.0})

    with pytest.raises(InvalidInput) as refusal:
        check_cost_columns(Costs(0.6, 0.1, "AMT_CREDIT", "AMT_DREAMS"), {"AMT_CREDIT": 0.0})

    assert [violation.field for violation in refusal.value.violations] == ["costs.false_positive_column"]
    assert "AMT_DREAMS" in refusal.value.message


def test_a_cost_column_with_gaps_is_refused_by_its_share() -> None:
    """The data set's report has it, so that no job need begin."""
    with pytest.raises(Precondition, match=r"OWN_CAR_AGE is missing for 65\.00% of the train split") as refusal:
        check_cost_columns(Costs(0.6, 0.1, "OWN_CAR_AGE"), {"OWN_CAR_AGE": 0.65, "AMT_CREDIT": 0.0})

    assert (refusal.value.reason, refusal.value.metadata) == ("COST_COLUMN_UNUSABLE", {"column": "OWN_CAR_AGE"})


@pytest.mark.parametrize(
    ("search", "field"),
    [
        (Search(max_trials=5), "search.max_trials"),
        (Search(SearchMethod.RANDOM, max_trials=0), "search.max_trials"),
        (Search(SearchMethod.TPE, max_trials=1001), "search.max_trials"),
        (Search(SearchMethod.TPE, max_trials=-1), "search.max_trials"),
        (Search(max_seconds=0.0), "search.max_seconds"),
        (Search(max_seconds=math.inf), "search.max_seconds"),
        (Search(max_seconds=604_801.0), "search.max_seconds"),
    ],
)
def test_an_absurd_budget_is_refused(search: Search, field: str) -> None:
    """Before a job is stored that would never end, or never begin."""
    with pytest.raises(InvalidInput) as refusal:
        check_training_plan(replace(_PLAN, search=search))

    assert [violation.field for violation in refusal.value.violations] == [field]


@pytest.mark.parametrize("grid", [{}, {"num_leaves": (4,)}])
def test_a_draw_needs_something_to_choose_from(grid: Grid) -> None:
    """Fifty trials of one combination would be a waste."""
    search = Search(SearchMethod.TPE, max_trials=50)
    check_training_plan(replace(_PLAN, search=search, grid={"num_leaves": Range(4, 8)}))

    with pytest.raises(InvalidInput) as refusal:
        check_training_plan(replace(_PLAN, search=search, grid=grid))

    assert [violation.field for violation in refusal.value.violations] == ["grid"]


@pytest.mark.parametrize("choice", [(0, 20), Range(1, 50, steps=2)])
def test_early_stopping_watches_no_rows_that_were_made_up(choice: Choice) -> None:
    """A synthetic default lies between two real ones, of which one may be among the rows that trees are grown on."""
    plan = replace(_PLAN, grid={"early_stopping_rounds": choice})
    check_training_plan(plan)

    with pytest.raises(InvalidInput) as refusal:
        check_training_plan(replace(plan, imbalance=Imbalance.SMOTE))

    assert [violation.field for violation in refusal.value.violations] == ['grid["early_stopping_rounds"]']


def test_an_unknown_classifier_is_answered_with_the_known_ones() -> None:
    """The caller need not ask again."""
    with pytest.raises(InvalidInput, match="hist_gradient_boosting, lightgbm, logistic_regression"):
        check_training_plan(replace(_PLAN, classifier="oracle"))


def test_more_folds_than_defaults_are_refused() -> None:
    """A fold without a default has no area under the curve."""
    check_against_dataset(_PLAN, imputation=Imputation.NONE, rows=100, defaults=5)

    with pytest.raises(InvalidInput, match="at most 4"):
        check_against_dataset(_PLAN, imputation=Imputation.NONE, rows=100, defaults=4)


def test_only_a_classifier_that_takes_missing_values_gets_them() -> None:
    """Any imputation will do for the others."""
    plan = replace(_PLAN, classifier="logistic_regression", grid={})
    check_against_dataset(plan, imputation=Imputation.MIN, rows=100, defaults=50)

    with pytest.raises(Precondition) as refusal:
        check_against_dataset(plan, imputation=Imputation.NONE, rows=100, defaults=50)

    assert refusal.value.reason == "IMPUTATION_NEEDED"


def test_synthetic_applicants_need_every_value() -> None:
    """Also for a classifier that takes missing values: distances know none."""
    plan = replace(_PLAN, imbalance=Imbalance.SMOTE)
    check_against_dataset(plan, imputation=Imputation.MEAN, rows=100, defaults=50)

    with pytest.raises(Precondition, match="SMOTE cannot work with missing values") as refusal:
        check_against_dataset(plan, imputation=Imputation.NONE, rows=100, defaults=50)

    assert refusal.value.reason == "IMPUTATION_NEEDED"


def test_principal_components_need_every_value() -> None:
    """Also for a classifier that takes missing values."""
    plan = replace(_PLAN, preprocessing=Preprocessing.PCA)
    check_against_dataset(plan, imputation=Imputation.MEAN, rows=100, defaults=50)

    with pytest.raises(Precondition, match="PCA cannot work with missing values"):
        check_against_dataset(plan, imputation=Imputation.NONE, rows=100, defaults=50)


def test_more_neighbours_than_a_fold_has_defaults_are_refused_by_name() -> None:
    """Of 6 defaults in 5 folds, 4 are left where a fold holds 2 out."""
    plan = replace(_PLAN, grid={"smote_k_neighbors": (3, 4)}, imbalance=Imbalance.SMOTENC)
    check_training_plan(plan)

    with pytest.raises(InvalidInput, match="set it to 3 or less"):
        check_against_dataset(plan, imputation=Imputation.MEAN, rows=100, defaults=6)


def test_neighbours_are_no_hyper_parameter_without_synthetic_applicants() -> None:
    """A grid over them would try the same model again and again."""
    with pytest.raises(InvalidInput) as refusal:
        check_training_plan(replace(_PLAN, grid={"smote_k_neighbors": (3,)}))

    assert refusal.value.violations[0].field == 'grid["smote_k_neighbors"]'


def test_the_memory_of_a_plan_is_that_of_its_largest_neighbourhood() -> None:
    """Whichever class is the rarer; a plan without synthetic applicants needs none."""
    plan = replace(_PLAN, grid={"smote_k_neighbors": (3, 40)}, imbalance=Imbalance.SMOTENC)
    few = replace(plan, grid={"smote_k_neighbors": (3,)})

    sizes = [oversampling_bytes(each, rows=100, defaults=10, columns=9) for each in (plan, few, _PLAN)]

    assert sizes[0] > sizes[1] > sizes[2] == 0
    assert oversampling_bytes(plan, rows=100, defaults=90, columns=9) == sizes[0]
    assert oversampling_bytes(plan, rows=100, defaults=10, columns=9, categorical=4) > sizes[0]
