"""The model document says what the training found, the same each time, also where something is not there."""

import re
from dataclasses import replace

import numpy as np
import pytest

from services.trainer.domain.cleaning import CleaningOptions, Imputation
from services.trainer.domain.cleaning_rules import fit_cleaning
from services.trainer.domain.imbalance import Imbalance
from services.trainer.domain.model_document import ModelFacts, model_document
from services.trainer.domain.plan import Resampling, TrainingPlan
from services.trainer.domain.results import DatasetResult, SplitSummary, TableSummary
from services.trainer.domain.slices import Attribute, Slice
from services.trainer.domain.threshold import Costs, cost_at
from services.trainer.domain.training import Listeners, train_model
from shared.bundle.schema import Feature
from tests.fakes import RememberedStudy
from tests.unit.trainer.applicants import COLUMNS, labelled_rows

_TRAIN, _TEST = labelled_rows(300, seed=1), labelled_rows(120, seed=2)
_SECTIONS = [
    "Intended use",
    "Data",
    "Cleaning",
    "What weighs most",
    "Search",
    "Quality",
    "Calibration",
    "Threshold and costs",
    "Groups of applicants",
    "Limits",
    "Reproduction",
]


def _facts(**changes: object) -> ModelFacts:
    plan = TrainingPlan("ds-1", "credit-default", "logistic_regression", {"C": (0.01, 1.0)}, Resampling(3, 1, 7))
    # The bound drops a column, so that there is something to tell.
    options = CleaningOptions(Imputation.MEDIAN, max_missing_share=0.09)
    record = fit_cleaning(_TRAIN.frame, COLUMNS, options, targets=_TRAIN.targets)
    training = train_model(
        plan,
        train=_TRAIN,
        test=_TEST,
        record=record,
        study=RememberedStudy(),
        threads=1,
        listeners=Listeners(lambda *_: None, lambda _: None),
    )
    result = DatasetResult(
        splits={
            "train": SplitSummary(300, int(_TRAIN.targets.sum()), "a" * 64),
            "test": SplitSummary(120, int(_TEST.targets.sum()), "b" * 64),
            "production": SplitSummary(40, None, "c" * 64),
        },
        tables=(
            TableSummary("bureau", True, "parquet", 1234, (), "e" * 64),
            TableSummary("bureau_balance", False, "", 0, ()),
        ),
        columns=record.columns,
        dropped_applications=4,
        digest="d" * 64,
        experiment_id="1",
        baseline_run_id="run",
        baseline_metrics={"test_auc": 0.5, "test_business_cost": 2.0, "train_auc": 0.5},
    )
    facts = ModelFacts(
        job="trainingJobs/tj-1",
        plan=plan,
        dataset=result,
        record=record,
        training=training,
        features=[
            (Feature(fate.column, "numeric", "application", (), reason_text=f"Column {place}"), float(place))
            for place, fate in enumerate(record.kept)
        ],
        attributes=[
            Attribute("CODE_GENDER", True, (Slice("M", 70, 0.2, 0.7, 0.5, 0.1), Slice("F", 50, 0.1, None, 0.9, None)))
        ],
        judged_on="test",
        library_versions={"numpy": "2", "lightgbm": "4"},
    )
    return replace(facts, **changes)  # type: ignore[arg-type]  # any of its fields


@pytest.fixture(scope="module")
def facts() -> ModelFacts:
    """Return what a small training found."""
    return _facts()


