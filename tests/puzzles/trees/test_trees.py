"""Full expansion: shape, budget, labels from the leaves; Monte-Carlo labels err on one side only."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.steps.policies import CarelessSolver, sample_states, solved
from puzzles.steps.rules import step_rules
from puzzles.steps.steps import compose
from puzzles.trees.trees import expand, monte_carlo, recount
from tests.examples import num_examples

SUDOKU = puzzles.get("sudoku", box="2x2")
RULES = step_rules(SUDOKU)
PROBLEMS, ANSWERS = SUDOKU.generate(puzzles.rng(0, "test"), 12, clues=7)


def solver(rules=RULES, **options):
    return CarelessSolver(rules, **{"error": 0.2, "cells_per_step": 3} | options)


def grow(seed=0, height=3, children=3, policy=None, problems=PROBLEMS, **options):
    policy = policy or solver()
    return expand(policy, RULES, puzzles.rng(seed, "tree"), problems, height=height, children=children, **options)


def test_every_unsolved_node_above_the_height_has_all_its_children():
    for tree in grow(height=4, children=3, policy=solver(correct=0.5, regime="edit")):
        nodes = list(tree.nodes())
        states = np.stack([node.state for node in nodes])
        done = solved(RULES, np.repeat(tree.problem[None], len(nodes), 0), states)
        for node, right in zip(nodes, done, strict=True):
            assert len(node.children) == (0 if right or node.depth == 4 else 3)
            assert node.time == node.depth == len(node.path) - 1
            assert all(child.parent is node for child in node.children)
            if not node.children:
                assert (node.n, node.c, node.exact) == (1, int(right), True)
        assert len(nodes) > 1 + 3
        assert np.array_equal(tree.root.state, tree.problem)


@num_examples(20)
@given(seed=st.integers(0, 2**32), children=st.integers(1, 4), height=st.integers(1, 3))
def test_labels_count_the_leaves_below_and_steps_chain(seed, children, height):
    for tree in grow(seed, height, children, problems=PROBLEMS[:3]):
        for node in tree.nodes():
            below = [leaf for leaf in tree.leaves() if node in leaf.path]
            assert (node.n, node.c) == (len(below), sum(leaf.c for leaf in below))
            assert node.mc == node.c / node.n
        for leaf in tree.leaves():
            state = tree.problem
            for node in leaf.path[1:]:
                assert node.step.span == (node.time - 1, node.time)
                assert len(node.step.cells) <= 3
                state = node.step.apply(state)
            assert np.array_equal(state, leaf.state)
            if leaf.depth >= 2:
                *_, grandparent, parent, _ = leaf.path
                assert np.array_equal(compose(parent.step, leaf.step).apply(grandparent.state), leaf.state)


def test_recount_mends_counts():
    tree = grow()[0]
    counts = [(node.n, node.c) for node in tree.nodes()]
    for node in tree.nodes():
        if node.children:
            node.n, node.c = 7, 7
    recount(tree)
    assert [(node.n, node.c) for node in tree.nodes()] == counts


def test_unfinished_leaves_are_graded_by_attempts():
    trees = grow(height=1, children=4, budget=4, rollouts=30)
    for tree in trees:
        assert tree.budget == 4
        for leaf in tree.leaves():
            assert (leaf.n, leaf.exact) == (30, False)
    labels = np.array([leaf.mc for tree in trees for leaf in tree.leaves()])
    assert len(np.unique(labels)) > 5
    exact = [leaf for tree in grow(height=3, children=2, policy=solver(error=0.0)) for leaf in tree.leaves()]
    assert all(leaf.mc == 1 and leaf.exact for leaf in exact)


def test_trees_can_begin_anywhere():
    starts, _ = sample_states(solver(error=0.0), RULES, puzzles.rng(0, "walk"), PROBLEMS, 2)
    trees = grow(height=1, children=2, starts=starts[:, 2], policy=solver(error=0.0))
    assert all(np.array_equal(tree.root.state, start) for tree, start in zip(trees, starts[:, 2], strict=True))
    assert all(tree.root.mc == 1 for tree in trees)


def test_the_same_stream_grows_the_same_trees():
    def key(trees):
        return [(node.state.tobytes(), node.n, node.c) for tree in trees for node in tree.nodes()]

    assert key(grow(3)) == key(grow(3)) != key(grow(4))


@pytest.mark.slow
def test_monte_carlo_labels_err_on_one_side_with_the_chance_that_follows_from_k():
    """Fill-only Sudoku: no false positive; 0 where the state is right with chance (1 - V)^k."""
    policy, k, many = solver(error=0.45, cells_per_step=2), 3, 300
    problems = np.repeat(PROBLEMS, 10, 0)
    answers = np.repeat(ANSWERS, 10, 0)
    states, _ = sample_states(policy, RULES, puzzles.rng(0, "walk"), problems, 2)
    after = states[:, 1]
    left = np.full(len(after), 5)
    hopeless = ((after != 1) & (after != answers)).any(1)
    assert 0.2 < hopeless.mean() < 0.8
    value = monte_carlo(policy, RULES, puzzles.rng(1, "value"), problems, after, left, many)
    assert (value[hopeless] == 0).all()
    assert (value[~hopeless] > 0).all()
    misses, expected = [], ((1 - value[~hopeless]) ** k).mean()
    for seed in range(40):
        soft = monte_carlo(policy, RULES, puzzles.rng(seed, "mc"), problems, after, left, k)
        hard = monte_carlo(policy, RULES, puzzles.rng(seed, "mc"), problems, after, left, k, hard=True)
        assert np.array_equal(hard, soft > 0)
        assert (soft[hopeless] == 0).all()
        misses.append((soft[~hopeless] == 0).mean())
    spread = np.std(misses) / len(misses) ** 0.5
    assert abs(np.mean(misses) - expected) < 4 * spread + 0.01
    assert expected > 0.05


def test_no_steps_left_is_no_attempt():
    left = np.zeros(len(PROBLEMS), np.int64)
    assert monte_carlo(solver(), RULES, puzzles.rng(0, "mc"), PROBLEMS, PROBLEMS, left, 2).sum() == 0
    assert (monte_carlo(solver(), RULES, puzzles.rng(0, "mc"), PROBLEMS, ANSWERS, left, 2) == 1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height": 0}, "height=0: must be from 1 to budget=0"),
        ({"height": 4, "budget": 3}, "height=4: must be from 1 to budget=3"),
        ({"children": 0}, "children=0: must be at least 1"),
        ({"budget": 4, "rollouts": 0}, "rollouts=0: must be at least 1"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        grow(**options)


def test_the_root_is_no_step():
    with pytest.raises(ValueError, match="the root of a tree has no step"):
        _ = grow()[0].root.step
