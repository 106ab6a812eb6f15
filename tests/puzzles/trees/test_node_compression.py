"""Hierarchical Node Compression number for number on trees made by hand; its share, its noise, its purity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.trees.node_compression import CompressionReport, compress, leave_one_out
from puzzles.trees.trees import recount
from tests.examples import num_examples
from tests.puzzles.trees.growing import above, by_hand, full, number


def shown(node):
    """(number, n, c, depth, time, origin) of a node and all below it."""
    return (number(node), node.n, node.c, node.depth, node.time, node.origin), [shown(child) for child in node.children]


def rng(seed=0):
    return puzzles.rng(seed, "compress")


# 1 has the children 2 (of four leaves), 7, 8 and 9; 10 has three leaves
HAND = [[[1, 0, 0, 0], 1, 1, 0], [1, 1, 0]]


def test_a_hand_made_tree_number_for_number():
    tree = by_hand(HAND)
    split, report = compress(tree, rng(), probability=1.0)
    # 1 loses its first child 2, which keeps its own children; 10 has too few to lose one; 2 was moved
    assert shown(split.root) == (
        (0, 10, 5, 0, 0, "rollout"),
        [
            (
                (1, 3, 2, 1, 1, "hnc"),
                [((n, 1, c, 2, 2, "rollout"), []) for n, c in ((7, 1), (8, 1), (9, 0))],
            ),
            ((10, 3, 2, 1, 1, "rollout"), [((n, 1, c, 2, 2, "rollout"), []) for n, c in ((11, 1), (12, 1), (13, 0))]),
            (
                (2, 4, 1, 1, 2, "hnc"),
                [((n, 1, c, 2, 3, "rollout"), []) for n, c in ((3, 1), (4, 0), (5, 0), (6, 0))],
            ),
        ],
    )
    change = 2 / 3 - 3 / 7
    assert report == CompressionReport(
        nodes=13, moved=1, changed=1, total_change=change, largest_change=change, duplicates=0
    )
    assert (report.moved_share, report.changed_share, report.mean_change) == (1 / 13, 1 / 13, change)
    moved = split.root.children[-1]
    assert (moved.step.span, moved.step.new) == ((0, 2), (2,))
    assert moved.children[0].step.span == (2, 3)
    assert [number(node) for node in moved.children[0].path] == [0, 2, 3]


def test_nothing_moves_without_chance_and_the_parent_must_have_enough_children():
    tree = by_hand(HAND)
    for probability, min_children in ((0.0, 4), (1.0, 5)):
        split, report = compress(tree, rng(), probability=probability, min_children=min_children)
        assert shown(split.root) == shown(tree.root)
        assert (report.moved, report.changed, report.mean_change, report.largest_change) == (0, 0, 0.0, 0.0)
    _, report = compress(tree, rng(), probability=1.0, min_children=3)
    assert report.moved == 2


def test_children_of_the_root_and_of_moved_nodes_stay():
    chain = by_hand([[[[1, 0, 0, 0], 0, 0, 0], 0, 0, 0], 0, 0, 0])
    split, report = compress(chain, rng(), probability=1.0)
    # 1 loses 2; 2 was moved, so its child 3 stays; 3 was not, so its first child 4 goes up to 2
    assert report.moved == 2
    assert [number(child) for child in split.root.children] == [1, 14, 15, 16, 2]
    two = split.root.children[-1]
    assert [number(child) for child in two.children] == [3, 8, 9, 10, 4]
    assert (two.depth, two.children[-1].depth, two.children[-1].time, two.children[0].depth) == (1, 2, 4, 2)
    assert two.children[-1].step.span == (2, 4)


@num_examples(40)
@given(seed=st.integers(0, 2**32), k=st.integers(2, 5), probability=st.floats(0, 1))
def test_labels_follow_from_the_leaves_left_and_the_control_has_the_same(seed, k, probability):
    tree = full(k, 4 if k < 4 else 3, np.random.default_rng(seed))
    before = shown(tree.root)
    split, report = compress(tree, rng(seed), probability=probability, min_children=2)
    labels = {number(node): (node.n, node.c) for node in split.nodes()}
    recount(split)
    assert labels == {number(node): (node.n, node.c) for node in split.nodes()}
    noisy, control = leave_one_out(tree, rng(seed), probability=probability, min_children=2)
    assert labels == {number(node): (node.n, node.c) for node in noisy.nodes()}
    assert (control.moved, control.changed, control.total_change) == (0, report.changed, report.total_change)
    assert [(node.time, node.depth) for node in noisy.nodes()] == [(node.time, node.depth) for node in tree.nodes()]
    assert shown(tree.root) == before
    originals = {id(node) for node in tree.nodes()}
    for copy in (split, noisy):
        assert not originals & {id(node) for node in copy.nodes()}
        assert all(
            child.parent is node and child.depth == node.depth + 1 for node in copy.nodes() for child in node.children
        )
    assert sum(1 for _ in split.nodes()) == sum(1 for _ in tree.nodes())
    assert (split.root.n, split.root.c) == (tree.root.n, tree.root.c)


@num_examples(30)
@given(seed=st.integers(0, 2**32))
def test_who_moves_and_what_it_leaves(seed):
    tree = full(4, 4, np.random.default_rng(seed))
    old = {number(node): node for node in tree.nodes()}
    split, report = compress(tree, rng(seed))
    others = [node for node in split.nodes() if node.parent is not None]
    moved = [node for node in others if number(above(node)) != number(above(old[number(node)]))]
    assert len(moved) == report.moved
    assert all(node.time - above(node).time == 2 for node in moved)
    assert all(number(above(above(old[number(node)]))) == number(above(node)) for node in moved)
    lost = {number(above(old[number(node)])): node for node in moved}
    assert len(lost) == len(moved)
    assert not {number(node) for node in moved} & set(lost)
    for node in split.nodes():
        was, gone = old[number(node)], lost.get(number(node))
        assert (node.n, node.c) == (was.n - (gone.n if gone else 0), was.c - (gone.c if gone else 0))


@pytest.mark.slow
def test_a_sixth_of_a_full_tree_of_five_children_and_five_levels_moves():
    """2^-5 of those who may lose a child do not: 633 of 3905 nodes on average, as counted in the published code."""
    reports = [compress(full(5, 5, np.random.default_rng(seed)), rng(seed))[1] for seed in range(6)]
    total = CompressionReport.total(reports)
    assert total.nodes == 6 * 3905
    assert abs(total.moved_share - 0.162) < 0.003
    assert 0.08 < total.changed_share <= total.moved_share
    assert 0.05 < total.mean_change < 0.12
    assert total.largest_change <= 0.75


def test_duplicates_are_counted():
    tree = by_hand([[1, 0, 0, 0], [1, 0, 0, 0]])
    first, second = tree.root.children
    first.children[0].state = second.state
    _, report = compress(tree, rng(), probability=1.0)
    assert (report.moved, report.duplicates) == (2, 1)


def test_the_same_stream_moves_the_same():
    tree = full(5, 4, np.random.default_rng(0))
    assert shown(compress(tree, rng(1))[0].root) == shown(compress(tree, rng(1))[0].root)
    assert shown(compress(tree, rng(1))[0].root) != shown(compress(tree, rng(2))[0].root)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"probability": 1.5}, "probability=1.5: must be from 0 to 1"),
        ({"min_children": 1}, "min_children=1: must be at least 2"),
    ],
)
@pytest.mark.parametrize("change", [compress, leave_one_out])
def test_bad_arguments_are_named(change, options, message):
    with pytest.raises(ValueError, match=message):
        change(by_hand(HAND), rng(), **options)
