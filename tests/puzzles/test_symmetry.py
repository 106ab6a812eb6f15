"""Symmetries that can be undone, of Sudoku and of mazes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.maze.domain import Maze
from puzzles.sudoku.domain import BOXES, Sudoku
from puzzles.sudoku.symmetry import order
from puzzles.symmetry import Symmetric


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


@pytest.mark.parametrize(("rows", "columns", "group"), [(9, 9, 8), (7, 9, 4)])
@given(seed=st.integers(0, 2**32), data=st.data())
def test_maze_symmetries_map_shortest_paths_there_and_back(rows, columns, group, seed, data):
    maze = Maze(rows=rows, columns=columns)
    assert maze.num_symmetries == group
    inputs, labels = maze.generate(puzzles.rng(seed, "mazes"), 2)
    num = data.draw(st.integers(1, group))
    found = maze.symmetries(puzzles.rng(seed, "turns"), num)
    assert len({one.cells.tobytes() for one in found}) == num
    assert np.array_equal(found[0].apply(inputs), inputs)
    for one in found:
        turned = one.apply(inputs)
        assert maze.check(turned, one.apply(labels)).solved.all()
        assert maze.check(inputs, one.invert(maze.solve(turned))).solved.all()
        assert np.array_equal(one.invert(one.apply(labels)), labels)
    with pytest.raises(ValueError, match=f"^restarts={group + 1}: a {rows}x{columns} maze has {group} symmetries$"):
        maze.symmetries(puzzles.rng(seed, "turns"), group + 1)
