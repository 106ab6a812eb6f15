"""Symmetries that can be undone, of grids and of Sudoku."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.sudoku import BOXES, Sudoku
from puzzles.sudoku_symmetry import order
from puzzles.symmetry import Symmetric, chosen, dihedral


@given(st.sampled_from(list(BOXES)), st.integers(0, 2**32))
def test_sudoku_symmetries_map_solutions_there_and_back(box, seed):
    sudoku = Sudoku(box)
    clues = {"2x2": 6, "2x3": 13, "3x3": 28, "4x4": 140}[box]
    inputs, labels = sudoku.generate(puzzles.rng(seed, "puzzles"), 2, clues=clues)
    found = sudoku.symmetries(puzzles.rng(seed, "turns"), 4)
    assert np.array_equal(found[0].apply(inputs), inputs)
    anything = puzzles.rng(seed, "states").integers(0, sudoku.vocab_size, inputs.shape).astype(np.uint8)
    for one in found:
        turned = one.apply(inputs)
        assert turned.dtype == inputs.dtype
        assert np.array_equal(sudoku.invariant(turned), sudoku.invariant(inputs))
        assert sudoku.check(turned, one.apply(labels)).solved.all()
        assert np.array_equal(one.invert(sudoku.solve(turned)), labels)
        assert np.array_equal(one.invert(one.apply(anything)), anything)
        assert np.array_equal(one.apply(one.invert(anything)), anything)


def test_the_whole_group_of_a_small_sudoku_is_there_and_no_more():
    """3,072 elements by the formula, all different in what they do to a grid of distinguishable cells and digits."""
    sudoku = Sudoku("2x2")
    assert sudoku.num_symmetries == order(sudoku.board) == 24 * 2 * 2**2 * 2 * 2**2 * 2 == 3072
    found = sudoku.symmetries(puzzles.rng(0, "turns"), 3072)
    assert len({(one.cells.tobytes(), one.tokens.tobytes()) for one in found}) == 3072
    with pytest.raises(ValueError, match=r"^restarts=3073: 4x4 Sudoku has 3,072 symmetries$"):
        sudoku.symmetries(puzzles.rng(0, "turns"), 3073)
    assert Sudoku().num_symmetries == 2 * 362880 * 6**8
    assert Sudoku("2x3").num_symmetries == 720 * (6 * 2**3) * (2 * 6**2)
    assert isinstance(sudoku, Symmetric)


@pytest.mark.parametrize(("rows", "columns", "num"), [(3, 3, 8), (2, 3, 4), (1, 4, 2), (1, 1, 1)])
def test_a_grid_turns_and_reflects(rows, columns, num):
    found = dihedral(rows, columns, 5)
    assert len(found) == num
    cells = np.arange(rows * columns)
    assert found[0].cells.tolist() == cells.tolist()
    place = np.stack(np.divmod(cells, columns), axis=1)
    distance = np.abs(place[:, None] - place[None]).sum(axis=2)
    for one in found:
        assert np.array_equal(np.sort(one.cells), cells)
        assert np.array_equal(distance[one.cells][:, one.cells], distance), "neighbours stay neighbours"
        other = [two for two in found if np.array_equal(two.apply(one.apply(cells[None] % 5)), cells[None] % 5)]
        assert other, "every element's inverse is one of them"


@given(st.integers(1, 8), st.integers(0, 99))
def test_some_of_a_group_are_different_and_begin_with_the_identity(num, seed):
    group = dihedral(4, 4, 5)
    found = chosen(np.random.default_rng(seed), group, num, "4x4 maze")
    assert found[0] is group[0]
    assert len({one.cells.tobytes() for one in found}) == num
    with pytest.raises(ValueError, match=r"^restarts=9: 4x4 maze has 8 symmetries$"):
        chosen(np.random.default_rng(seed), group, 9, "4x4 maze")
