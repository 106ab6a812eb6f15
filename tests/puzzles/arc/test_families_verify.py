"""Verifiers of the ARC families: no other answer passes, and the symmetries a family claims are exactly its own."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from puzzles.arc.families import FAMILIES

EACH = pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
EXAMPLES = 3
GRIDS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.integers(0, 9))


def turned(grid, turn: int):
    """One of the eight symmetries of the square."""
    grid = np.rot90(grid, turn % 4)
    return grid.T if turn >= 4 else grid


@EACH
def test_every_single_cell_change_is_refused(family):
    rng = np.random.default_rng(1)
    for _ in range(EXAMPLES):
        grid, out = family.generate(rng)
        for cell in np.ndindex(out.shape):
            for colour in set(range(10)) - {int(out[cell])}:
                wrong = out.copy()
                wrong[cell] = colour
                assert not family.verify(grid, wrong), (cell, colour)
        assert family.verify(grid, out)


@EACH
def test_wrong_shapes_and_the_input_itself_are_refused(family):
    rng = np.random.default_rng(2)
    for _ in range(20):
        grid, out = family.generate(rng)
        assert not family.verify(grid, grid)
        for wrong in (
            out[1:],
            out[:-1],
            out[:, 1:],
            out[:, :-1],
            np.pad(out, ((0, 1), (0, 0))),
            np.pad(out, ((0, 0), (0, 1))),
            np.pad(out, ((1, 0), (0, 0))),
            np.repeat(out, 2, axis=0),
            np.full((31, 31), 1),
            out[None],
            out.astype(np.int64) + 10,
            out.astype(np.int64) - 10,
        ):
            assert not family.verify(grid, wrong)
        if out.shape[0] != out.shape[1]:
            assert not family.verify(grid, out.T)


@EACH
def test_another_examples_output_is_refused(family):
    rng = np.random.default_rng(3)
    pairs = [family.generate(rng) for _ in range(30)]
    for (grid, out), (_, other) in pairwise(pairs):
        assert family.verify(grid, other) == np.array_equal(out, other)


@EACH
@settings(max_examples=40)
@given(grid=GRIDS, out=GRIDS)
def test_any_two_grids_get_an_answer(family, grid, out):
    assert family.verify(grid, out) in (True, False)
    assert family.verify(grid, grid) is False


@EACH
def test_turning_both_grids_keeps_the_rule_exactly_where_the_family_says_so(family):
    rng = np.random.default_rng(4)
    kept = [
        family.verify(turned(grid, turn), turned(out, turn))
        for grid, out in (family.generate(rng) for _ in range(30))
        for turn in range(8)
    ]
    assert all(kept) == family.dihedral


@EACH
def test_permuting_the_colours_keeps_the_rule_exactly_where_the_family_says_so(family):
    rng = np.random.default_rng(5)
    kept = []
    for _ in range(60):
        grid, out = family.generate(rng)
        table = np.concatenate([[0], 1 + rng.permutation(9)]).astype(np.uint8)
        kept.append(family.verify(table[grid], table[out]))
    assert all(kept) == family.colours
