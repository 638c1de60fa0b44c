"""What is done about defaults being rare: weights, and what synthetic applicants need before any is made."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.trainer.domain.imbalance import (
    Imbalance,
    bytes_needed,
    categorical_columns,
    check_memory,
    check_neighbours,
    class_weights,
    neighbours_in,
)
from shared.errors import InvalidInput, Precondition


@settings(deadline=None)
@given(st.lists(st.integers(0, 1), min_size=2, max_size=50).filter(lambda targets: len(set(targets)) == 2))
def test_balanced_classes_weigh_the_same_however_rare_one_is(targets: list[int]) -> None:
    """Half of the rows each, so that the sum of weights is the number of rows with and without balance."""
    classes = np.array(targets, dtype=np.int8)

    weights = class_weights(classes, balanced=True)

    assert weights[classes == 1].sum() == pytest.approx(len(targets) / 2)
    assert weights[classes == 0].sum() == pytest.approx(len(targets) / 2)
    assert len(set(weights[classes == 1])) == 1
    assert class_weights(classes, balanced=False).sum() == len(targets)


def test_columns_of_two_values_or_one_are_categories() -> None:
    """One-hot columns and flags, also where no row has them; three values are a number."""
    values = np.array([[0.0, 7.0, 1.0, 0.0], [1.0, 7.0, 2.0, 5.0], [0.0, 7.0, 3.0, 5.0]])

    assert categorical_columns(values).tolist() == [True, True, False, True]


def test_only_synthetic_rows_take_a_hyper_parameter() -> None:
    """Weights have no neighbours."""
    taken = {imbalance: [each.name for each in imbalance.hyperparameters] for imbalance in Imbalance}

    assert taken[Imbalance.SMOTE] == taken[Imbalance.SMOTENC] == ["smote_k_neighbors"]
    assert taken[Imbalance.NONE] == taken[Imbalance.CLASS_WEIGHTS] == []


def test_the_largest_number_of_neighbours_is_what_must_be_possible() -> None:
    """Of a grid's values, or the default."""
    assert neighbours_in({"smote_k_neighbors": (3, 9, 4)}) == 9
    assert neighbours_in({}) == 5


def test_as_many_neighbours_as_there_are_defaults_in_a_fold_are_refused() -> None:
    """Of 13 defaults in 5 folds, 10 are left where a fold holds 3 out, each with 9 others."""
    check_neighbours(9, rarest=13, folds=5)

    with pytest.raises(InvalidInput, match="set it to 9 or less") as refusal:
        check_neighbours(10, rarest=13, folds=5)

    assert refusal.value.violations[0].field == 'grid["smote_k_neighbors"]'


def test_one_default_in_a_fold_has_no_neighbour_at_all() -> None:
    """No number of neighbours mends that."""
    with pytest.raises(InvalidInput, match="choose imbalance CLASS_WEIGHTS"):
        check_neighbours(1, rarest=2, folds=2)


def test_more_memory_than_there_is_is_refused_with_both_figures() -> None:
    """The operator sees by how much."""
    check_memory(2**30, 2**30)

    with pytest.raises(Precondition, match=r"about 3\.0 GiB of memory and 1\.0 are free") as refusal:
        check_memory(3 * 2**30, 2**30)

    assert refusal.value.reason == "MEMORY_NEEDED"
    assert refusal.value.metadata == {"bytes_needed": str(3 * 2**30), "bytes_available": str(2**30)}


def test_weights_need_no_memory_and_neighbourhoods_of_categories_most() -> None:
    """At full Home Credit size SMOTENC wants tens of gigabytes."""
    sizes = {
        imbalance: bytes_needed(imbalance, rows=246_008, rarest=19_860, columns=771, categorical=500, neighbours=5)
        for imbalance in Imbalance
    }

    assert sizes[Imbalance.NONE] == sizes[Imbalance.CLASS_WEIGHTS] == 0
    assert 5 * 2**30 < sizes[Imbalance.SMOTE] < sizes[Imbalance.SMOTENC]
