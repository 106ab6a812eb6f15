"""Grids on the canvas and back, against plain restatements."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from puzzles.arc import canvas as arc_canvas
from puzzles.arc.augment import Augmentation
from puzzles.arc.canvas import canonical, corners, crop, to_canvas, too_large, well_formed
from puzzles.arc.tasks import Grid, Pair, Task

grids = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.integers(0, 9))
changes = st.tuples(st.integers(0, 7), st.permutations(range(1, 10)))


def plain_canvas(grid: Grid, side: int, row: int, col: int) -> np.ndarray:
    """The published layout, cell by cell."""
    height, width = grid.shape
    canvas = np.zeros((side, side), int)
    for r in range(side):
        for c in range(side):
            inside_rows, inside_cols = row <= r < row + height, col <= c < col + width
            if inside_rows and inside_cols:
                canvas[r, c] = grid[r - row, c - col] + 2
            elif (inside_rows and c == col + width) or (inside_cols and r == row + height):
                canvas[r, c] = 1
    return canvas.ravel()


def plain_crop(canvas: np.ndarray) -> tuple[int, int]:
    """Height and width of the largest colour-only rectangle in the corner, the flattest of equals, by trying all."""
    side = len(canvas)
    sizes = [
        (height * width, -height, height, width)
        for height in range(1, side + 1)
        for width in range(1, side + 1)
        if ((canvas[:height, :width] >= 2) & (canvas[:height, :width] <= 11)).all()
    ]
    return max(sizes)[2:] if sizes else (0, 0)


@given(st.data(), st.lists(grids, min_size=1, max_size=3), st.integers(8, 11))
def test_a_grid_comes_back_from_the_canvas_wherever_it_lies(data: st.DataObject, found: list[Grid], side: int) -> None:
    offsets = np.array(
        [[data.draw(st.integers(0, side - length)) for length in grid.shape] for grid in found], np.int64
    )
    tokens = to_canvas(found, side, offsets)
    for grid, row, offset in zip(found, tokens, offsets, strict=True):
        np.testing.assert_array_equal(row, plain_canvas(grid, side, *offset.tolist()))
    for grid, again in zip(found, crop(tokens, offsets), strict=True):
        np.testing.assert_array_equal(again, grid)
    np.testing.assert_array_equal(corners(tokens), offsets)
    assert well_formed(tokens, offsets).all()


@given(hnp.arrays(np.int32, st.tuples(st.just(3), st.just(25)), elements=st.integers(-1, 13)))
def test_crop_is_the_published_rectangle_on_any_prediction(tokens: np.ndarray) -> None:
    for row, grid in zip(tokens, crop(tokens), strict=True):
        square = row.reshape(5, 5)
        height, width = plain_crop(square)
        np.testing.assert_array_equal(grid, square[:height, :width] - 2)


@given(hnp.arrays(np.uint8, st.tuples(st.just(1), st.just(16)), elements=st.integers(0, 3)), st.integers(0, 1))
def test_well_formed_says_what_rewriting_the_crop_says(tokens: np.ndarray, at: int) -> None:
    """The cropped grid, written again, agrees wherever it wrote something."""
    offsets = np.full((1, 2), at)
    (grid,) = crop(tokens, offsets)
    expected = False
    if grid.size:
        again = to_canvas([grid], 4, offsets)
        expected = bool((again[again > 0] == tokens[again > 0]).all())
    assert well_formed(tokens, offsets).tolist() == [expected]


def test_what_does_not_fit_is_refused_by_name() -> None:
    grid = np.zeros((3, 5), np.uint8)
    with pytest.raises(ValueError, match="grid 1 is 3x5: the canvas is 4x4"):
        to_canvas([grid[:, :4], grid], 4)
    with pytest.raises(ValueError, match=r"grid 0 is 3x5 at offset \(6, 0\): the canvas is 8x8"):
        to_canvas([grid], 8, np.array([[6, 0]]))
    task = Task("abc", [Pair(grid, grid)], [Pair(grid, grid.repeat(3, axis=0))])
    assert too_large(task, 9) == ""
    assert too_large(task, 8) == "task abc: test[0].output is 9x5: the canvas is 8x8"
    for canvas in (0, 65, True):
        with pytest.raises(ValueError, match=f"canvas={canvas}: must be a whole number from 1 to 64"):
            arc_canvas.check_side(canvas)
    with pytest.raises(ValueError, match=r"inputs\[1\] has no grid"):
        corners(np.array([[2, 1, 1, 0], [0, 1, 1, 0]]))
    with pytest.raises(ValueError, match="canvases have 5 tokens: must be a square number"):
        crop(np.zeros((1, 5), np.uint8))


@given(st.lists(grids, min_size=1, max_size=2), changes)
def test_canonical_forms_are_equal_for_augmented_grids(group: list[Grid], change: tuple[int, list[int]]) -> None:
    one = Augmentation(change[0], (0, *change[1]))
    forms, hashes = canonical([group, [one.apply(grid) for grid in group]])
    np.testing.assert_array_equal(forms[0], forms[1])
    assert hashes[0] == hashes[1]


@given(
    st.lists(
        st.sampled_from([np.array(g, np.uint8) for g in ([[1, 2]], [[1], [1]], [[3, 3]], [[0, 7]], [[5, 0]])]),
        min_size=2,
        max_size=2,
    )
)
def test_canonical_forms_differ_for_others(pair: list[Grid]) -> None:
    """Two-cell grids: none, one or two colours; orientation, order and names do not count."""
    kinds = [[*sorted(np.unique(grid, return_inverse=True)[1].ravel().tolist()), 0 in grid] for grid in pair]
    forms, hashes = canonical([[grid] for grid in pair])
    same = kinds[0] == kinds[1]
    assert np.array_equal(forms[0], forms[1]) == same
    assert (hashes[0] == hashes[1]) == same
