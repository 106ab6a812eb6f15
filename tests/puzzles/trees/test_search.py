"""UCT and OmegaPRM: counts, the search for the first error step by step, what they prefer."""

from math import log, sqrt
from typing import Any

import numpy as np
import pytest

import puzzles
from puzzles.steps.policies import CarelessSolver, RandomPolicy, solved
from puzzles.steps.rules import step_rules
from puzzles.trees.search import Attempted, _omega, omega_prm, uct
from puzzles.trees.trees import plant

SUDOKU = puzzles.get("sudoku", box="2x2")
RULES = step_rules(SUDOKU)
PROBLEMS, ANSWERS = SUDOKU.generate(puzzles.rng(0, "test"), 10, clues=7)
BUDGET = 6


def rng(seed=0):
    return puzzles.rng(seed, "search")


def solver(error=0.3, cells=2):
    return CarelessSolver(RULES, error=error, cells_per_step=cells)


def right(tree, node):
    """Is every value written so far right."""
    answer = ANSWERS[np.flatnonzero((tree.problem == PROBLEMS).all(1))[0]]
    return bool(((node.state == answer) | (node.state == 1)).all())


def test_uct_counts_the_attempts_through_each_node():
    trees = uct(solver(), RULES, rng(), PROBLEMS, budget=BUDGET, simulations=60, children=3)
    for tree in trees:
        assert tree.root.n == 60
        for node in tree.nodes():
            assert 0 <= node.c <= node.n
            assert len(node.children) <= 3
            below = sum(child.n for child in node.children)
            if not node.exact:  # the attempt that added a node passed no child of it
                assert below == node.n - (node.parent is not None)
            assert node.time == node.depth <= BUDGET
            if node.exact:
                assert not node.children
                done = bool(solved(RULES, tree.problem[None], node.state[None])[0])
                assert node.c == done * node.n
                assert done or node.time == BUDGET
            if not right(tree, node):
                assert node.c == 0
            states = [child.state.tobytes() for child in node.children]
            assert len(set(states)) == len(states)
    assert any(node.exact for tree in trees for node in tree.nodes())


@pytest.mark.slow
def test_uct_goes_where_it_pays():
    options: dict[str, Any] = {"budget": BUDGET, "simulations": 50, "children": 3}
    shares = {}
    for exploration in (0.3, 100.0):
        trees = uct(solver(0.4), RULES, rng(), PROBLEMS, exploration=exploration, **options)
        through = [(child.n, right(tree, child)) for tree in trees for child in tree.root.children]
        shares[exploration] = sum(n for n, good in through if good) / sum(n for n, _ in through)
    assert shares[0.3] > shares[100.0] + 0.1


def test_uct_takes_the_child_with_the_greatest_bound():
    """After every child was tried: replayed from the counts of a tree that is one simulation older."""
    options: dict[str, Any] = {"budget": BUDGET, "children": 2, "exploration": 0.7}
    for simulations in (20, 35):
        older, newer = (
            uct(solver(), RULES, rng(3), PROBLEMS[:1], simulations=number, **options)[0]
            for number in (simulations, simulations + 1)
        )
        assert len(older.root.children) == 2
        bounds = [child.mc + 0.7 * sqrt(log(older.root.n) / child.n) for child in older.root.children]
        grew = [new.n - old.n for old, new in zip(older.root.children, newer.root.children, strict=True)]
        assert grew[int(np.argmax(bounds))] == 1
        assert sum(grew) == 1


def test_uct_rests_on_a_solved_root():
    trees = uct(solver(), RULES, rng(), PROBLEMS, budget=3, simulations=4, starts=ANSWERS)
    assert all((tree.root.n, tree.root.c, tree.root.exact, tree.root.children) == (4, 4, True, []) for tree in trees)


@pytest.mark.parametrize("searches", [1, 8])
def test_omega_prm_labels_with_k_attempts_and_ends_at_the_first_error(searches):
    trees = omega_prm(solver(), RULES, rng(), PROBLEMS, budget=BUDGET, searches=searches, k=12)
    grown = 0
    for tree in trees:
        for node in tree.nodes():
            assert node.n == 12
            assert node.time <= BUDGET
            if not right(tree, node):
                assert node.c == 0
            if node.c == 0:
                assert not node.children  # the search goes on from states that may be solved
            if node.parent is not None:
                grown += 1
                assert node.time > node.parent.time
                assert node.step.span == (node.parent.time, node.time)
    assert grown >= len(trees) * 2


