"""Trees that grow where it pays: UCT, and OmegaPRM's search for the first error (arXiv 2406.06592).

The search in each tree is a generator: it yields requests for attempts and is sent their results. The attempts that all
trees ask for at a time are made together.
"""

from collections.abc import Generator
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from jaxtyping import Bool, Integer, UInt8

from puzzles.errors import UserError
from puzzles.steps.policies import Policy, run, solved
from puzzles.steps.rules import StepRules
from puzzles.trees.trees import Node, Tree, hang, plant

States = Integer[np.ndarray, "num seq"]


@dataclass(frozen=True, slots=True)
class Attempted:
    """The results of attempts from one node."""

    states: UInt8[np.ndarray, "attempts times seq"]  # the node's own state first
    lengths: Integer[np.ndarray, "attempts"]
    right: Bool[np.ndarray, "attempts"]


Search = Generator[tuple[Node, int], Attempted, None]  # yields (node, number of attempts)


def uct(
    policy: Policy,
    rules: StepRules,
    rng: np.random.Generator,
    problems: States,
    *,
    budget: int,
    simulations: int,
    children: int = 5,
    exploration: float = 2**0.5,
    starts: States | None = None,
) -> list[Tree]:
    """Monte-Carlo tree search with UCT: `simulations` attempts in each tree.

    An attempt descends the tree to the child with the largest c / n + exploration sqrt(log(n of the parent) / n). From
    the first node with fewer than `children` children on, the policy continues; where the attempt leaves the tree, it
    adds a node. The counts of a node are the attempts through it, so that its label is biased towards what the search
    preferred.
    """
    _at_least_one(simulations=simulations)
    if exploration < 0:
        raise UserError(f"exploration={exploration}: must be at least 0")
    trees = plant(policy, rules, problems, budget, children, starts)
    searches = [_uct(tree, simulations, exploration) for tree in trees]
    _together(policy, rules, rng, trees, searches)
    return trees


def _uct(tree: Tree, simulations: int, exploration: float) -> Search:
    for _ in range(simulations):
        node = tree.root
        while not node.exact and len(node.children) >= tree.k:
            node = _best_child(node, exploration)
        if node.exact:
            right = node.c > 0
        else:
            start = node
            attempted = yield start, 1
            right = bool(attempted.right[0])
            node = _follow(node, attempted)
            node.exact = node.time == tree.budget or (right and node.time == start.time + attempted.lengths[0])
        for passed in node.path:
            passed.n += 1
            passed.c += int(right)


def _follow(node: Node, attempted: Attempted) -> Node:
    """The last node that the attempt passes in the tree, or a new one where it leaves the tree."""
    for step in range(1, int(attempted.lengths[0]) + 1):
        known = len(node.children)
        node = _child(node, attempted.states[0, step], 1)
        if node.parent is not None and len(node.parent.children) > known:
            break
    return node


def _best_child(node: Node, exploration: float) -> Node:
    return max(node.children, key=lambda child: child.mc + exploration * sqrt(log(node.n) / child.n))


def _child(node: Node, state: UInt8[np.ndarray, "seq"], steps: int) -> Node:
    """The child with this state after so many steps, or a new one where there is none."""
    time = node.time + steps
    for child in node.children:
        if child.time == time and np.array_equal(child.state, state):
            return child
    return hang(node, state.copy(), time)


