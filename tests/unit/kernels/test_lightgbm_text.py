"""LightGBM's own contributions, on random models of every kind that the kernel takes."""

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.errors import Precondition
from shared.kernels.layout import flatten
from shared.kernels.lightgbm_text import parse_trees
from shared.kernels.native import NativeKernel

N_FEATURES = 6
ROWS = 300


def applicants(generator: np.random.Generator, n_rows: int, categories: int) -> NDArray[np.float64]:
    """Return rows (n_rows, 6): feature 0 without missing values, feature 5 a category."""
    values = generator.normal(size=(n_rows, N_FEATURES)).round(1)
    values[generator.random(values.shape) < 0.15] = np.nan
    values[:, 0] = np.nan_to_num(values[:, 0])
    values[:, 5] = generator.integers(0, categories, n_rows)
    return values


def strange(generator: np.random.Generator, n_rows: int, categories: int) -> NDArray[np.float64]:
    """Return rows unlike any in training: unseen categories, missing where none was, both zeros, huge numbers."""
    values = applicants(generator, n_rows, categories + 40)
    for odd, share in ((np.nan, 0.1), (-0.0, 0.05), (1e308, 0.02), (-100.5, 0.05)):
        values[generator.random(values.shape) < share] = odd
    return values


def train(seed: int, *, trees: int = 5, categorical: bool = False, **parameters: Any) -> lightgbm.Booster:
    """Return a model of 300 applicants."""
    generator = np.random.default_rng(seed)
    values = applicants(generator, ROWS, categories=12)
    signal = np.nan_to_num(values[:, 0] * values[:, 1]) + (values[:, 5] % 3 == 1)
    targets = (signal + generator.normal(size=ROWS) > 0.5).astype(float)
    fixed = {"min_data_in_leaf": 3, "min_data_per_group": 5, "cat_smooth": 1.0, "verbosity": -1, "num_threads": 1}
    data = lightgbm.Dataset(values, targets, categorical_feature=[5] if categorical else [])
    return lightgbm.train({"objective": "binary", **fixed, **parameters}, data, trees)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**16),
    leaves=st.integers(2, 40),
    categorical=st.booleans(),
    zero_as_missing=st.booleans(),
    use_missing=st.booleans(),
)
def test_kernel_agrees_with_lightgbm(
    library: Path, *, seed: int, leaves: int, categorical: bool, zero_as_missing: bool, use_missing: bool
) -> None:
    """Margins to the bit, contributions and baseline within 1e-10, whatever the splits and the rows are."""
    missing = {"zero_as_missing": zero_as_missing, "use_missing": use_missing}
    booster = train(seed, num_leaves=leaves, categorical=categorical, **missing)
    rows = strange(np.random.default_rng(seed + 1), 30, categories=12)

    flat = flatten(parse_trees(booster.model_to_string()), N_FEATURES)
    margins, contributions = NativeKernel(library, flat).margins_and_contributions(rows)

    theirs = np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1))
    assert margins.tolist() == np.asarray(booster.predict(rows, raw_score=True, num_threads=1)).tolist()
    assert np.max(np.abs(contributions - theirs[:, :-1])) <= 1e-10
    assert abs(flat.baseline - theirs[0, -1]) <= 1e-10


def test_numbers_that_lightgbm_takes_for_zero_go_where_zero_goes(library: Path) -> None:
    """Its thresholds beside zero are -1e-35 and 1e-35, and a value between them counts as 0.0 before it is compared."""
    generator = np.random.default_rng(5)
    values = generator.choice([-2.0, -1.0, 0.0, 1.0, 2.0], size=(ROWS, 2))
    targets = values[:, 0] < 0.0
    parameters = {"objective": "binary", "num_leaves": 4, "min_data_in_leaf": 3, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(values, targets ^ (values[:, 1] > 0.0)), 5)
    kernel = NativeKernel(library, flatten(parse_trees(booster.model_to_string()), 2))
    border = float(np.float32(1e-35))
    tiny = [side * size for side in (-1.0, 1.0) for size in (0.0, 1e-300, 1e-36, border, np.nextafter(border, 1.0))]
    rows = np.array([(first, second) for first in tiny for second in tiny])

    margins, contributions = kernel.margins_and_contributions(rows)

    expected = np.asarray(booster.predict(rows, pred_contrib=True))
    assert "-1.0000000180025095e-35" in booster.model_to_string()
    assert np.array_equal(margins, booster.predict(rows, raw_score=True))
    assert np.abs(contributions - expected[:, :-1]).max() <= 1e-12


def test_trees_without_a_split_are_constants(library: Path) -> None:
    """A model that found nothing to split on answers its leaf, and nothing contributes."""
    booster = train(1, trees=2, min_data_in_leaf=ROWS)

    flat = flatten(parse_trees(booster.model_to_string()), N_FEATURES)
    margins, contributions = NativeKernel(library, flat).margins_and_contributions(np.zeros((5, N_FEATURES)))

    assert margins.tolist() == [flat.baseline] * 5
    assert not contributions.any()


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "averages"),
        ({"linear_tree": True}, "linear"),
        ({"objective": "multiclass", "num_class": 2}, "more than one output"),
    ],
)
def test_what_the_kernel_does_not_reproduce_is_refused(parameters: dict[str, Any], why: str) -> None:
    """Such a model is left to the library; a wrong number would be worse than a slow one."""
    text = train(2, **parameters).model_to_string()

    with pytest.raises(Precondition, match=why) as refused:
        parse_trees(text)

    assert refused.value.reason == "KERNEL_UNFIT"
