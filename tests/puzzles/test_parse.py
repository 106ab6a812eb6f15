"""`Puzzle.parse` of every domain: any text gives tokens or one line, in linear time; mazes in the forms people use."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.errors import UserError
from tests.degenerate import check_linear, check_told
from tests.examples import num_examples
from tests.puzzles.toy import Parity

DOMAINS = {
    "sudoku 4x4": puzzles.get("sudoku", box="2x2"),
    "sudoku 9x9": puzzles.get("sudoku"),
    "sudoku 16x16": puzzles.get("sudoku", box="4x4"),
    "maze 3x4": puzzles.get("maze", rows=3, columns=4),
    "maze 30x30": puzzles.get("maze"),
    "arc": puzzles.get("arc", canvas=6),
    "parity": Parity(),
    "sequence": puzzles.get("table", alphabet="0123456789.+ab␣", length=12, ends=True),
    "grid": puzzles.get("table", alphabet="0123#. ", shape=[3, 4]),
}
EACH = pytest.mark.parametrize("name", DOMAINS)
MAZE = puzzles.get("maze", rows=3, columns=4)
TOKENS = np.array([3, 2, 1, 4, 2, 2, 1, 2, 2, 2, 2, 2])
NEAR = st.text(alphabet=".0123456789abcdefgABCDEFG#SG o-|+*_?/,:[]\n\r\t█XE\u00a0\ufeff", max_size=300)


@EACH
@num_examples(300)
@given(data=st.data())
def test_any_text_gives_tokens_or_one_line(name, data):
    puzzle = DOMAINS[name]
    symbols = puzzle.token_symbols[1:] + "/\n"
    size = puzzle.seq_len + puzzle.shape[0]
    own = st.text(alphabet=symbols, min_size=max(0, size - 4), max_size=size)
    text = data.draw(st.text(max_size=60) | NEAR | own)
    try:
        inputs = puzzle.parse(text)
    except UserError as error:
        check_told(str(error), "puzzle text ")
        return
    assert inputs.shape == (puzzle.seq_len,)
    assert ((inputs >= 0) & (inputs < puzzle.vocab_size)).all()
    assert np.array_equal(puzzle.parse(puzzle.format(inputs)), inputs)
    fault = puzzle.problem_fault(inputs, search=False)
    assert fault is None or "\n" not in fault


@EACH
def test_parsing_is_linear_on_repetitive_text(name):
    extra = ("[a]\n", "#\n", "---+\n", "1,1:", "0,", "*\n", "- ", "S", "\u2500", "\u00a0")
    check_linear(DOMAINS[name].parse, allowed=UserError, extra=extra)


@pytest.mark.parametrize(
    "text",
    [
        "S #G\n  # \n    ",
        "\n\nS #G\r\n  # \r\n    \n\n",
        "S #G/  # /    ",
        "S #G/  # /    /",
        "S #G  #     ",
        "S.#G/..#./....",
        "S.█G/..█./....",
        "S.XG/..x./....",
        "S.#E/..#./....",
        "S01G/0010/0000",
        "S\u00a0#G/\u00a0\u00a0#\u00a0/\u00a0\u00a0\u00a0\u00a0",
        "\ufeffS.#G/..#./....",
    ],
)
def test_every_form_of_a_maze_is_read(text):
    assert np.array_equal(MAZE.parse(text), TOKENS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("S.#G/..#./...", "puzzle text has 3 cells in row 3: a 3x4 maze needs 4"),
        ("S\t#G/..#./....", r"puzzle text has '\t' in row 1 column 2: must be # (wall), blank or . (free), S, G or o"),
        ("S.#G/..1./....", "puzzle text has '1' in row 2 column 3"),
        ('"S.#G/..#./...."', "puzzle text has 5 cells in row 1"),
        ("    S #G  #     ", "puzzle text has 16 cells in one line: a 3x4 maze needs 12"),
    ],
)
def test_what_is_not_a_maze_is_refused_with_its_place(text, reason):
    with pytest.raises(UserError) as caught:
        MAZE.parse(text)
    assert reason in str(caught.value)
    check_told(str(caught.value))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("S.#G/..#./....", None),
        ("S.#G/..##/....", "no path from S in row 1 column 1 to G in row 1 column 4"),
        ("S.##/..#G/..##", "no path from S in row 1 column 1 to G in row 2 column 4"),
        ("..#G/..#./....", "no start S"),
        ("S.#./..#./....", "no goal G"),
        ("S.#G/G.#./....", "two goals G: row 1 column 4 and row 2 column 1"),
        ("So#G/..#./....", "a path o in row 1 column 2: a question has none"),
    ],
)
def test_the_fault_of_a_maze_is_told_in_a_line(text, fault):
    assert MAZE.problem_fault(MAZE.parse(text)) == fault