def omega_prm(
    policy: Policy,
    rules: StepRules,
    rng: np.random.Generator,
    problems: States,
    *,
    budget: int,
    searches: int,
    k: int = 16,
    alpha: float = 0.5,
    beta: float = 0.9,
    exploration: float = 0.125,
    length: float | None = None,
    starts: States | None = None,
) -> list[Tree]:
    """OmegaPRM: up to `searches` binary searches in each tree, each for the first error of a failed attempt.

    A node is labelled by k attempts from it. Failed attempts of nodes with a label between 0 and 1 are kept in a pool.
    The next search takes the one with the largest Q + U, where Q = alpha^(1 - MC) beta^(its steps / length) and
    U = exploration sqrt(sum of N) / (1 + N), and N counts how often the attempt's node was chosen. A node is added in
    the middle of the attempt: if its label is 0 the error lies before it, else behind it. Steps between nodes are
    therefore merged from different numbers of steps. `length` is by default the budget (published: 500 tokens).
    """
    _at_least_one(searches=searches)
    for key, value in (("alpha", alpha), ("beta", beta)):
        if not 0 < value <= 1:
            raise UserError(f"{key}={value}: must be above 0 and at most 1")
    if exploration < 0:
        raise UserError(f"exploration={exploration}: must be at least 0")
    if length is not None and length <= 0:
        raise UserError(f"length={length}: must be above 0")
    trees = plant(policy, rules, problems, budget, k, starts)
    values = (alpha, beta, exploration, float(length or budget))
    _together(policy, rules, rng, trees, [_omega(tree, searches, values) for tree in trees])
    return trees


@dataclass(slots=True)
class _Failed:
    """An attempt that failed: the node it starts from and its states."""

    node: Node
    states: UInt8[np.ndarray, "times seq"]
    steps: int


def _omega(tree: Tree, searches: int, values: tuple[float, float, float, float]) -> Search:
    alpha, beta, exploration, length = values
    chosen: dict[Node, int] = {tree.root: 0}
    pool = yield from _label(tree, tree.root)
    for _ in range(searches):
        if not pool:
            return
        weight = exploration * sqrt(sum(chosen.values()))

        def value(failed: _Failed, weight: float = weight) -> float:
            quality = alpha ** (1 - failed.node.mc) * beta ** (failed.steps / length)
            return quality + weight / (1 + chosen[failed.node])

        best = max(range(len(pool)), key=lambda place: value(pool[place]))
        failed = pool.pop(best)
        chosen[failed.node] += 1
        node, low, high = failed.node, 0, failed.steps
        while high - low > 1:
            middle = (low + high) // 2
            child = _child(node, failed.states[middle], middle - low)
            if child.n == 0:
                pool += yield from _label(tree, child)
                chosen[child] = 0
            if child.c == 0:
                high = middle
            else:
                node, low = child, middle


def _label(tree: Tree, node: Node) -> Generator[tuple[Node, int], Attempted, list[_Failed]]:
    """Sets the counts of a node by k attempts. Returns the failed ones where others succeeded."""
    attempted = yield node, tree.k
    node.n, node.c = tree.k, int(attempted.right.sum())
    node.exact = node.time == tree.budget or bool((attempted.lengths == 0).all())
    if node.c in (0, node.n):
        return []
    return [
        _Failed(node, attempted.states[place], int(attempted.lengths[place]))
        for place in np.flatnonzero(~attempted.right).tolist()
    ]


def _together(
    policy: Policy, rules: StepRules, rng: np.random.Generator, trees: list[Tree], searches: list[Search]
) -> None:
    """Runs all searches to their ends, with the attempts that they ask for at a time made together."""
    asked = {place: request for place, search in enumerate(searches) if (request := next(search, None)) is not None}
    while asked:
        counts = [count for _, count in asked.values()]
        rows = np.repeat(np.arange(len(asked)), counts)
        problems = np.stack([trees[place].problem for place in asked])[rows]
        states = np.stack([node.state for node, _ in asked.values()])[rows]
        left = np.array([trees[place].budget - node.time for place, (node, _) in asked.items()])[rows]
        history, lengths, _ = run(policy, rules, rng, problems, states, left)
        right = solved(rules, problems, history[:, -1])
        ends = np.cumsum(counts)
        following = {}
        for place, start, end in zip(asked, ends - counts, ends, strict=True):
            attempted = Attempted(history[start:end], lengths[start:end], right[start:end])
            try:
                following[place] = searches[place].send(attempted)
            except StopIteration:
                continue
        asked = following


def _at_least_one(**counts: int) -> None:
    for key, value in counts.items():
        if value < 1:
            raise UserError(f"{key}={value}: must be at least 1")
