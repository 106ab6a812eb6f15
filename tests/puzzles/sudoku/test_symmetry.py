"""The symmetry group, the canonical form and the invariant, on random puzzles of each size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.sudoku import search as sudoku_search
from puzzles.sudoku import symmetry as sudoku_symmetry
from puzzles.sudoku.domain import BOXES, Sudoku, count_solutions
from tests.examples import num_examples

SMALL = ("2x2", "2x3", "3x3")
CLUES = {"2x2": 6, "2x3": 13, "3x3": 28, "4x4": 130}


def drawn(box, seed, num=3):
    return Sudoku(box).generate(puzzles.rng(seed, "puzzles"), num, clues=CLUES[box])


@given(st.sampled_from(list(BOXES)), st.integers(0, 2**32))
def test_transform_maps_puzzles_to_puzzles_and_solutions_to_solutions(box, seed):
    sudoku = Sudoku(box)
    inputs, labels = drawn(box, seed)
    new_inputs, new_labels = sudoku.transform(puzzles.rng(seed, "symmetry"), inputs, labels)
    assert np.array_equal(sudoku.solve(new_inputs), new_labels)
    assert sudoku.check(new_inputs, new_labels).solved.all()
    assert np.array_equal(sudoku.invariant(new_inputs), sudoku.invariant(inputs))
    assert np.array_equal(sudoku.invariant(new_labels), sudoku.invariant(labels))


@given(st.sampled_from(SMALL), st.integers(0, 2**32))
def test_transform_keeps_the_number_of_solutions(box, seed):
    sudoku = Sudoku(box)
    rng = puzzles.rng(seed, "thin")
    inputs, labels = drawn(box, seed)
    inputs[rng.random(inputs.shape) < 0.2] = 1
    turned, _ = sudoku.transform(rng, inputs, labels)
    assert np.array_equal(count_solutions(turned, 30), count_solutions(inputs, 30))


@num_examples(40)
@given(st.sampled_from(SMALL), st.integers(0, 2**32), st.booleans())
def test_canonical_form_is_one_for_an_orbit_and_lies_in_it(box, seed, full):
    sudoku = Sudoku(box)
    inputs, labels = drawn(box, seed, 2)
    grids = labels if full else inputs
    turned, _ = sudoku.transform(puzzles.rng(seed, "symmetry"), grids, labels)
    form = sudoku.canonical(grids)
    assert np.array_equal(sudoku.canonical(turned), form)
    assert np.array_equal(sudoku.canonical(form), form)
    assert np.array_equal(sudoku.invariant(form), sudoku.invariant(grids))
    assert np.array_equal(count_solutions(form, 2), count_solutions(grids, 2))
    assert np.array_equal((form > 1).sum(axis=1), (grids > 1).sum(axis=1))


def group_images(grid, box_rows, box_cols):
    """Every image of a 4x4 or 6x6 grid (values, 0 blank) under positions alone, by plain Python."""
    from itertools import permutations, product

    def orders(side, group):
        for bands in permutations(range(side // group)):
            for inside in product(permutations(range(group)), repeat=side // group):
                yield [band * group + line for band, lines in zip(bands, inside, strict=True) for line in lines]

    side = box_rows * box_cols
    square = np.reshape(grid, (side, side))
    for turned in (square, square.T) if box_rows == box_cols else (square,):
        for rows in orders(side, box_rows):
            for cols in orders(side, box_cols):
                yield turned[rows][:, cols].reshape(-1)


def relabelled(grid):
    names: dict[int, int] = {}
    return tuple(names.setdefault(value, len(names) + 1) if value else 0 for value in grid.tolist())


@pytest.mark.parametrize("box", ["2x2", "2x3"])
def test_canonical_form_is_the_smallest_of_all_images(box):
    inputs, _ = drawn(box, 3, 3)
    for puzzle, form in zip(inputs, Sudoku(box).canonical(inputs), strict=True):
        smallest = min(relabelled(image) for image in group_images(puzzle - 1, *BOXES[box]))
        assert tuple((form - 1).tolist()) == smallest


def test_the_small_grids_fall_into_two_classes():
    sudoku = Sudoku("2x2")
    _, labels = sudoku.generate(puzzles.rng(0, "test"), 3000, clues=16)
    assert len(np.unique(labels, axis=0)) == 288
    assert len(np.unique(sudoku.canonical(labels), axis=0)) == 2


def test_the_smallest_puzzles_fall_into_36_classes():
    sudoku = Sudoku("2x2")
    inputs, _ = sudoku.generate(puzzles.rng(0, "test"), 6000, clues="minimal")
    assert len(np.unique(sudoku.canonical(inputs), axis=0)) == 36
    assert len(np.unique(sudoku.invariant(inputs))) == 36


@given(st.integers(0, 2**32))
def test_a_changed_clue_changes_the_invariant(seed):
    sudoku = Sudoku()
    inputs, labels = drawn("3x3", seed, 1)
    changed = inputs.copy()
    cell = puzzles.rng(seed, "cell").choice(np.flatnonzero(inputs[0] == 1))
    changed[0, cell] = labels[0, cell]
    assert sudoku.invariant(changed)[0] != sudoku.invariant(inputs)[0]
    moved = inputs.copy()
    moved[0] = np.roll(moved[0], 1)
    assert not np.array_equal(sudoku.canonical(moved), sudoku.canonical(inputs)) or (
        sudoku.invariant(moved) == sudoku.invariant(inputs)
    )


@pytest.mark.parametrize("box", BOXES)
def test_symmetries_are_drawn_from_the_whole_group_and_only_it(box):
    box_rows, box_cols = BOXES[box]
    board = sudoku_search.board(box_rows, box_cols)
    side = board.side
    drawn_elements = sudoku_symmetry.draw(puzzles.rng(0, "test"), 4000, board)
    for lines, group in ((drawn_elements.rows, box_rows), (drawn_elements.cols, box_cols)):
        assert (np.sort(lines, axis=1) == np.arange(side)).all()
        bands = lines.reshape(-1, side // group, group) // group
        assert (bands == bands[:, :, :1]).all()
        first = np.bincount(lines[:, 0], minlength=side)
        assert first.min() > 0.6 * 4000 / side
    assert (drawn_elements.digits[:, 0] == 0).all()
    assert (np.sort(drawn_elements.digits[:, 1:], axis=1) == np.arange(1, side + 1)).all()
    share = drawn_elements.transpose.mean()
    assert 0.45 < share < 0.55 if box_rows == box_cols else share == 0


def test_canonical_form_of_16x16_is_refused():
    with pytest.raises(ValueError, match="canonical forms are computed up to 9x9"):
        Sudoku("4x4").canonical(np.ones((1, 256), np.uint8))
