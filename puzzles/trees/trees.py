"""Trees of partial solutions, full expansion, and Monte-Carlo labels: the share of attempts from a state that solve it.

The full expansion is that of the hierarchical reward model (arXiv 2503.13551): every node above a given height gets the
same number of children, and the label of a node is the share of right leaves under it.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8

from puzzles.errors import UserError
from puzzles.steps.attempts import groups
from puzzles.steps.policies import Policy, run, solved
from puzzles.steps.rules import StepRules
from puzzles.steps.steps import Step

Origin = Literal["rollout", "hnc", "noise"]
States = Integer[np.ndarray, "num seq"]


@dataclass(eq=False, slots=True)
class Node:
    """A state, and the outcomes of the attempts that went through it.

    The step to a node is the difference from its parent's state. A node that is moved to another parent, and all nodes
    below it, therefore have the right steps and histories without further changes.
    """

    state: UInt8[np.ndarray, "seq"]
    parent: "Node | None" = field(repr=False)
    time: int  # steps of the budget used up to here
    depth: int  # edges from the root; less than `time` where steps are merged
    children: "list[Node]" = field(default_factory=list, repr=False)
    n: int = 0  # attempts
    c: int | float = 0  # those that solved
    exact: bool = False  # whether an attempt ends here, so that c / n is not an estimate
    origin: Origin = "rollout"  # hnc: moved or relabelled by node compression; noise: relabelled by leave_one_out

    @property
    def mc(self) -> float:
        """The Monte-Carlo estimate of the probability that this state is solved."""
        return self.c / self.n

    @property
    def step(self) -> Step:
        """What leads here from the parent: one step, or several merged. UserError for the root."""
        if self.parent is None:
            raise UserError("the root of a tree has no step")
        return Step.between(self.parent.state, self.state, (self.parent.time, self.time))

    @property
    def path(self) -> "list[Node]":
        """From the root to this node."""
        nodes, node = [], self
        while node is not None:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]


@dataclass(eq=False, kw_only=True, slots=True)
class Tree:
    """Attempts at one problem, which share their beginnings."""

    task: str
    problem: UInt8[np.ndarray, "seq"]
    root: Node
    budget: int  # steps that an attempt has from the root on
    cells_per_step: int
    policy: str
    k: int  # children of a node in a full expansion; attempts for a label in OmegaPRM; most children in UCT
    group: int = 0

    def nodes(self) -> Iterator[Node]:
        """Breadth first, the root first."""
        queue = deque([self.root])
        while queue:
            node = queue.popleft()
            yield node
            queue.extend(node.children)

    def leaves(self) -> list[Node]:
        """The nodes without children, breadth first."""
        return [node for node in self.nodes() if not node.children]


def hang(parent: Node, state: UInt8[np.ndarray, "seq"], time: int) -> Node:
    """Adds a child to `parent`, and returns it."""
    child = Node(state, parent, time, parent.depth + 1)
    parent.children.append(child)
    return child


def plant(
    policy: Policy, rules: StepRules, problems: States, budget: int, k: int, starts: States | None = None
) -> list[Tree]:
    """A tree of one node for each problem. UserError for a budget or a number of children below 1."""
    for key, value in (("budget", budget), ("children", k)):
        if value < 1:
            raise UserError(f"{key}={value}: must be at least 1")
    states = rules.start(problems) if starts is None else np.asarray(starts, np.uint8)
    return [
        Tree(
            task=rules.puzzle.name,
            problem=problem,
            root=Node(state, None, 0, 0),
            budget=budget,
            cells_per_step=policy.cells_per_step,
            policy=policy.name,
            k=k,
            group=group,
        )
        for problem, state, group in zip(
            np.array(problems, np.uint8), states, groups(rules.puzzle, problems).tolist(), strict=True
        )
    ]


def expand(
    policy: Policy,
    rules: StepRules,
    rng: np.random.Generator,
    problems: States,
    *,
    height: int,
    children: int,
    budget: int | None = None,
    rollouts: int = 1,
    starts: States | None = None,
) -> list[Tree]:
    """Full trees: each node above `height` has `children` children unless it is solved; labels come from the leaves.

    `budget` is the number of steps that an attempt has, by default `height`. Where it is larger, `rollouts` attempts
    are made from each leaf that is not solved, and label it. `starts` are the states of the roots `[num, seq]`, by
    default those before the first step.
    """
    budget = height if budget is None else budget
    if not 1 <= height <= budget:
        raise UserError(f"height={height}: must be from 1 to budget={budget}")
    if rollouts < 1:
        raise UserError(f"rollouts={rollouts}: must be at least 1")
    trees = plant(policy, rules, problems, budget, children, starts)
    nodes = [tree.root for tree in trees]
    owners = np.arange(len(trees))
    problems = np.array(problems, np.uint8)
    states = np.stack([node.state for node in nodes]) if nodes else problems
    for depth in range(height + 1):
        done = solved(rules, problems[owners], states)
        if depth == height:
            _grade(policy, rules, rng, nodes, problems[owners], states, done, budget - height, rollouts)
            break
        for place in np.flatnonzero(done).tolist():
            _end(nodes[place], True)
        growing = np.flatnonzero(~done)
        owners = np.repeat(owners[growing], children)
        before = np.repeat(states[growing], children, 0)
        states, _ = policy(rng, problems[owners], before, np.full(len(before), budget - depth))
        parents = [nodes[place] for place in growing.tolist() for _ in range(children)]
        nodes = [hang(parent, state, depth + 1) for parent, state in zip(parents, states, strict=True)]
    for tree in trees:
        recount(tree)
    return trees


def _end(node: Node, right: bool) -> None:
    node.n, node.c, node.exact = 1, int(right), True


def _grade(
    policy: Policy,
    rules: StepRules,
    rng: np.random.Generator,
    nodes: list[Node],
    problems: States,
    states: States,
    done: Bool[np.ndarray, "num"],
    left: int,
    rollouts: int,
) -> None:
    """Sets the counts of the deepest leaves."""
    for node, right in zip(nodes, done.tolist(), strict=True):
        _end(node, right)
    if left == 0:
        return
    open_places = np.flatnonzero(~done)
    remaining = np.full(len(open_places), left)
    shares = monte_carlo(policy, rules, rng, problems[open_places], states[open_places], remaining, rollouts)
    for place, share in zip(open_places.tolist(), shares.tolist(), strict=True):
        nodes[place].n, nodes[place].c, nodes[place].exact = rollouts, round(share * rollouts), False


def recount(tree: Tree) -> None:
    """Sets the counts of all nodes from those of the leaves under them, as the labels of a full tree are defined."""
    for node in reversed(list(tree.nodes())):
        if node.children:
            node.n = sum(child.n for child in node.children)
            node.c = sum(child.c for child in node.children)


def monte_carlo(
    policy: Policy,
    rules: StepRules,
    rng: np.random.Generator,
    problems: States,
    states: States,
    left: Integer[np.ndarray, "num"],
    k: int,
    *,
    hard: bool = False,
) -> Float[np.ndarray, "num"]:
    """The share of k attempts from each state that solve it in the steps left; `hard`: 1 where any attempt does.

    Where steps only fill blank cells and solutions are unique, an estimate above 0 is never wrong and 0 may be: a state
    from which no attempt can succeed always gets 0, and one whose attempts succeed with probability V gets 0 with
    probability (1 - V)^k.
    """
    if k < 1:
        raise UserError(f"k={k}: must be at least 1")
    rows = np.repeat(np.arange(len(problems)), k)
    history, _, _ = run(policy, rules, rng, problems[rows], states[rows], left[rows])
    right = solved(rules, problems[rows], history[:, -1]).reshape(-1, k)
    return np.asarray(right.any(1) if hard else right.mean(1), np.float64)
