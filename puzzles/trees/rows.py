"""Examples for a step scorer from trees, as for the hierarchical reward model (arXiv 2503.13551)."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from puzzles.errors import UserError
from puzzles.steps.rows import COARSE, FINE, StepRows, StepTrajectories
from puzzles.trees.node_compression import compress, leave_one_out
from puzzles.trees.trees import Node, Tree

Compressed = Literal["hnc", "noise"]
MIN_SHARE = 0.1  # of the nodes of one depth and label that are kept at least
MAX_ALIKE = 5  # nodes that are kept of a depth where all labels are the same
Row = tuple[Tree, Node, Node, int, str]  # tree, node before, node, span, provenance of the label


def balanced(nodes: list[Node], rng: np.random.Generator) -> list[Node]:
    """The published choice among the nodes of one depth: as many of each label as of the rarest, at least a tenth."""
    labels: defaultdict[float, list[Node]] = defaultdict(list)
    for node in nodes:
        labels[node.mc].append(node)
    least = min(map(len, labels.values()))
    kept = []
    for _, alike in sorted(labels.items()):
        count = max(least, int(len(alike) * MIN_SHARE)) if len(labels) > 1 else min(MAX_ALIKE, len(alike))
        kept += [alike[place] for place in sorted(rng.choice(len(alike), count, replace=False).tolist())]
    return kept


def _chosen(tree: Tree, rng: np.random.Generator, balance: bool) -> list[Node]:
    depths: defaultdict[int, list[Node]] = defaultdict(list)
    for node in tree.nodes():
        depths[node.depth].append(node)
    return [
        node for depth in sorted(depths)[1:] for node in (balanced(depths[depth], rng) if balance else depths[depth])
    ]


def _provenance(tree: Tree, node: Node) -> str:
    if node.origin == "hnc":
        return "hnc"
    if node.exact:
        return "exact"
    estimate = f"mc(k={tree.k},policy={tree.policy})"
    return f"{estimate},one child left out" if node.origin == "noise" else estimate


def _rows(tree: Tree, nodes: list[Node], coarse: bool) -> list[Row]:
    rows = []
    for node in nodes:
        parent = node.parent
        assert parent is not None
        source = _provenance(tree, node)
        # a moved node's step is two merged, and told as such
        rows.append((tree, parent, node, FINE if node.time - parent.time == 1 else COARSE, source))
        if coarse and parent.parent is not None:
            rows.append((tree, parent.parent, node, COARSE, source))
    return rows


def _distinct(rows: list[Row]) -> list[Row]:
    """The rows without repetitions of the same states, span, time and label; the first of each is kept."""
    distinct: dict[tuple, Row] = {}
    for row in rows:
        _, before, node, span, _ = row
        distinct.setdefault((before.state.tobytes(), node.state.tobytes(), node.time, span, node.mc), row)
    return list(distinct.values())


def _columns(rows: list[Row], hard: bool, seq_len: int) -> StepRows:
    sources = tuple(dict.fromkeys(row[4] for row in rows))
    places = {source: place for place, source in enumerate(sources)}

    def states(arrays: list[np.ndarray]) -> np.ndarray:
        return np.stack(arrays) if arrays else np.zeros((0, seq_len), np.uint8)

    label = np.array([node.mc for _, _, node, _, _ in rows], np.float32)
    return StepRows(
        problem=states([tree.problem for tree, _, _, _, _ in rows]),
        before=states([before.state for _, before, _, _, _ in rows]),
        after=states([node.state for _, _, node, _, _ in rows]),
        left=np.array([tree.budget - node.time for tree, _, node, _, _ in rows], np.int32),
        span=np.array([span for _, _, _, span, _ in rows], np.uint8),
        label=(label > 0).astype(np.float32) if hard else label,
        group=np.array([tree.group for tree, _, _, _, _ in rows], np.int64),
        source=np.array([places[source] for _, _, _, _, source in rows], np.uint8),
        sources=sources,
    )


def tree_rows(
    trees: Sequence[Tree],
    rng: np.random.Generator,
    *,
    coarse: bool,
    compressed: Compressed | None = None,
    balance: bool = True,
    hard: bool = False,
) -> StepRows:
    """A row for each node of each tree, labelled with the node's Monte-Carlo estimate (`hard`: 1 where it is above 0).

    `coarse` adds the step from the grandparent, with the node's label, at depth 2 and more. `compressed` adds the rows
    of a copy of the tree by `compress` ("hnc") or by `leave_one_out` ("noise"), without repetitions. `balance` takes
    about as many nodes of each label at each depth of each tree (`balanced`) instead of all.
    """
    if not trees:
        raise UserError("no trees to make rows of")
    rows: list[Row] = []
    for tree in trees:
        kept = _rows(tree, _chosen(tree, rng, balance), coarse)
        if compressed is not None:
            copy, _ = (compress if compressed == "hnc" else leave_one_out)(tree, rng)
            kept += _rows(copy, _chosen(copy, rng, balance), coarse)
        rows += _distinct(kept)
    return _columns(rows, hard, len(trees[0].problem))


def count_matched(
    trees: Sequence[Tree],
    rng: np.random.Generator,
    more: Callable[[int], list[Tree]],
    wanted: int,
    *,
    balance: bool = True,
    hard: bool = False,
) -> StepRows:
    """The control for the number of examples: `wanted` fine rows, of these trees and of as many more as are needed.

    `more(num)` grows fresh trees. Surplus rows are left out at random, of the fresh trees only.
    """
    parts = [tree_rows(trees, rng, coarse=False, balance=balance, hard=hard)]
    total, num_trees = len(parts[0]), len(trees)
    while total < wanted:
        fresh = more(max(1, -(-(wanted - total) * num_trees // max(total, 1))))
        parts.append(tree_rows(fresh, rng, coarse=False, balance=balance, hard=hard))
        if len(parts[-1]) == 0:
            raise UserError(f"wanted={wanted}: fresh trees have no rows; {total} rows so far")
        total, num_trees = total + len(parts[-1]), num_trees + len(fresh)
    first = len(parts[0])
    if first > wanted:
        raise UserError(f"wanted={wanted}: the trees given have {first} fine rows already")
    extra = first + np.sort(rng.permutation(total - first)[: wanted - first])
    return StepRows.concatenate(parts).take(np.concatenate([np.arange(first), extra]))


def tree_trajectories(
    trees: Sequence[Tree], rng: np.random.Generator | None = None, paths: int | None = None, *, hard: bool = False
) -> StepTrajectories:
    """The attempts from the root to where they ended, with steps labelled as in `tree_rows`.

    At most `paths` attempts of each tree are taken, drawn by `rng`. The error step of an attempt is its first node from
    which no attempt of the tree solved the puzzle. UserError where no attempt ends in the trees or steps are merged.
    """
    attempts: list[tuple[Tree, list[Node]]] = []
    for tree in trees:
        ends = [leaf for leaf in tree.leaves() if leaf.exact and leaf.parent is not None]
        if paths is not None and len(ends) > paths:
            if rng is None:
                raise UserError(f"paths={paths}: needs rng, which draws them")
            ends = [ends[place] for place in sorted(rng.choice(len(ends), paths, replace=False).tolist())]
        attempts += [(tree, leaf.path) for leaf in ends]
    if not attempts:
        raise UserError("no attempt ends in these trees: give them budget=height")
    if any(node.time != node.depth for _, path in attempts for node in path):
        raise UserError("trees have merged steps: take those from before the compression")
    rows = [
        (tree, before, node, FINE, _provenance(tree, node))
        for tree, path in attempts
        for before, node in pairwise(path)
    ]
    lengths = [len(path) - 1 for _, path in attempts]
    return StepTrajectories(
        rows=_columns(rows, hard, len(trees[0].problem)),
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        outcome=np.array([path[-1].c > 0 for _, path in attempts]),
        error=np.array([_first_hopeless(path[1:]) for _, path in attempts], np.int64),
    )


def _first_hopeless(nodes: list[Node]) -> int:
    return next((t for t, node in enumerate(nodes) if node.c == 0), len(nodes))
