"""Trees as any library grows them, in plain words."""

from dataclasses import dataclass
from enum import IntEnum

from shared.errors import Precondition


class Missing(IntEnum):
    """What a split takes as missing: nothing (NaN is zero then), zero and NaN, or NaN."""

    NONE = 0
    ZERO = 1
    NAN = 2


@dataclass(frozen=True)
class Node:
    """One split: a row goes left where its value is at most `threshold`, or in the set of `categories`, bits in words.

    A child is a node's number, or -1 - leaf. `cover` counts the training rows that reached the node.
    """

    feature: int
    threshold: float
    missing: Missing
    default_left: bool
    left: int
    right: int
    cover: float
    categories: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Tree:
    """One tree: its nodes, node 0 the root; no node if it is a single leaf. Leaf values are in log-odds."""

    nodes: tuple[Node, ...]
    leaves: tuple[float, ...]
    leaf_covers: tuple[float, ...]

    def cover(self, child: int) -> float:
        """Return how many training rows reached a child."""
        return self.nodes[child].cover if child >= 0 else self.leaf_covers[-1 - child]

    @property
    def expectation(self) -> float:
        """Mean leaf value over the training rows."""
        if not self.nodes:
            return self.leaves[0]
        total = self.nodes[0].cover
        return sum(cover / total * value for cover, value in zip(self.leaf_covers, self.leaves, strict=True))


def unfit(why: str) -> Precondition:
    """Return the error (KERNEL_UNFIT) that leaves a model to the library."""
    return Precondition(
        f"the kernel cannot take this model: {why}; the library computes it instead", reason="KERNEL_UNFIT"
    )
