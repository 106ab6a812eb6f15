"""Hierarchical node compression (arXiv 2503.13551): a node is moved to its grandparent, which merges both steps.

The moved node and the grandparent keep their labels; the parent's label becomes the estimate without that child. In the
published code descendants of a moved node keep the old history; here every history follows from the tree.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from puzzles.errors import UserError
from puzzles.trees.trees import Node, Origin, Tree


@dataclass(frozen=True, kw_only=True, slots=True)
class CompressionReport:
    """What a compression changed in the nodes below the root."""

    nodes: int
    moved: int
    changed: int  # labels that differ from before
    total_change: float  # sum of |change|
    largest_change: float
    duplicates: int  # moved nodes that have a new sibling of the same state

    @property
    def moved_share(self) -> float:
        return self.moved / max(self.nodes, 1)

    @property
    def changed_share(self) -> float:
        return self.changed / max(self.nodes, 1)

    @property
    def mean_change(self) -> float:
        """The mean change of the labels that changed."""
        return self.total_change / max(self.changed, 1)

    @staticmethod
    def total(reports: "Iterable[CompressionReport]") -> "CompressionReport":
        """The reports of several trees as one."""
        reports = list(reports)
        return CompressionReport(
            nodes=sum(report.nodes for report in reports),
            moved=sum(report.moved for report in reports),
            changed=sum(report.changed for report in reports),
            total_change=sum(report.total_change for report in reports),
            largest_change=max((report.largest_change for report in reports), default=0.0),
            duplicates=sum(report.duplicates for report in reports),
        )


def compress(
    tree: Tree, rng: np.random.Generator, *, probability: float = 0.5, min_children: int = 4
) -> tuple[Tree, CompressionReport]:
    """A copy of the tree with some nodes moved to their grandparents.

    Breadth first, a node at depth 2 or more is moved with `probability` if its parent has not been moved, has at least
    `min_children` children and has lost none yet.
    """
    copy, nodes = _copy(tree)
    labels = [node.mc for node in nodes]
    moves = _draw(copy, rng, probability, min_children)
    for child in moves:
        parent = _leave_out(child, "hnc")
        grandparent = parent.parent
        assert grandparent is not None
        parent.children = [other for other in parent.children if other is not child]
        grandparent.children.append(child)
        child.parent, child.origin = grandparent, "hnc"
    for node in copy.nodes():
        node.depth = 0 if node.parent is None else node.parent.depth + 1
    return copy, _report(nodes, labels, moves)


def leave_one_out(
    tree: Tree, rng: np.random.Generator, *, probability: float = 0.5, min_children: int = 4
) -> tuple[Tree, CompressionReport]:
    """The control: a copy with the labels that `compress` gives for the same state of `rng`, but no node moved.

    The changed labels are not those of the leaves under them, so `recount` would undo them.
    """
    copy, nodes = _copy(tree)
    labels = [node.mc for node in nodes]
    for child in _draw(copy, rng, probability, min_children):
        _leave_out(child, "noise")
    return copy, _report(nodes, labels, [])


def _copy(tree: Tree) -> tuple[Tree, list[Node]]:
    """The copy, and its nodes breadth first. The states are shared, since nothing writes into them."""
    copies: dict[Node | None, Node] = {}
    for node in tree.nodes():
        parent = copies.get(node.parent)
        copies[node] = Node(
            node.state, parent, node.time, node.depth, [], node.n, node.c, node.exact, node.origin
        )  # fmt: skip
        if parent is not None:
            parent.children.append(copies[node])
    copy = Tree(
        task=tree.task,
        problem=tree.problem,
        root=copies[tree.root],
        budget=tree.budget,
        cells_per_step=tree.cells_per_step,
        policy=tree.policy,
        k=tree.k,
        group=tree.group,
    )
    return copy, list(copies.values())


def _draw(tree: Tree, rng: np.random.Generator, probability: float, min_children: int) -> list[Node]:
    """The children to move, at most one of each parent."""
    if not 0 <= probability <= 1:
        raise UserError(f"probability={probability}: must be from 0 to 1")
    if min_children < 2:
        raise UserError(f"min_children={min_children}: must be at least 2, so that the parent keeps one")
    moves: list[Node] = []
    moved: set[Node] = set()
    for parent in tree.nodes():
        if parent.depth < 1 or parent in moved or len(parent.children) < min_children:
            continue
        for child in parent.children:
            if rng.random() < probability:
                moves.append(child)
                moved.add(child)
                break
    return moves


def _leave_out(child: Node, origin: Origin) -> Node:
    """Subtracts the child from its parent's counts. Returns the parent."""
    parent = child.parent
    assert parent is not None
    parent.n -= child.n
    parent.c -= child.c
    parent.origin = origin
    return parent


def _report(nodes: list[Node], labels: list[float], moves: list[Node]) -> CompressionReport:
    changes = [abs(node.mc - label) for node, label in zip(nodes[1:], labels[1:], strict=True) if node.mc != label]
    duplicates = sum(_has_twin(node) for node in moves)
    return CompressionReport(
        nodes=len(nodes) - 1,
        moved=len(moves),
        changed=len(changes),
        total_change=float(sum(changes)),
        largest_change=float(max(changes, default=0.0)),
        duplicates=duplicates,
    )


def _has_twin(node: Node) -> bool:
    siblings = node.parent.children if node.parent is not None else []
    return any(other is not node and np.array_equal(other.state, node.state) for other in siblings)
