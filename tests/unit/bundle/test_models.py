"""Models: exact contributions, the same bits alone and in a batch, and a way to disk that changes nothing."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from shared.bundle import lightgbm_model
from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.linear_model import LinearModel
from shared.bundle.model import Model
from shared.bundle.models import read_model
from shared.kernels.lightgbm_text import parse_trees
from shared.kernels.native import KERNEL_ID, LIBRARY
from shared.kernels.numba_kernel import KERNEL_ID as NUMBA_ID
from tests.bundles import TinyBundle

_NUMBERS = st.floats(-1e6, 1e6)
_MAYBE_MISSING = st.one_of(_NUMBERS, st.just(float("nan")))


def _model(kind: str, trees: TinyBundle, linear: TinyBundle) -> tuple[Model, NDArray[np.float64]]:
    """Return the model and 1,000 rows that it takes; those of the trees have missing values."""
    if kind == "lightgbm":
        return trees.contents.model, trees.values
    return linear.contents.model, np.nan_to_num(linear.values)


@pytest.mark.parametrize("kind", ["lightgbm", "linear"])
def test_contributions_and_baseline_add_up_to_the_margin(kind: str, trees: TinyBundle, linear: TinyBundle) -> None:
    """Reasons would be invented if their sum were anything but the score."""
    model, values = _model(kind, trees, linear)

    contributions = model.contributions(values)

    assert contributions.shape == (1000, values.shape[1] + 1)
    assert np.abs(contributions.sum(axis=1) - model.margins(values)).max() <= 1e-9
    assert len(np.unique(contributions[:, -1])) == 1


@settings(max_examples=200, deadline=None)
@given(rows=arrays(np.float64, (5, 6), elements=_MAYBE_MISSING))
def test_trees_add_up_for_any_numbers_and_missing_values(trees: TinyBundle, rows: NDArray[np.float64]) -> None:
    """Also far outside of what training saw: 200 times 5 rows."""
    model = trees.contents.model

    contributions = model.contributions(rows)

    assert np.abs(contributions.sum(axis=1) - model.margins(rows)).max() <= 1e-9


@pytest.mark.parametrize("kind", ["lightgbm", "linear"])
def test_row_gets_the_same_bits_alone_and_in_a_batch(kind: str, trees: TinyBundle, linear: TinyBundle) -> None:
    """A stored decision is replayed alone, whatever batch it came in."""
    model, values = _model(kind, trees, linear)

    margins = np.concatenate([model.margins(values[place : place + 1]) for place in range(len(values))])
    contributions = np.concatenate([model.contributions(values[place : place + 1]) for place in range(len(values))])

    assert margins.tobytes() == model.margins(values).tobytes()
    assert contributions.tobytes() == model.contributions(values).tobytes()


@given(rows=arrays(np.float64, st.tuples(st.integers(1, 40), st.just(300)), elements=_NUMBERS))
@settings(max_examples=20, deadline=None)
def test_linear_sum_has_one_order_for_any_number_of_rows(rows: NDArray[np.float64]) -> None:
    """Three hundred columns are where numpy's own sum would begin to split."""
    model = LinearModel(np.linspace(-3.0, 3.0, 300) / 7.0, 0.1, np.full(300, 0.3), np.full(300, 1.7))

    alone = [model.margins(row.reshape(1, -1))[0] for row in rows]

    assert np.array(alone).tobytes() == model.margins(rows).tobytes()


@pytest.mark.parametrize("kind", ["lightgbm", "linear"])
def test_model_read_from_its_files_answers_with_the_same_bits(kind: str, trees: TinyBundle, linear: TinyBundle) -> None:
    """What was evaluated is what serves."""
    model, values = _model(kind, trees, linear)

    read = read_model(model.kind, model.files())

    assert (read.kind, read.kernel_id, read.n_features) == (model.kind, model.kernel_id, model.n_features)
    assert read.margins(values).tobytes() == model.margins(values).tobytes()
    assert read.contributions(values).tobytes() == model.contributions(values).tobytes()


def test_trees_give_many_threads_the_same_bits(trees: TinyBundle) -> None:
    """The scorer's threads share one model and take no lock; a fresh one is where they would trip."""
    model = read_model("lightgbm", trees.contents.model.files())
    expected = trees.contents.model.contributions(trees.values).tobytes()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: model.contributions(trees.values).tobytes(), range(40)))
        margins = list(threads.map(lambda place: model.margins(trees.values[place:])[0], range(200)))

    assert set(answers) == {expected}
    assert np.array(margins).tobytes() == model.margins(trees.values)[:200].tobytes()


def test_trees_take_rows_in_any_memory_order(trees: TinyBundle) -> None:
    """Columns out of a table are not laid out row by row."""
    model, values = trees.contents.model, trees.values

    margins = model.margins(np.asfortranarray(values))

    assert margins.tobytes() == model.margins(values).tobytes()


@pytest.mark.parametrize("kind", ["lightgbm", "linear"])
def test_no_rows_give_no_answers(kind: str, trees: TinyBundle, linear: TinyBundle) -> None:
    """An empty window is no error."""
    model, values = _model(kind, trees, linear)

    margins, contributions = model.margins(values[:0]), model.contributions(values[:0])

    assert margins.shape == (0,)
    assert contributions.shape == (0, values.shape[1] + 1)


