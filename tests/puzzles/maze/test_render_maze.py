"""Mazes are coloured by the rules: what breaks a path is red, whatever path is stored."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor, ImageSequence

import puzzles
from puzzles.drawing import render
from puzzles.drawing.canvas import CROSS, WHITE, WRONG, WRONG_GROUND
from puzzles.maze import drawing as render_maze
from tests.examples import num_examples

ANSI = re.compile(r"\x1b\[[\d;]*m")
OPEN = """
S   #
  # #
    G
##  #
#####
"""


def _maze(text):
    lines = text.strip("\n").split("\n")
    puzzle = puzzles.get("maze", rows=len(lines), columns=len(lines[0]))
    return puzzle, puzzle.parse(text)


@pytest.fixture(scope="module")
def game():
    puzzle, inputs = _maze(OPEN)

    def state(*path):
        drawn = inputs.copy()
        drawn[list(path)] = 5
        return drawn

    return SimpleNamespace(puzzle=puzzle, inputs=inputs, labels=puzzle.solve(inputs[None])[0], state=state)


STATES = {
    "stored": ((5, 10, 11, 12, 13), "solved", []),
    "another": ((1, 6, 11, 12, 13), "solved", []),
    "longer": ((1, 2, 3, 8, 13), "solved", []),
    "detour": ((5, 10, 11, 12, 17, 18, 13), "valid, 2 moves longer", []),
    "empty": ((), "broken: no path drawn", []),
    "gap": ((5, 10, 12, 13), "broken: no way from S to G", [10, 12]),
    "wall": ((5, 10, 11, 12, 13, 24), "broken: 1 through walls", [24]),
    "astray": ((5, 10, 11, 12, 13, 3), "broken: 1 astray", [3]),
    "dead end": ((5, 10, 11, 12, 13, 17, 2, 1), "broken: 2 in dead ends", None),
}


@pytest.mark.parametrize("name", STATES)
def test_words_and_red_cells_follow_the_rules(game, name):
    path, words, expected = STATES[name]
    state = game.state(*path)
    for labels in (None, game.labels):
        assert render.verdict(game.puzzle, game.inputs, state, labels) == words.split(":")[0]
    if name == "dead end":
        path, expected = (5, 10, 11, 12, 13, 18, 17, 2, 1), [1, 2]
        state, words = game.state(*path), "broken: 2 in dead ends"
    assert render.mistakes(game.puzzle, game.inputs, state, game.labels) == words
    wrong = render_maze.broken_cells(game.puzzle, game.inputs.astype(int), state.astype(int)).reshape(-1)
    assert np.flatnonzero(wrong).tolist() == expected


def test_a_maze_that_is_not_kept_is_broken(game):
    state = game.state(5, 10, 11, 12, 13)
    state[[0, 4, 3]] = 2, 2, 1
    assert render.mistakes(game.puzzle, game.inputs, state) == "broken: 3 cells of the maze altered"


@num_examples(30)
@given(st.integers(0, 2**32), st.integers(0, 12))
def test_nothing_is_red_exactly_where_the_path_is_whole(seed, changes):
    """Without the red cells no rule is broken but a gap; a state that the rules accept has none."""
    puzzle = puzzles.get("maze", rows=9, columns=11)
    rng = np.random.default_rng(seed)
    inputs, labels = puzzle.generate(rng, 1, kind="dfs", braid=0.5)
    state = labels[0].copy()
    places = rng.integers(0, puzzle.seq_len, changes)
    state[places] = rng.integers(0, 6, changes)
    wrong = render_maze.broken_cells(puzzle, inputs[0].astype(int), state.astype(int)).reshape(-1)
    judged = puzzle.check(inputs, state[None])
    if judged.valid[0]:
        assert not wrong.any()
        return
    words = render.mistakes(puzzle, inputs[0], state)
    assert words.startswith("broken: ")
    assert wrong.any() or "no path drawn" in words or "no way" in words
    if "no way" not in words and "no path" not in words:
        mended = np.where(wrong, inputs[0], state)
        assert puzzle.check(inputs, mended[None]).valid[0]


def test_text_draws_the_path_as_a_line(game):
    text = render.render_text(game.puzzle, game.inputs, game.state(5, 10, 11, 12, 13))
    assert [line.rstrip() for line in text.splitlines()] == [
        "S       ██",
        "┃   ██  ██",
        "┗━━━━━━━G",
        "████    ██",
        "██████████",
    ]
    broken = render.render_text(game.puzzle, game.inputs, game.state(3, 24)).splitlines()
    assert broken[0][6] == CROSS
    assert broken[4] == f"████████{CROSS} "


def test_colour_shows_the_same_cells(game):
    state = game.state(5, 10, 12, 13, 24)
    plain = render.render_text(game.puzzle, game.inputs, state)
    coloured = render.render_text(game.puzzle, game.inputs, state, colour=True)
    assert ANSI.sub("", coloured).replace(" ", "") == plain.replace(" ", "").replace("█", "")
    red = "48;2;" + ";".join(map(str, ImageColor.getrgb(WRONG)))
    assert coloured.count(red) == 3  # both ends of the gap, and the wall


@pytest.mark.parametrize(("rows", "columns"), [(30, 30), (17, 20)])
def test_large_mazes_fit_on_a_terminal(rows, columns):
    puzzle = puzzles.get("maze", rows=rows, columns=columns)
    inputs, labels = (row[0] for row in puzzle.generate(np.random.default_rng(0), 1, kind="hard", path=None))
    lines = render.render_text(puzzle, inputs, labels, colour=True).splitlines()
    assert len(lines) == -(-rows // 2)
    assert {len(ANSI.sub("", line)) for line in lines} == {columns}
    cells = [re.findall(r"38;2;(\d+;\d+;\d+)(?:;48;2;(\d+;\d+;\d+))?", line) for line in lines]
    shown = [row for pair in cells for row in zip(*pair, strict=True)][:rows]
    blue = ";".join(map(str, ImageColor.getrgb(render_maze.PATH_COLOUR)))
    assert [[cell == blue for cell in row] for row in shown] == (labels == 5).reshape(rows, columns).tolist()
    assert {len(line) for line in render.render_text(puzzle, inputs, labels).splitlines()} == {2 * columns}


@pytest.mark.parametrize("cell", [14, 40])
def test_image_cells_have_the_colour_of_what_they_are(game, cell):
    state = game.state(5, 10, 12, 13, 24, 3)
    image = render.render_image(game.puzzle, game.inputs, state, game.labels, cell=cell)
    assert image.size == (5 * cell + 2, 5 * cell + 2)
    expected = {1: WHITE, 4: render_maze.WALL_COLOUR, 10: WRONG_GROUND, 12: WRONG_GROUND, 3: WRONG_GROUND, 5: WHITE}
    for i, ground in expected.items():
        corner = (1 + i % 5 * cell + 2, 1 + i // 5 * cell + 2)
        assert image.getpixel(corner) == ImageColor.getrgb(ground), i
    for i, line in {5: render_maze.PATH_COLOUR, 13: render_maze.PATH_COLOUR, 10: WRONG, 24: WRONG}.items():
        centre = (1 + i % 5 * cell + cell // 2, 1 + i // 5 * cell + cell // 2)
        assert image.getpixel(centre) == ImageColor.getrgb(line), i


def test_strips_end_with_the_target_and_animations_keep_it_in_sight(game, tmp_path):
    frames = [game.inputs, game.state(1, 6, 11, 12, 13)]
    with_target = render.render_strip(game.puzzle, game.inputs, frames, game.labels, columns=9, cell=20)
    without = render.render_strip(game.puzzle, game.inputs, frames, columns=9, cell=20)
    assert (with_target.width - 20) * 3 == (without.width - 20) * 4
    target = np.asarray(render.render_image(game.puzzle, game.inputs, game.labels, cell=20))
    path = render.render_gif(game.puzzle, game.inputs, frames, game.labels, tmp_path / "maze.gif", cell=20)
    with Image.open(path) as gif:
        shown = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(gif)]
    assert len(shown) == 3
    for frame in shown:
        part = frame[-10 - target.shape[0] : -10, 10 : 10 + target.shape[1]]
        assert np.abs(part - target).max() < 40


def test_large_boards_get_small_cells():
    puzzle = puzzles.get("maze")
    inputs = np.full(900, 2)
    inputs[[0, 899]] = 3, 4
    assert render.render_image(puzzle, inputs).width < 700
    assert render.render_strip(puzzle, inputs, [inputs] * 9).width < 2300
