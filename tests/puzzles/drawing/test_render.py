"""Boards as text and pixels: every cell is where it belongs and in the colour that says what it is."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor, ImageSequence

import puzzles
from puzzles.drawing import canvas as drawing
from puzzles.drawing import render
from tests.examples import num_examples
from tests.puzzles.toy import Parity

ANSI = re.compile(r"\x1b\[[\d;]*m")
BOXES = ["2x2", "2x3", "3x3", "4x4"]
VOCAB = {box: puzzles.get("sudoku", box=box).vocab_size for box in BOXES}
boards = st.sampled_from(BOXES).flatmap(
    lambda box: st.tuples(
        st.just(box),
        st.lists(st.integers(1, VOCAB[box] - 1), min_size=256, max_size=256),
    )
)


def _puzzle(box="3x3"):
    return puzzles.get("sudoku", box=box)


@pytest.fixture(scope="module")
def game():
    """A 6x6 puzzle with answer, and a state with one wrong cell, one overwritten given and one blank."""
    puzzle = _puzzle("2x3")
    inputs, labels = (rows[0] for rows in puzzle.generate(np.random.default_rng(3), 1))
    state = labels.copy()
    blanks, givens = np.flatnonzero(inputs == 1), np.flatnonzero(inputs != 1)
    for i in (blanks[0], givens[0]):
        state[i] = 2 if labels[i] != 2 else 3
    state[blanks[1]] = 1
    return SimpleNamespace(puzzle=puzzle, inputs=inputs, labels=labels, state=state, blanks=blanks, givens=givens)


@given(boards)
def test_text_holds_every_cell_in_order_and_can_be_parsed(board):
    box, tokens = board
    puzzle = _puzzle(box)
    inputs = np.array(tokens[: puzzle.seq_len], np.uint8)
    text = render.render_text(puzzle, inputs)
    assert "\x1b" not in text
    cells = re.sub(r"[^.\w]", "", text)
    assert cells == puzzle.format(inputs)
    assert (puzzle.parse(cells) == inputs).all()
    lines = text.splitlines()
    assert len({len(line) for line in lines}) == 1
    box_rows, box_columns = (int(side) for side in box.split("x"))
    rules = [i for i, line in enumerate(lines) if "─" in line]
    assert rules == list(range(0, len(lines), box_rows + 1))
    assert lines[1].count("│") == puzzle.shape[1] // box_columns + 1


def test_a_small_board_looks_as_it_should():
    text = render.render_text(_puzzle("2x3"), _puzzle("2x3").parse("1.3..." + "." * 24 + ".....6"))
    assert text.splitlines()[:4] == [
        "┌───────┬───────┐",
        "│ 1 . 3 │ . . . │",
        "│ . . . │ . . . │",
        "├───────┼───────┤",
    ]
    assert text.splitlines()[-2:] == ["│ . . . │ . . 6 │", "└───────┴───────┘"]


def test_colour_marks_givens_answers_and_mistakes(game):
    plain = render.render_text(game.puzzle, game.inputs, game.state, labels=game.labels)
    coloured = render.render_text(game.puzzle, game.inputs, game.state, labels=game.labels, colour=True)
    assert ANSI.sub("", coloured) == plain
    styles = [part.removesuffix("m") for part in re.findall(r"\x1b(\[[\d;]*m)[^\x1b]", coloured) if part != "[0m"]
    expected = np.where(game.inputs != 1, "[1", "[34").astype(object)
    expected[[game.blanks[0], game.givens[0]]] = "[1;31"
    expected[game.blanks[1]] = "[2"
    assert styles == expected.tolist()
    unjudged = render.render_text(game.puzzle, game.inputs, game.state, colour=True)
    assert unjudged.count("[1;31m") == 1  # only the overwritten given is wrong by itself


def test_outputs_that_are_no_digits_show_as_question_marks():
    puzzle = _puzzle("2x2")
    assert "?" in render.render_text(puzzle, np.ones(16, int), np.array([0] + [2] * 15))


@pytest.mark.parametrize("cell", [17, 40])
def test_image_grounds_tell_the_kinds_of_cells_apart(game, cell):
    previous = game.state.copy()
    previous[game.blanks[2]] = 7 if previous[game.blanks[2]] != 7 else 6
    image = render.render_image(game.puzzle, game.inputs, game.state, game.labels, previous=previous, cell=cell)
    edge = image.width - 6 * cell
    assert image.size == (image.width, image.width)
    expected = np.where(game.inputs != 1, drawing.GIVEN_GROUND, drawing.WHITE).astype(object)
    expected[[game.blanks[0], game.givens[0]]] = drawing.WRONG_GROUND
    expected[game.blanks[2]] = drawing.CHANGED_GROUND
    for i in range(36):
        corner = (edge + i % 6 * cell + 2, edge + i // 6 * cell + 2)  # inside the cell, off the digit
        assert image.getpixel(corner) == ImageColor.getrgb(expected[i]), i


@num_examples(20)
@given(boards, st.integers(16, 60))
def test_digits_lie_inside_their_cells(board, cell):
    """Every filled cell has ink and every blank one has none, so no digit strays into its neighbour."""
    box, tokens = board
    puzzle = _puzzle(box)
    outputs = np.array(tokens[: puzzle.seq_len])
    image = np.asarray(render.render_image(puzzle, np.ones_like(outputs), outputs, cell=cell)).astype(int)
    side = puzzle.shape[0]
    edge = (image.shape[0] - side * cell) // 2
    margin = max(2, cell // 13)
    for i in range(side * side):
        y, x = edge + i // side * cell, edge + i % side * cell
        inside = image[y + margin : y + cell - margin, x + margin : x + cell - margin]
        assert (inside.min() < 200) == (outputs[i] != 1), i


def test_strip_lays_panels_out_in_rows(game):
    strip = render.render_strip(game.puzzle, game.inputs, [game.state] * 6, game.labels, columns=3, cell=20)
    one = render.render_strip(game.puzzle, game.inputs, [game.state], game.labels, columns=1, cell=20)
    assert strip.width == 3 * (one.width - 20) + 20
    assert strip.height == pytest.approx(3 * (one.height - 20) / 2 + 20, abs=1)  # 7 panels: 3 rows; one: 2 rows


def test_gif_has_the_puzzle_and_every_state_and_ends_on_a_pause(game, tmp_path):
    states = np.stack([game.inputs, game.state, game.labels])
    path = render.render_gif(game.puzzle, game.inputs, states, game.labels, tmp_path / "deep" / "one.gif", seconds=0.5)
    with Image.open(path) as gif:
        assert gif.info["loop"] == 0
        durations = [frame.info["duration"] for frame in ImageSequence.Iterator(gif)]
        assert durations == [1000, 500, 500, 2000]
        last = np.asarray(gif.convert("RGB")).astype(int)
    assert (np.abs(last - ImageColor.getrgb(drawing.FILLED)).sum(axis=2) < 40).any()
    assert not (np.abs(last - ImageColor.getrgb(drawing.WRONG)).sum(axis=2) < 40).any()


def test_verdict_counts_scored_cells(game):
    labels = game.labels.astype(int)
    assert render.verdict(game.puzzle, game.inputs, game.state, labels) == "3 wrong"
    labels[game.blanks[:2]] = -100, 0
    assert render.verdict(game.puzzle, game.inputs, game.state, labels) == "1 wrong"
    assert render.verdict(game.puzzle, game.inputs, game.labels, game.labels) == "all right"
    assert render.verdict(game.puzzle, game.inputs, game.state) == ""


@pytest.mark.parametrize(("cells", "words"), [((0, 5), "row 1"), ((0, 30), "column 1"), ((0, 8), "box 1")])
def test_mistakes_name_the_first_broken_rule(cells, words):
    puzzle = _puzzle("2x3")
    inputs, state = np.ones((2, 36), int)
    state[list(cells)] = 7
    labels = np.full(36, 2)
    assert render.mistakes(puzzle, inputs, state, labels) == f"36 wrong, two 6s in {words}"
    inputs[0] = 3
    assert render.mistakes(puzzle, inputs, state, labels) == f"36 wrong, 1 of the givens lost, two 6s in {words}"


def test_boards_of_one_size_make_a_gallery_of_pairs(game):
    pair = render.render_pair(game.puzzle, game.inputs, game.state, game.labels, cell=20)
    board = render.render_image(game.puzzle, game.inputs, game.state, game.labels, cell=20)
    target = render.render_image(game.puzzle, game.inputs, game.labels, cell=20)
    assert (np.asarray(pair)[-board.height :, -board.width :] == np.asarray(board)).all()
    assert (np.asarray(pair)[-board.height :, : board.width] == np.asarray(target)).all()
    rows = [np.stack([row] * 3) for row in (game.inputs, game.state, game.labels)]
    gallery = render.render_gallery(game.puzzle, *rows, captions=["a", "b", "c"], cell=20)
    assert gallery.width > 2 * pair.width
    assert gallery.height > 2 * pair.height
    with pytest.raises(ValueError, match="captions: 2 for 3 puzzles"):
        render.render_gallery(game.puzzle, *rows, captions=["a", "b"])


def test_words_longer_than_a_board_widen_its_panel():
    board = drawing.Image.new("RGB", (30, 30))
    widths = [drawing.panel(board, left, right).width for left, right in (("", ""), ("a", "b"), ("segment 1", "wrong"))]
    assert widths[0] == widths[1] == 30 < widths[2]


def test_what_cannot_be_drawn_is_refused(game):
    with pytest.raises(ValueError, match=r"inputs: one sudoku has shape \(36,\), not \(35,\)"):
        render.render_image(game.puzzle, game.inputs[:35], game.state[:35])
    with pytest.raises(ValueError, match="at least one state"):
        render.render_strip(game.puzzle, game.inputs, [])
    with pytest.raises(ValueError, match="captions: 1 for 2 frames"):
        render.render_strip(game.puzzle, game.inputs, [game.state] * 2, captions=["only"])


def test_a_domain_without_a_drawing_of_its_own_is_a_grid_of_its_symbols():
    puzzle = Parity(2, 3)
    inputs, labels = puzzle.parse("01. 11."), puzzle.parse("011 110")
    assert render.render_text(puzzle, inputs) == "0 1 .\n1 1 ."
    state = puzzle.parse("011 11.")
    assert render.render_text(puzzle, inputs, state) == puzzle.render(inputs, state) == "0 1 1\n1 1 ."
    assert render.verdict(puzzle, inputs, state, labels) == "1 wrong"
    assert render.verdict(puzzle, inputs, labels) == "solved"
    wrong = puzzle.parse("010 11.")
    coloured = render.render_text(puzzle, inputs, wrong, labels=labels, colour=True)
    assert coloured.count(drawing.RED) == 1
    pictures = {
        name: render.render_image(puzzle, inputs, shown, labels, cell=20).tobytes()
        for name, shown in (("puzzle", inputs), ("right", state), ("wrong", wrong))
    }
    assert len(set(pictures.values())) == 3
    assert render.render_strip(puzzle, inputs, [state, labels], labels).width > 0