def _section(document: str, title: str) -> str:
    return document.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def _cells(text: str, first: str) -> list[str]:
    (line,) = [each for each in text.splitlines() if each.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_document_has_its_sections_in_order(facts: ModelFacts) -> None:
    """Validation finds each where it expects it."""
    document = model_document(facts)

    assert document.startswith("# Model document: credit-default\n")
    assert re.findall(r"^## (.*)$", document, re.MULTILINE) == _SECTIONS
    assert document.endswith("\n")
    assert not document.endswith("\n\n")


def test_document_is_the_same_for_the_same_training(facts: ModelFacts) -> None:
    """Trained anew, to the last byte: nothing in it depends on the clock or the machine."""
    assert model_document(_facts()) == model_document(facts)


def test_data_are_told_with_rows_and_digests(facts: ModelFacts) -> None:
    """No defaults and no labels are told apart; so are an absent table and an empty one."""
    data = _section(model_document(facts), "Data")
    barred = _section(model_document(replace(facts, barred_columns=("CODE_GENDER", "DAYS_BIRTH"))), "Data")

    assert "Barred" not in data
    assert "Barred from any use, in whole or in part: `CODE_GENDER`, `DAYS_BIRTH`." in barred
    assert _cells(data, "bureau")[1:] == ["parquet", "1,234", f"`{'e' * 64}`"]
    assert _cells(data, "bureau_balance")[1:] == ["absent", "0", "-"]
    assert _cells(data, "train")[1:3] == ["300", f"{_TRAIN.targets.sum()}"]
    assert _cells(data, "production")[1:4] == ["40", "-", "-"]
    assert f"`{'d' * 64}`" in data
    assert "4 applications were left out" in data


def test_cleaning_is_told_by_option_and_rule(facts: ModelFacts) -> None:
    """How many columns each rule dropped."""
    cleaning = _section(model_document(facts), "Cleaning")
    dropped = len(facts.record.columns) - len(facts.record.kept)

    assert dropped > 0
    assert "- max_missing_share: 0.09" in cleaning
    assert f"Of 6 columns {6 - dropped} were kept." in cleaning
    assert _cells(cleaning, "MISSING_SHARE")[1] == f"{dropped}"


def test_what_weighs_most_comes_first(facts: ModelFacts) -> None:
    """With its meaning."""
    rows = [line for line in _section(model_document(facts), "What weighs most").splitlines() if "`" in line]

    heaviest, weight = facts.features[-1]
    assert rows[0] == f"| `{heaviest.name}` | {heaviest.reason_text} | {weight:.4f} |"


def test_quality_has_the_dummy_beside_it(facts: ModelFacts) -> None:
    """At the training's own costs, whatever those of the data set's baseline were."""
    quality = _section(model_document(facts), "Quality")
    metrics = facts.training.metrics
    refuse_nobody = cost_at(_TEST.targets, np.zeros(len(_TEST.targets)), 0.5, Costs())

    auc, cost = _cells(quality, "area under the ROC curve"), _cells(quality, "business cost per applicant")

    assert auc[1:] == [*(f"{metrics[f'{split}_auc']:.4f}" for split in ("cv", "train", "test")), "0.5000"]
    assert cost[-2:] == [f"{metrics['test_business_cost']:.4f}", f"{refuse_nobody:.4f}"]


def test_threshold_is_told_with_what_it_costs(facts: ModelFacts) -> None:
    """In plain numbers, or as a share of a column."""
    shares = replace(facts.plan, costs=Costs(0.6, 0.1, "AMT_CREDIT", ""))

    plain = _section(model_document(facts), "Threshold and costs")
    by_column = _section(model_document(replace(facts, plan=shares)), "Threshold and costs")

    assert "defaults costs 10\n" in plain
    assert f"threshold {facts.training.threshold.value:.6f}" in plain
    assert "defaults costs 0.6 times `AMT_CREDIT`" in by_column
    assert "would have paid costs 0.1\n" in by_column


def test_groups_below_four_fifths_stand_out(facts: ModelFacts) -> None:
    """Five ninths are below."""
    groups = _section(model_document(facts), "Groups of applicants")

    assert "Used by the model. Ratio of approval rates 0.5556, **below four fifths**." in groups
    assert _cells(groups, "F")[1:] == ["50", "10.0%", "-", "90.0%", "-"]


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [(20, "Not used by the model. No two groups are large enough to be compared."), (30, "four fifths or more.")],
)
def test_groups_are_judged_only_where_they_are_large_enough(facts: ModelFacts, rows: int, verdict: str) -> None:
    """A dash for a ratio would leave the reader to guess."""
    slices = (Slice("M", 70, 0.2, 0.7, 0.5, 0.1), Slice("F", rows, 0.1, None, 0.5, 0.1))

    document = model_document(replace(facts, attributes=[Attribute("CODE_GENDER", False, slices)]))

    assert verdict in _section(document, "Groups of applicants")


def test_data_set_without_groups_says_so(facts: ModelFacts) -> None:
    """Silence would read like fairness."""
    document = model_document(replace(facts, attributes=()))

    assert "Nothing is said of how the model treats groups." in _section(document, "Groups of applicants")


def test_model_without_a_test_split_says_so(facts: ModelFacts) -> None:
    """Its figures are those out of fold."""
    untested = replace(
        facts,
        judged_on="cv",
        training=replace(
            facts.training,
            scored={name: part for name, part in facts.training.scored.items() if name != "test"},
        ),
    )

    document = model_document(untested)

    assert "There is no test split" in _section(document, "Limits")
    assert "cost per applicant on `cv`" in document
    assert "| metric | cv | train | dummy |" in document


def test_made_up_applicants_are_a_limit(facts: ModelFacts) -> None:
    """Whoever reads the reasons must know."""
    made_up = replace(facts, plan=replace(facts.plan, imbalance=Imbalance.SMOTE))

    assert "made up" in _section(model_document(made_up), "Limits")
    assert "made up" not in _section(model_document(facts), "Limits")


def test_model_that_must_not_be_promoted_says_why(facts: ModelFacts) -> None:
    """And tells no contributions, since it has none."""
    document = model_document(replace(facts, promotion_obstacle="its reasons are not exact"))

    assert "It must not be promoted: its reasons are not exact." in _section(document, "Limits")
    assert "no contributions" in _section(document, "What weighs most")


def test_search_is_told_with_what_it_took(facts: ModelFacts) -> None:
    """How many combinations, and which of how many values."""
    search = _section(model_document(facts), "Search")

    assert f"- 2 combinations tried; number {facts.training.best.number} was taken" in search
    assert "method GRID, for the best BUSINESS_COST" in search
    assert _cells(search, "`C`")[1:] == [f"{facts.training.best.hyperparameters['C']}", "2"]


def test_names_of_a_lenders_own_columns_break_no_table(facts: ModelFacts) -> None:
    """Whatever they hold."""
    odd = Feature("a|b\nc", "numeric", "t", (), reason_text="one|two")

    document = model_document(replace(facts, features=[(odd, 9.0)]))

    assert "| `a\\|b c` | one\\|two | 9.0000 |" in document