def test_kernel_ids_name_what_computes(trees: TinyBundle, linear: TinyBundle) -> None:
    """A record says by which kernel its contributions are bit-equal."""
    expected = KERNEL_ID if LIBRARY.find() else NUMBA_ID

    ids = trees.contents.model.kernel_id, linear.contents.model.kernel_id

    assert ids == (expected, "linear-1")


def test_trees_answer_without_the_compiled_kernel(trees: TinyBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it was not compiled, numba serves: margins to the bit, contributions within 1e-12."""
    model = trees.contents.model
    text = model.files()["model.txt"].decode()
    monkeypatch.setattr(LIBRARY, "find", lambda: None)

    in_numba = LightGbmModel.from_text(text)
    margins, contributions = in_numba.explain(trees.values)

    assert in_numba.kernel_id == NUMBA_ID
    assert margins.tobytes() == model.margins(trees.values).tobytes()
    assert np.max(np.abs(contributions - model.explain(trees.values)[1])) <= 1e-12


def test_trees_answer_without_any_kernel(trees: TinyBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without compiler and numba LightGBM computes: margins to the bit, contributions within 1e-12."""
    model = trees.contents.model
    text = model.files()["model.txt"].decode()
    monkeypatch.setattr(LIBRARY, "find", lambda: None)
    monkeypatch.setattr(lightgbm_model, "find_numba", lambda: None)

    plain = LightGbmModel.from_text(text)
    margins, contributions = plain.explain(trees.values)

    assert plain.kernel_id == "lightgbm-4.7.0"
    assert margins.tobytes() == model.margins(trees.values).tobytes()
    assert np.max(np.abs(contributions - model.explain(trees.values)[1])) <= 1e-12


def test_a_kernel_that_answers_otherwise_does_not_serve(trees: TinyBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried on rows around the model's own thresholds before it serves; wrong, it is left out."""
    if shutil.which("c++") is None:
        pytest.skip("there is no C++ compiler")
    library = LIBRARY.build()
    text = trees.contents.model.files()["model.txt"].decode()
    monkeypatch.setattr(LIBRARY, "find", lambda: library)
    monkeypatch.setattr(lightgbm_model, "parse_trees", lambda text: parse_trees(text)[1:])

    model = LightGbmModel.from_text(text)

    assert model.kernel_id == "lightgbm-4.7.0"


def test_text_that_is_no_model_is_refused() -> None:
    """What LightGBM notices by itself is an error of ours; the rest is kept out by digests."""
    with pytest.raises(ValueError, match="LightGBM does not read the model"):
        LightGbmModel.from_text("tree of knowledge")


def test_linear_margin_is_the_formula() -> None:
    """Intercept plus coefficient times standardised value, by hand."""
    model = LinearModel(np.array([2.0, -1.0]), 0.5, np.array([10.0, 0.0]), np.array([5.0, 4.0]))

    margins, contributions = model.margins(np.array([[20.0, 8.0]])), model.contributions(np.array([[20.0, 8.0]]))

    assert margins.tolist() == [2.5]
    assert contributions.tolist() == [[4.0, -2.0, 0.5]]


def test_linear_margin_of_a_missing_value_is_missing() -> None:
    """It is never taken for the mean in silence."""
    model = LinearModel(np.ones(2), 0.0, np.zeros(2), np.ones(2))

    margins = model.margins(np.array([[1.0, np.nan], [1.0, 2.0]]))

    assert np.isnan(margins).tolist() == [True, False]


@pytest.mark.parametrize(
    "wrong",
    [
        {"coefficients": np.ones(3)},
        {"coefficients": np.ones((2, 1)), "means": np.ones((2, 1)), "scales": np.ones((2, 1))},
        {"means": np.array([0.0, np.nan])},
        {"scales": np.array([1.0, 0.0])},
        {"intercept": np.inf},
    ],
)
def test_linear_model_refuses_numbers_that_make_no_model(wrong: dict[str, Any]) -> None:
    """Such a bundle is not written, nor read."""
    sound: dict[str, Any] = {"coefficients": np.ones(2), "intercept": 0.0, "means": np.ones(2), "scales": np.ones(2)}

    with pytest.raises(ValueError, match=r"shape|finite"):
        LinearModel(**(sound | wrong))


def test_linear_model_refuses_rows_of_another_width() -> None:
    """A row with one column would be stretched over all of them."""
    model = LinearModel(np.ones(2), 0.0, np.zeros(2), np.ones(2))

    with pytest.raises(ValueError, match="2 columns"):
        model.margins(np.ones((3, 1)))


def test_linear_model_keeps_numbers_of_its_own() -> None:
    """What the trainer does with its arrays afterwards changes nothing."""
    coefficients = np.ones(2)
    model = LinearModel(coefficients, 0.0, np.zeros(2), np.ones(2))

    coefficients[0] = 5.0

    assert model.coefficients.tolist() == [1.0, 1.0]
    assert not model.coefficients.flags.writeable


@pytest.mark.parametrize("kind", ["pickle", "", "sklearn", "Linear"])
def test_kind_that_is_not_in_the_allow_list_is_not_read(kind: str) -> None:
    """Nothing that a registry holds decides what code runs."""
    with pytest.raises(ValueError, match="no kind of model that is served"):
        read_model(kind, {"model.txt": b""})
