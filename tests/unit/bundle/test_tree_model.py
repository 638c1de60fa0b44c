"""Trees as numbers: exact contributions, a way to disk that changes no bit, and no way for what is no tree."""

import shutil
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.bundle.arrays import arrays_to_bytes
from shared.bundle.ensemble import Ensemble, ensemble_from_bytes
from shared.bundle.models import read_model
from shared.bundle.tree_model import TreeModel
from shared.kernels.native import LIBRARY
from shared.kernels.trees import Missing, Node, Tree
from tests.unit.kernels.random_trees import N_FEATURES, random_tree
from tests.unit.kernels.shapley import shapley_values


def numeric(tree: Tree) -> Tree:
    """Return the tree with splits on numbers alone, each with a side for missing values."""
    nodes = tuple(replace(node, categories=None, missing=Missing.NAN) for node in tree.nodes)
    return Tree(nodes, tree.leaves, tree.leaf_covers)


def ensemble(seed: int = 0, *, takes_missing_values: bool = True) -> Ensemble:
    """Return three random trees and a leaf after an intercept."""
    generator = np.random.default_rng(seed)
    trees = tuple(numeric(random_tree(generator, leaves)) for leaves in (9, 1, 14, 5))
    return Ensemble(trees, N_FEATURES, 0.25, takes_missing_values)


def rows(n_rows: int = 200) -> NDArray[np.float64]:
    """Return rows of which an eighth of the values is missing."""
    generator = np.random.default_rng(9)
    values = generator.normal(size=(n_rows, N_FEATURES))
    values[generator.random(values.shape) < 1 / 8] = np.nan
    return values


def test_margin_is_the_intercept_and_every_leaf_reached() -> None:
    """Missing values and values at a threshold included, by hand."""
    stump = Tree((Node(1, 0.5, Missing.NAN, False, -1, -2, 4.0),), (1.0, -2.0), (3.0, 1.0))
    model = TreeModel(Ensemble((stump, Tree((), (0.125,), (4.0,))), 2, 0.5, True))

    margins, explained = model.explain(np.array([[9.0, 0.5], [9.0, 0.6], [9.0, np.nan]]))

    assert margins.tolist() == [1.625, -1.375, -1.375]
    assert explained.tolist() == [[0.0, 0.75], [0.0, -2.25], [0.0, -2.25]]


def test_contributions_are_shapley_values_and_add_up() -> None:
    """By the definition over all subsets; with the baseline they are the margin."""
    model = TreeModel(ensemble())

    margins, explained = model.explain(rows(8))

    by_definition = [sum(shapley_values(tree, row) for tree in model.ensemble.trees) for row in rows(8)]
    assert np.abs(explained - np.array(by_definition)).max() <= 1e-12
    assert np.abs(model.contributions(rows(8)).sum(axis=1) - margins).max() <= 1e-12
    assert margins.tobytes() == model.margins(rows(8)).tobytes()


def test_row_gets_the_same_bits_alone_and_in_a_batch() -> None:
    """A stored decision is replayed alone, whatever batch it came in."""
    model, values = TreeModel(ensemble()), rows()

    alone = [model.explain(values[place : place + 1]) for place in range(len(values))]

    margins, explained = model.explain(values)
    assert b"".join(one.tobytes() for one, _ in alone) == margins.tobytes()
    assert np.vstack([each for _, each in alone]).tolist() == explained.tolist()


def test_model_read_from_its_files_answers_with_the_same_bits() -> None:
    """And its files are the same bytes again."""
    model = TreeModel(ensemble())

    read = read_model(model.kind, model.files())

    assert read.files() == model.files()
    assert read.explain(rows())[0].tobytes() == model.explain(rows())[0].tobytes()
    assert read.contributions(rows()).tobytes() == model.contributions(rows()).tobytes()


