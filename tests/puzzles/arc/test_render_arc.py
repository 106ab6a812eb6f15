"""ARC grids in the official colours; what the model's canvas holds is cropped as scoring crops it."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import ImageColor

import puzzles
from puzzles.arc import drawing as render_arc
from puzzles.drawing import render
from puzzles.drawing.canvas import CROSS

ANSI = re.compile(r"\x1b\[[\d;]*m")
SIDE = 8
PUZZLE = puzzles.get("arc", canvas=SIDE)
grids = arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 9))


def _canvas(grid, corner=(0, 0)):
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    (r, c), (rows, columns) = corner, grid.shape
    canvas[r : r + rows, c : c + columns] = grid + 2
    canvas[r + rows, c : c + columns + 1] = 1
    canvas[r : r + rows, c + columns] = 1
    return canvas.reshape(-1)


def _areas(canvas):
    """The area of every rectangle of colours that begins at the corner, the slow way."""
    coloured = canvas >= 2
    return {
        (r, c): r * c for r in range(1, SIDE + 1) for c in range(1, SIDE + 1) if coloured[:r, :c].all()
    }  # fmt: skip


@given(arrays(np.uint8, (SIDE, SIDE), elements=st.integers(0, 11)))
def test_crop_is_the_largest_rectangle_of_colours(canvas):
    grid = render_arc.crop(canvas)
    areas = _areas(canvas)
    assert grid.size == max(areas.values(), default=0)
    assert (grid == canvas[: grid.shape[0], : grid.shape[1]] - 2).all()


@given(grids, grids, st.integers(0, 1), st.integers(0, 1))
def test_states_are_read_where_the_input_begins(before, after, r, c):
    inputs, labels = _canvas(before, (r, c)), _canvas(after, (r, c))
    assert (render_arc._grid(PUZZLE, inputs, labels) == after).all()
    assert render.verdict(PUZZLE, inputs, labels, labels) == "all right"
    text = render.render_text(PUZZLE, inputs, labels)
    assert text == "\n".join(" ".join(map(str, row)) for row in after.tolist())
    changed = labels.copy().reshape(SIDE, SIDE)
    changed[r, c] = 2 + (after[0, 0] + 1) % 10
    assert render.verdict(PUZZLE, inputs, changed.reshape(-1), labels) == "1 wrong"


def test_a_right_grid_that_is_not_closed_is_not_all_right():
    labels = _canvas(np.arange(6, dtype=np.uint8).reshape(2, 3))
    answer = labels.copy()
    answer[2 * SIDE + 1] = 0  # an EOS below the grid
    assert render.verdict(PUZZLE, labels, answer, labels) == "right grid, wrong end"
    answer = labels.copy()
    answer[-1] = 1  # padding is not scored
    assert render.verdict(PUZZLE, labels, answer, labels) == "all right"


def test_words_for_sizes_and_for_no_grid():
    grid = np.arange(6, dtype=np.uint8).reshape(2, 3)
    inputs, labels = _canvas(grid), _canvas(grid)
    assert render.verdict(PUZZLE, inputs, _canvas(grid[:1]), labels) == "1x3, not 2x3"
    assert render.mistakes(PUZZLE, inputs, np.zeros_like(inputs), labels) == "no grid"
    assert render.verdict(PUZZLE, inputs, labels) == ""


@given(grids, st.integers(4, 30))
def test_cells_have_the_official_colours(grid, cell):
    official = ["000000", "0074D9", "FF4136", "2ECC40", "FFDC00", "AAAAAA", "F012BE", "FF851B", "7FDBFF", "870C25"]
    image = render_arc.grid_image(grid, cell)
    assert image.size == (grid.shape[1] * cell + 1, grid.shape[0] * cell + 1)
    for (r, c), colour in np.ndenumerate(grid):
        assert image.getpixel((c * cell + 2, r * cell + 2)) == ImageColor.getrgb("#" + official[colour])


def test_crosses_mark_what_differs_from_the_target():
    grid = np.full((3, 3), 4, np.uint8)
    wrong = grid.copy()
    wrong[1, 2] = 7
    inputs, labels, state = _canvas(grid), _canvas(grid), _canvas(wrong)
    plain, marked = (
        np.asarray(render.render_image(PUZZLE, inputs, state, each, cell=20)).astype(int) for each in (None, labels)
    )
    rows, columns = np.nonzero((plain != marked).any(axis=2))
    assert {(r // 20, c // 20) for r, c in zip(rows, columns, strict=True)} == {(1, 2)}
    text = render.render_text(PUZZLE, inputs, state, labels=labels, colour=True)
    assert ANSI.sub("", text) == f"      \n    {CROSS} \n      "


def test_a_canvas_without_a_grid_is_shown_whole_and_hatched():
    inputs = _canvas(np.ones((2, 2), np.uint8))
    state = np.zeros(SIDE * SIDE, np.uint8)
    state[9] = 1
    image = render.render_image(PUZZLE, inputs, state, cell=20)
    assert image.size == (SIDE * 20 + 1, SIDE * 20 + 1)
    hatch = ImageColor.getrgb(render_arc.HATCH)
    assert image.getpixel((10, 10)) == image.getpixel((30, 30)) == hatch
    assert image.getpixel((3, 3)) == ImageColor.getrgb(render_arc.PAD_GROUND)
    assert image.getpixel((23, 30)) == ImageColor.getrgb(render_arc.END_GROUND)
    assert render.render_text(PUZZLE, inputs, state).splitlines()[1] == ". + . . . . . ."


def test_sheets_hold_every_grid():
    colours = [np.full((3, 3), colour, np.uint8) for colour in range(10)]
    sheet = render_arc.render_task(
        [(colours[1], colours[2]), (colours[3], colours[4])], colours[5], colours[6], colours[7:9]
    )
    votes = render_arc.render_votes(
        colours[5], colours[6], [(colours[6], 3, 0.9), (colours[7], 2, 0.5), (colours[8], 1, 0.1)]
    )
    for image, shown, hidden in ((sheet, range(1, 9), (9,)), (votes, (5, 6, 7), (1, 2, 3, 4, 8, 9))):
        found = {tuple(colour) for colour in np.unique(np.asarray(image).reshape(-1, 3), axis=0).tolist()}
        assert {ImageColor.getrgb(render_arc.COLOURS[i]) for i in shown} <= found
        assert not {ImageColor.getrgb(render_arc.COLOURS[i]) for i in hidden} & found


def test_sheets_take_unknown_targets_and_missing_grids():
    grid, empty = np.ones((2, 4), np.uint8), np.zeros((0, 0), np.uint8)
    render_arc.render_task([], grid, None, [grid, empty], ["a", "b"])
    render_arc.render_votes(grid, None, [(empty, 1, 0.0)])
    with pytest.raises(ValueError, match="captions: 1 for 2 predictions"):
        render_arc.render_task([], grid, None, [grid, grid], ["a"])
    with pytest.raises(ValueError, match="grid: has colours 1 to 12: must be 0 to 9"):
        render_arc.render_task([], np.array([[1, 12]]), None, [])