def test_one_search_halves_until_the_error_lies_between_neighbours():
    trees = omega_prm(solver(), RULES, rng(1), PROBLEMS, budget=BUDGET, searches=1, k=12)
    found = 0
    for tree in trees:
        hopeless = [node.time for node in tree.nodes() if node.c == 0]
        hopeful = [node.time for node in tree.nodes() if node.c > 0]
        if hopeless and len(hopeful) > 1:
            assert min(hopeless) - max(hopeful) == 1
            found += 1
    assert found


def test_omega_prm_needs_failed_attempts_where_others_solved():
    for policy in (solver(0.0), CarelessSolver(RULES, error=1.0, cells_per_step=2)):
        trees = omega_prm(policy, RULES, rng(), PROBLEMS, budget=BUDGET, searches=5, k=4)
        assert all(not tree.root.children for tree in trees)
        assert all(tree.root.mc in (0.0, 1.0) for tree in trees)


@pytest.mark.parametrize(("exploration", "third"), [(0.0, [1, 4, 3]), (0.125, [3, 1, 1])])
def test_omega_prm_step_by_step(exploration, third):
    """Two searches with made-up attempts; the third weighs alpha^(1-MC) beta^(len/L) + c sqrt(sum N)/(1+N)."""

    def attempts(number, *ends):
        """States name the batch, the attempt and the time."""
        states = np.zeros((len(ends), 7, 16), np.uint8)
        states[:, :, 0], states[:, :, 1], states[:, :, 2] = number, np.arange(len(ends))[:, None], np.arange(7)
        lengths, solves = zip(*ends, strict=True)
        return Attempted(states, np.array(lengths), np.array(solves))

    (tree,) = plant(solver(), RULES, PROBLEMS[:1], BUDGET, 5)
    search = _omega(tree, 3, (0.5, 0.9, exploration, 6.0))
    node, k = next(search)
    assert (node is tree.root, k) == (True, 5)
    # the shorter failed attempt first: its middle is at time 1
    node, _ = search.send(attempts(1, (6, True), (6, True), (2, False), (6, False), (6, False)))
    assert (node.state[:3].tolist(), node.time, node.parent is tree.root) == ([1, 2, 1], 1, True)
    # hopeless, so the error is the first step; then the first of the longer ones, from its middle
    node, _ = search.send(attempts(2, *[(5, False)] * 5))
    assert (node.state[:3].tolist(), node.time, node.parent is tree.root) == ([1, 3, 3], 3, True)
    middle = node
    node, _ = search.send(attempts(3, (3, True), *[(3, False)] * 4))
    assert (node.state[:3].tolist(), node.time, node.parent is middle) == ([1, 3, 4], 4, True)
    node, _ = search.send(attempts(4, *[(2, False)] * 5))
    # the root's other long attempt: 0.5^0.6 0.9 + c sqrt(2) / 3; one from the middle: 0.5^0.8 0.9^0.5 + c sqrt(2)
    assert (tree.root.mc, middle.mc) == (0.4, 0.2)
    assert node.state[:3].tolist() == third
    assert [child.mc for child in tree.root.children[:2]] == [0.0, 0.2]


def test_the_same_stream_grows_the_same_trees():
    def key(trees):
        return [(node.state.tobytes(), node.n, node.c) for tree in trees for node in tree.nodes()]

    policy = RandomPolicy(RULES, cells_per_step=2)
    for search in (
        lambda seed: uct(policy, RULES, rng(seed), PROBLEMS[:2], budget=BUDGET, simulations=6),
        lambda seed: omega_prm(solver(), RULES, rng(seed), PROBLEMS[:2], budget=BUDGET, searches=2, k=4),
    ):
        assert key(search(0)) == key(search(0)) != key(search(1))


@pytest.mark.parametrize(
    ("search", "options", "message"),
    [
        (uct, {"simulations": 0}, "simulations=0: must be at least 1"),
        (uct, {"simulations": 1, "children": 0}, "children=0: must be at least 1"),
        (uct, {"simulations": 1, "exploration": -1.0}, "exploration=-1.0: must be at least 0"),
        (omega_prm, {"searches": 0}, "searches=0: must be at least 1"),
        (omega_prm, {"searches": 1, "alpha": 0.0}, "alpha=0.0: must be above 0 and at most 1"),
        (omega_prm, {"searches": 1, "beta": 1.1}, "beta=1.1: must be above 0 and at most 1"),
        (omega_prm, {"searches": 1, "length": 0.0}, "length=0.0: must be above 0"),
        (omega_prm, {"searches": 1, "exploration": -0.5}, "exploration=-0.5: must be at least 0"),
        (omega_prm, {"searches": 1, "budget": 0}, "budget=0: must be at least 1"),
    ],
)
def test_bad_arguments_are_named(search, options, message):
    given: dict[str, Any] = {"budget": BUDGET} | options
    with pytest.raises(ValueError, match=message):
        search(solver(), RULES, rng(), PROBLEMS, **given)
