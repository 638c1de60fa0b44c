"""Windows are divided by what is known of applicants, and every row is in just one slice."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from services.monitor.domain.model import ModelFacts
from services.monitor.domain.slicing import Asked, ByFeature, BySet, Condition, members_of, settle_slicings
from shared.bundle.profile import fit_profile
from shared.errors import InvalidInput
from tests.bundles import SCHEMA
from tests.unit.monitor.models import model_facts

ROWS = pl.DataFrame(
    {
        "CODE_GENDER": [0.0, 1.0, 1.0, None],
        "AMT_CREDIT": [100.0, 200.0, None, 300.0],
        "EXT_SOURCE_2": [0.5, 0.5, 0.5, 0.5],
        "NAME_CONTRACT_TYPE_Cash loans": [1.0, 0.0, 0.0, None],
        "NAME_CONTRACT_TYPE_Revolving loans": [0.0, 1.0, 0.0, None],
        "BURO_DAYS_CREDIT_MEAN": [None, -10.0, -20.0, -30.0],
    }
)


@pytest.fixture(scope="module")
def model() -> ModelFacts:
    """Return a model of a binary, three numeric features and a categorical variable of two levels."""
    values = np.random.default_rng(1).uniform(0, 1000, (500, len(SCHEMA.names)))
    profile = fit_profile(values, np.ones((500, len(SCHEMA.names) + 1)), SCHEMA.names)
    return replace(model_facts(), schema=SCHEMA, profile=profile)


def labels(asked: Asked, model: ModelFacts) -> list[str]:
    """Return the slice of each row."""
    (slicing,) = settle_slicings([asked], model)
    return [slicing.labels[place] for place in slicing.places(ROWS.select(slicing.columns))]


def test_a_number_is_cut_at_its_edges(model: ModelFacts) -> None:
    """The upper end belongs to a slice; a missing value is in one of its own."""
    found = labels(ByFeature("AMT_CREDIT", edges=(100.0, 250.0)), model)

    assert found == ["up to 100", "100 to 250", "missing", "above 250"]


def test_without_edges_the_training_data_cuts(model: ModelFacts) -> None:
    """Into about equally full bins of its profile."""
    (slicing,) = settle_slicings([ByFeature("EXT_SOURCE_2")], model)

    assert len(slicing.labels) == 11
    assert slicing.labels[-1] == "missing"
    assert labels(ByFeature("EXT_SOURCE_2"), model) == [slicing.labels[0]] * 4


def test_levels_are_slices(model: ModelFacts) -> None:
    """Of a binary by its codes, of a categorical variable by its one-hot features; none at all is missing."""
    assert labels(ByFeature("CODE_GENDER"), model) == ["M", "F", "F", "missing"]
    assert labels(ByFeature("NAME_CONTRACT_TYPE"), model) == ["Cash loans", "Revolving loans", "missing", "missing"]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([Condition("AMT_CREDIT", minimum=200.0)], "0101"),
        ([Condition("AMT_CREDIT", maximum=200.0)], "1000"),
        ([Condition("AMT_CREDIT", minimum=100.0, maximum=300.0, levels=("missing",))], "1110"),
        ([Condition("AMT_CREDIT", levels=("missing",))], "0010"),
        ([Condition("CODE_GENDER", levels=("F",)), Condition("AMT_CREDIT", minimum=150.0)], "0100"),
        ([Condition("NAME_CONTRACT_TYPE", levels=("missing", "Cash loans"))], "1011"),
    ],
)
def test_a_set_holds_those_who_meet_all_conditions(
    model: ModelFacts, conditions: list[Condition], expected: str
) -> None:
    """A range includes its lower end; who is missing is in no range unless that is asked for."""
    found = labels(BySet("mine", tuple(conditions)), model)

    assert found == [{"1": "inside", "0": "outside"}[each] for each in expected]


def test_each_row_is_in_one_slice(model: ModelFacts) -> None:
    """Slices without rows are left out."""
    (slicing,) = settle_slicings([ByFeature("CODE_GENDER")], model)
    places = slicing.places(ROWS.head(3))

    members = dict(members_of(places, slicing.labels))

    assert {label: rows.tolist() for label, rows in members.items()} == {
        "M": [True, False, False],
        "F": [False, True, True],
    }


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        (ByFeature("INCOME"), "slicings[0].feature.name", "none of the model's"),
        (ByFeature(""), "slicings[0].feature.name", "none of the model's"),
        (ByFeature("FLAG_MOBIL"), "slicings[0].feature.name", "dropped by cleaning"),
        (ByFeature("CODE_GENDER", edges=(0.5,)), "slicings[0].feature.edges", "has levels"),
        (ByFeature("AMT_CREDIT", edges=(2.0, 1.0)), "slicings[0].feature.edges", "do not rise"),
        (ByFeature("AMT_CREDIT", edges=(float("nan"),)), "slicings[0].feature.edges", "do not rise"),
        (ByFeature("AMT_CREDIT", edges=tuple(map(float, range(51)))), "slicings[0].feature.edges", "at most 50"),
        (ByFeature("CODE_GENDER", reference="X"), "slicings[0].feature.reference", "which are M, F, missing"),
        (BySet("", ()), "slicings[0].set.conditions", "give 1 to 20"),
        (BySet("", (Condition("AMT_CREDIT"),)), "slicings[0].set.conditions[0]", "neither a range nor levels"),
        (BySet("", (Condition("CODE_GENDER", minimum=0.0),)), "slicings[0].set.conditions[0]", "name those"),
        (BySet("", (Condition("AMT_CREDIT", 2.0, 1.0),)), "slicings[0].set.conditions[0]", "not below"),
        (BySet("", (Condition("CODE_GENDER", levels=("X",)),)), "slicings[0].set.conditions[0].levels[0]", "M, F"),
        (BySet("", (Condition("X", levels=("X",)),)), "slicings[0].set.conditions[0].feature", "none of the model's"),
    ],
)
def test_what_the_model_does_not_know_is_named(model: ModelFacts, asked: Asked, field: str, said: str) -> None:
    """With what would be accepted."""
    with pytest.raises(InvalidInput, match=said) as refusal:
        settle_slicings([asked], model)

    assert [violation.field for violation in refusal.value.violations] == [field]


def test_slicings_are_bounded(model: ModelFacts) -> None:
    """Each costs memory and time."""
    with pytest.raises(InvalidInput, match="at most 20"):
        settle_slicings([ByFeature("CODE_GENDER")] * 21, model)
