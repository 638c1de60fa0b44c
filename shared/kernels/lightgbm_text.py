"""LightGBM's text format (version 4) to trees."""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise

from shared.kernels.trees import Missing, Node, Tree, unfit

_CATEGORICAL, _DEFAULT_LEFT, _MISSING_SHIFT = 1, 2, 2
_ZERO = 1.0000000180025095e-35  # LightGBM's kZeroThreshold, a float: it takes numbers as small for 0.0


def parse_trees(text: str) -> tuple[Tree, ...]:
    """Return the trees of a model; the text must be whole (its digest checked).

    Raises Precondition (KERNEL_UNFIT) for what the kernel does not reproduce: linear leaves, averaged forests, more
    than one output.
    """
    header, *blocks = text.split("\nTree=")
    _refuse_unknown(header)
    return tuple(_tree(_fields(block.split("\nend of trees", 1)[0])) for block in blocks)


def _refuse_unknown(header: str) -> None:
    lines = header.splitlines()
    if "version=v4" not in lines:
        raise unfit("its text is not of version 4")
    if "average_output" in lines:
        raise unfit("it averages its trees")
    if "num_tree_per_iteration=1" not in lines:
        raise unfit("it has more than one output")


def _fields(block: str) -> Mapping[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _tree(fields: Mapping[str, str]) -> Tree:
    if fields.get("is_linear", "0") != "0":
        raise unfit("its leaves are linear models")
    leaves = tuple(_numbers(fields["leaf_value"]))
    if fields["num_leaves"] == "1":
        return Tree((), leaves, (1.0,))
    return Tree(tuple(_nodes(fields)), leaves, tuple(_numbers(fields["leaf_count"])))


def _nodes(fields: Mapping[str, str]) -> Iterator[Node]:
    bitsets = _bitsets(fields)
    columns = zip(
        _integers(fields["split_feature"]),
        _numbers(fields["threshold"]),
        _integers(fields["decision_type"]),
        _integers(fields["left_child"]),
        _integers(fields["right_child"]),
        _numbers(fields["internal_count"]),
        strict=True,
    )
    for feature, threshold, decision, left, right, cover in columns:
        yield Node(
            feature=feature,
            threshold=threshold if decision & _CATEGORICAL else _beyond_zero(threshold),
            missing=Missing(decision >> _MISSING_SHIFT & 3),
            default_left=bool(decision & _DEFAULT_LEFT),
            left=left,
            right=right,
            cover=cover,
            categories=bitsets[int(threshold)] if decision & _CATEGORICAL else None,
        )


def _beyond_zero(threshold: float) -> float:
    """Return the threshold that sends what LightGBM takes for 0.0 where 0.0 goes, and everything else as before."""
    if abs(threshold) > _ZERO:
        return threshold
    return _ZERO if threshold >= 0.0 else math.nextafter(-_ZERO, -math.inf)


def _bitsets(fields: Mapping[str, str]) -> list[tuple[int, ...]]:
    if fields["num_cat"] == "0":
        return []
    bounds, words = list(_integers(fields["cat_boundaries"])), list(_integers(fields["cat_threshold"]))
    return [tuple(words[first:last]) for first, last in pairwise(bounds)]


def _integers(text: str) -> Iterator[int]:
    return map(int, text.split())


def _numbers(text: str) -> Iterator[float]:
    return map(float, text.split())
