"""Groups of applicants are told apart by what the data set says, and compared by their rates."""

import numpy as np
import polars as pl
import pytest

from services.trainer.domain.slices import Attribute, Rated, Slice, slice_applicants
from shared.bundle.schema import Feature


def _feature(name: str, kind: str = "numeric", **changes: object) -> Feature:
    return Feature(name, kind, "application", (name,), **changes)  # type: ignore[arg-type]  # any of its fields


_GENDER = _feature("CODE_GENDER", "binary", group="CODE_GENDER", codes={"M": 0.0, "F": 1.0})
_MARRIED = [
    _feature(f"NAME_FAMILY_STATUS_{level}", "one_hot", group="NAME_FAMILY_STATUS", level=level)
    for level in ("Married", "Single")
]
_AGE = _feature("DAYS_BIRTH")


def _rated(columns: dict[str, list[float | None]], targets: list[int], probabilities: list[float]) -> Rated:
    return Rated(
        pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Float64)),
        np.array(targets, dtype=np.int8),
        np.array(probabilities),
        0.5,
    )


def test_binary_attribute_is_worked_out_by_hand() -> None:
    """Rates of each level, and of those of whom it is not known."""
    rated = _rated({"CODE_GENDER": [0, 0, 1, 1, None]}, [1, 0, 0, 0, 1], [0.9, 0.1, 0.2, 0.3, 0.4])

    (gender,) = slice_applicants(rated, [_GENDER], ["CODE_GENDER"])

    assert (gender.name, gender.seen) == ("CODE_GENDER", True)
    assert gender.slices == (
        Slice("M", 2, 0.5, None, 0.5, 0.0),
        Slice("F", 2, 0.0, None, 1.0, 0.0),
        Slice("missing", 1, 1.0, None, 1.0, 1.0),
    )


def test_levels_of_a_one_hot_attribute_are_its_groups() -> None:
    """Whoever has none of them is missing; it counts as seen if the model keeps any of its columns."""
    columns: dict[str, list[float | None]] = {
        "NAME_FAMILY_STATUS_Married": [1, 1, 0, 0],
        "NAME_FAMILY_STATUS_Single": [0, 0, 1, 0],
    }
    rated = _rated(columns, [0, 1, 0, 1], [0.1, 0.9, 0.2, 0.8])

    (unseen,) = slice_applicants(rated, _MARRIED, [])
    (seen,) = slice_applicants(rated, _MARRIED, ["NAME_FAMILY_STATUS_Single"])

    assert [(each.group, each.rows) for each in unseen.slices] == [("Married", 2), ("Single", 1), ("missing", 1)]
    assert (unseen.seen, seen.seen) == (False, True)
    assert unseen.slices[2].bad_rate is None


def test_age_is_told_in_bands_from_days_before_the_application() -> None:
    """A band holds its lower end; one without applicants is left out."""
    years = [18.0, 29.99, 30.0, 39.0, 62.0]
    rated = _rated({"DAYS_BIRTH": [-365.25 * year for year in years] + [None]}, [0] * 6, [0.1] * 6)

    (age,) = slice_applicants(rated, [_AGE], [])

    assert [(each.group, each.rows) for each in age.slices] == [
        ("below 30", 2),
        ("30 to 39", 2),
        ("60 and above", 1),
        ("missing", 1),
    ]


def test_age_in_years_is_known_by_its_name() -> None:
    """As in a lender's own table."""
    rated = _rated({"age": [25, 45]}, [0, 1], [0.1, 0.9])

    (age,) = slice_applicants(rated, [_feature("age")], ["age"])

    assert [each.group for each in age.slices] == ["below 30", "40 to 49"]


@pytest.mark.parametrize("name", ["AMT_CREDIT", "OWN_CAR_AGE", "PAGE", "FLAG_PHONE", "SEXTANT"])
def test_other_features_make_no_groups(name: str) -> None:
    """A name that only sounds like an attribute is none."""
    rated = _rated({name: [0, 1]}, [0, 1], [0.1, 0.9])
    feature = _feature(name, "binary", group=name, codes={"no": 0.0, "yes": 1.0})

    assert slice_applicants(rated, [feature], []) == ()
    assert slice_applicants(rated, [_feature(name)], []) == ()


def test_attribute_of_a_single_group_compares_nothing() -> None:
    """It is left out."""
    rated = _rated({"CODE_GENDER": [1, 1]}, [0, 1], [0.1, 0.9])

    assert slice_applicants(rated, [_GENDER], []) == ()


def test_ranking_is_told_only_where_there_is_something_to_rank() -> None:
    """From 30 applicants of both outcomes on."""
    rows = 30
    genders: list[float | None] = [*[0.0] * rows, *[1.0] * (rows - 1)]
    rated = _rated(
        {"CODE_GENDER": genders},
        ([0] * (rows - 1) + [1]) + [0] * (rows - 2) + [1],
        [0.1] * (rows - 1) + [0.9] + [0.2] * (rows - 1),
    )

    (gender,) = slice_applicants(rated, [_GENDER], [])

    assert [each.auc for each in gender.slices] == [1.0, None]


def _group(name: str, rows: int, approval_rate: float) -> Slice:
    return Slice(name, rows, 0.1, 0.7, approval_rate, 0.05)


@pytest.mark.parametrize(
    ("slices", "ratio"),
    [
        ([_group("M", 100, 0.9), _group("F", 100, 0.6), _group("X", 40, 0.75)], 2 / 3),
        ([_group("M", 100, 0.9), _group("F", 29, 0.1)], None),
        ([_group("M", 100, 0.9), _group("missing", 100, 0.1)], None),
        ([_group("M", 100, 0.0), _group("F", 100, 0.0)], None),
    ],
)
def test_impact_ratio_is_of_groups_that_are_large_enough(slices: list[Slice], ratio: float | None) -> None:
    """A handful of applicants, or those of whom nothing is known, accuse nobody."""
    assert Attribute("CODE_GENDER", True, tuple(slices)).impact_ratio == ratio
