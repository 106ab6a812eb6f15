"""Rows out of trees: fine and merged ones, balanced per depth, the union with the compressed tree, whole attempts."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.trees.node_compression import compress, leave_one_out
from puzzles.trees.rows import balanced, count_matched, tree_rows, tree_trajectories
from tests.examples import num_examples
from tests.puzzles.trees.growing import above, by_hand, full, number

HAND = [[[1, 0, 0, 0], 1, 1, 0], [1, 1, 0]]


def rng(seed=0):
    return puzzles.rng(seed, "rows")


def told(rows):
    """(number before, number after, span, label, left, source) of each row."""
    return [
        (
            int(rows.before[i][0]) + 256 * int(rows.before[i][1]),
            int(rows.after[i][0]) + 256 * int(rows.after[i][1]),
            int(rows.span[i]),
            round(float(rows.label[i]), 6),
            int(rows.left[i]),
            rows.sources[rows.source[i]],
        )
        for i in range(len(rows))
    ]


def expected(tree, coarse, source=lambda node: "exact" if node.exact else "mc(k=4,policy=by hand)"):
    rows = []
    for node in list(tree.nodes())[1:]:
        label, left = round(node.c / node.n, 6), tree.budget - node.time
        before = above(node)
        rows.append((number(before), number(node), min(2, node.time - before.time), label, left, source(node)))
        if coarse and before.parent is not None:
            rows.append((number(above(before)), number(node), 2, label, left, source(node)))
    return rows


def test_all_nodes_of_a_hand_made_tree():
    tree = by_hand(HAND)
    rows = tree_rows([tree], rng(), coarse=False, balance=False)
    assert told(rows) == expected(tree, False)
    assert told(rows)[0] == (0, 1, 1, round(3 / 7, 6), 2, "mc(k=4,policy=by hand)")
    assert set(rows.group.tolist()) == {7}
    both = tree_rows([tree], rng(), coarse=True, balance=False)
    assert Counter(told(both)) == Counter(expected(tree, True))
    assert (both.span == 2).sum() == 11  # nodes at depth 2 and more
    hard = tree_rows([tree], rng(), coarse=False, balance=False, hard=True)
    assert np.array_equal(hard.label, (rows.label > 0).astype(np.float32))
    assert 0 < hard.label.mean() < 1


@num_examples(20)
@given(seed=st.integers(0, 2**32), coarse=st.booleans(), noise=st.booleans())
def test_the_union_with_the_changed_tree_has_each_row_once(seed, coarse, noise):
    tree = full(4, 3, np.random.default_rng(seed))
    copy, _ = (leave_one_out if noise else compress)(tree, rng(seed))
    rows = tree_rows([tree], rng(seed), coarse=coarse, compressed="noise" if noise else "hnc", balance=False)

    def source(node):
        if node.origin == "hnc":
            return "hnc"
        left_out = ",one child left out" if node.origin == "noise" else ""
        return "exact" if node.exact else f"mc(k=4,policy=by hand){left_out}"

    union = {row[:-1]: row for row in reversed(expected(tree, coarse, source) + expected(copy, coarse, source))}
    assert Counter(told(rows)) == Counter(union.values())


def test_the_merged_step_of_a_moved_node_repeats_its_pair_and_its_children_get_longer_pairs():
    tree = by_hand(HAND)
    plain = {row[:4] for row in told(tree_rows([tree], rng(), coarse=True, balance=False))}
    split, _ = compress(tree, rng(), probability=1.0)
    again = {row[:4] for row in told(tree_rows([split], rng(), coarse=True, balance=False))}
    assert (0, 2, 2, 0.25) in plain & again
    assert again - plain == {(0, 1, 1, round(2 / 3, 6)), *((0, n, 2, float(n == 3)) for n in (3, 4, 5, 6))}


def test_as_many_of_each_label_and_a_tenth_of_the_frequent_ones():
    nodes = by_hand([[1] * 50 + [0] * 200, [1, 0]]).root.children[0].children
    for seed in range(5):
        kept = balanced(nodes, rng(seed))
        assert sorted(node.c for node in kept) == [0] * 50 + [1] * 50
        assert len({number(node) for node in kept}) == 100
    nodes = by_hand([[1] * 3 + [0] * 200]).root.children[0].children
    assert sorted(node.c for node in balanced(nodes, rng())) == [0] * 20 + [1] * 3
    alike = by_hand([[0] * 30]).root.children[0].children
    assert len(balanced(alike, rng())) == 5
    assert len(balanced(alike[:2], rng())) == 2
    assert {number(node) for node in balanced(alike, rng(1))} != {number(node) for node in balanced(alike, rng(2))}


def test_pairs_and_compression_make_the_published_number_of_examples():
    """1.99 times with pairs, 2.39 with node compression, as counted with the published builders."""
    trees = [full(5, 5, np.random.default_rng(seed), share) for seed, share in enumerate((0.2, 0.5, 0.8))]
    fine = len(tree_rows(trees, rng(), coarse=False))
    assert 1.9 < len(tree_rows(trees, rng(), coarse=True)) / fine < 2.0
    assert 2.1 < len(tree_rows(trees, rng(), coarse=True, compressed="hnc")) / fine < 3.2


def test_rows_matched_in_number_keep_the_trees_given():
    trees = [full(4, 3, np.random.default_rng(seed)) for seed in range(3)]
    grown = []

    def more(num):
        fresh = [full(4, 3, np.random.default_rng(10 + len(grown) + i)) for i in range(num)]
        grown.extend(fresh)
        return fresh

    given = told(tree_rows(trees, rng(), coarse=False))
    wanted = len(tree_rows(trees, rng(), coarse=True, compressed="hnc"))
    rows = count_matched(trees, rng(), more, wanted)
    assert len(rows) == wanted
    assert told(rows)[: len(given)] == given
    assert (rows.span == 1).all()
    assert 2 <= len(grown) <= 9
    with pytest.raises(ValueError, match=f"wanted=5: the trees given have {len(given)} fine rows already"):
        count_matched(trees, rng(), more, 5)
    with pytest.raises(ValueError, match="wanted=10000: fresh trees have no rows"):
        count_matched(trees, rng(), lambda num: [_lone()], 10_000)


def _lone():
    tree = by_hand([1])
    tree.root.children = []
    return tree


def test_attempts_run_from_the_root_to_their_ends():
    tree = by_hand(HAND)
    found = tree_trajectories([tree, by_hand([[0, 1]])])
    assert np.array_equal(np.diff(found.starts), [2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 2, 2])
    ends = [number(leaf) for leaf in tree.leaves()]
    assert ends == [7, 8, 9, 11, 12, 13, 3, 4, 5, 6]
    assert found.outcome.tolist() == [True, True, False, True, True, False, True, False, False, False, False, True]
    # the error is the first node without a right leaf: here always the last step, of those that fail
    assert found.error.tolist() == [2, 2, 1, 2, 2, 1, 3, 2, 2, 2, 1, 2]
    early = tree_trajectories([by_hand([[[0, 0], [1, 0]], 1])])
    assert dict(zip(early.outcome.tolist(), early.error.tolist(), strict=True)) == {True: 3, False: 2}
    assert early.error.tolist() == [1, 1, 1, 3, 2]


def test_some_of_the_attempts():
    trees = [full(4, 3, np.random.default_rng(seed)) for seed in range(3)]
    some = tree_trajectories(trees, rng(), 10)
    assert len(some) == 30
    every = {row.tobytes() for row in tree_trajectories(trees).rows.after}
    assert {row.tobytes() for row in some.rows.after} < every
    with pytest.raises(ValueError, match="paths=10: needs rng"):
        tree_trajectories(trees, None, 10)


def test_trees_without_attempts_are_refused():
    tree = by_hand(HAND)
    with pytest.raises(ValueError, match="trees have merged steps"):
        tree_trajectories([compress(tree, rng(), probability=1.0)[0]])
    for leaf in tree.leaves():
        leaf.exact = False
    with pytest.raises(ValueError, match="no attempt ends in these trees"):
        tree_trajectories([tree])
    with pytest.raises(ValueError, match="no trees"):
        tree_rows([], rng(), coarse=False)