def test_the_compiled_kernel_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor the kernel id, which promises that."""
    if shutil.which("c++") is None:
        pytest.skip("there is no C++ compiler")
    answers = []

    for found in (LIBRARY.build(), None):
        monkeypatch.setattr(LIBRARY, "find", lambda found=found: found)
        model = TreeModel(ensemble())
        answers.append((model.kernel_id, *(answer.tolist() for answer in model.explain(np.nan_to_num(rows())))))

    assert answers[0] == answers[1]


def test_a_path_too_long_for_the_compiled_kernel_is_explained_all_the_same() -> None:
    """Trees without a limit of depth may split on any number of features."""
    nodes = tuple(
        Node(place, 0.0, Missing.NAN, True, -1 - place, place + 1 if place < 39 else -41, 41.0 - place)
        for place in range(40)
    )
    model = TreeModel(Ensemble((Tree(nodes, tuple(map(float, range(41))), (1.0,) * 41),), 40, 0.0, True))
    values = np.random.default_rng(2).normal(size=(5, 40))

    margins, explained = model.margins(values), model.contributions(values)

    assert np.abs(explained.sum(axis=1) - margins).max() <= 1e-9


def test_a_model_that_takes_no_missing_values_does_not_guess() -> None:
    """Its margin is missing then, and so are its reasons."""
    model = TreeModel(ensemble(takes_missing_values=False))
    values = np.zeros((2, N_FEATURES))
    values[0, 3] = np.nan

    margins, explained = model.explain(values)

    assert np.isnan(margins).tolist() == np.isnan(model.margins(values)).tolist() == [True, False]
    assert np.isnan(explained).all(axis=1).tolist() == [True, False]


def test_other_widths_are_refused() -> None:
    """Rows of another length would be read beyond their end."""
    with pytest.raises(ValueError, match=f"{N_FEATURES} columns"):
        TreeModel(ensemble()).margins(np.zeros((2, N_FEATURES + 1)))


_STUMP = Tree((Node(0, 0.5, Missing.NAN, True, -1, -2, 4.0),), (1.0, -2.0), (3.0, 1.0))
_LATER = Node(0, 0.1, Missing.NAN, True, -2, -3, 2.0)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Ensemble((), 1, np.nan, True),
        lambda: Ensemble((_with(feature=1),), 1, 0.0, True),
        lambda: Ensemble((_with(threshold=np.nan),), 1, 0.0, True),
        lambda: Ensemble((_with(missing=Missing.NONE),), 1, 0.0, True),
        lambda: Ensemble((_with(categories=(1,)),), 1, 0.0, True),
        lambda: Ensemble((_with(cover=0.0),), 1, 0.0, True),
        lambda: Ensemble((_with(left=0),), 1, 0.0, True),
        lambda: Ensemble((_with(right=-1),), 1, 0.0, True),
        lambda: Ensemble((_with(right=-3),), 1, 0.0, True),
        lambda: Ensemble((replace(_STUMP, leaves=(1.0, np.inf)),), 1, 0.0, True),
        lambda: Ensemble((replace(_STUMP, leaf_covers=(3.0, 0.0)),), 1, 0.0, True),
        lambda: Ensemble((replace(_STUMP, leaves=(1.0,)),), 1, 0.0, True),
        lambda: Ensemble((Tree((_LATER, _with(left=0).nodes[0]), (0.0,) * 3, (1.0,) * 3),), 1, 0.0, True),
    ],
)
def test_numbers_that_make_no_tree_are_refused(wrong: Callable[[], Ensemble]) -> None:
    """The kernel follows children without looking: what is no tree would lead it astray."""
    with pytest.raises(ValueError, match=r"must"):
        wrong()


def test_a_file_of_other_arrays_is_refused() -> None:
    """Whatever its length or its names."""
    content = ensemble().to_bytes()

    for other in (content[: len(content) // 2], b"", arrays_to_bytes({"splits": np.zeros(1)})):
        with pytest.raises((ValueError, KeyError)):
            ensemble_from_bytes(other)


def _with(**changes: object) -> Tree:
    return replace(_STUMP, nodes=(replace(_STUMP.nodes[0], **changes),))  # type: ignore[arg-type]  # any field
