"""Steps as text and back."""

import numpy as np
import pytest
from hypothesis import given

import puzzles
from puzzles.errors import UserError
from puzzles.steps.attempts import to_trajectories
from puzzles.steps.steps import Step
from puzzles.steps.text import format_step, format_steps, parse_step, parse_steps
from tests.degenerate import check_linear
from tests.puzzles.steps.steps import ARC, MAZE, SUDOKU, build, cases
from tests.puzzles.toy import Parity


@given(cases())
def test_text_is_read_back(case):
    rules, made = build(case)
    for one in to_trajectories(rules.puzzle, made):
        texts = format_steps(rules.puzzle, one.steps)
        assert all(text and "\n" not in text for text in texts)
        assert parse_steps(rules.puzzle, texts, one.start) == one.steps


def test_how_steps_look():
    sudoku = puzzles.get("sudoku", box="4x4")
    assert format_step(sudoku, Step((0, 34, 255), (1, 1, 9), (8, 1, 17))) == "r1c1=7 r3c3=. r16c16=G"
    assert format_step(MAZE, Step((7, 8), (2, 5), (5, 2))) == "r2c3=o r2c4=."
    assert format_step(ARC, Step((0, 1, 2, 7), (0, 0, 0, 5), (1, 2, 11, 0))) == "r1c1=eos r1c2=0 r1c3=9 r2c2=."
    assert format_step(ARC, Step((), (), ())) == "pass"


def test_every_value_has_a_name_of_its_own():
    for puzzle, num in ((SUDOKU, 5), (MAZE, 2), (ARC, 12), (puzzles.get("sudoku", box="4x4"), 17)):
        names = puzzle.step_symbols()
        assert len(set(names.values())) == len(names) == num


def test_reading_is_lenient_about_blanks_and_edits_that_change_nothing():
    state = np.full(16, 1, np.uint8)
    state[1] = 3
    assert parse_step(SUDOKU, "  r2c1=4   r1c1=1 \n", state, (3, 4)) == Step((0, 4), (1, 1), (2, 5), (3, 4))
    assert parse_step(SUDOKU, "r1c2=2 r1c1=.", state) == Step((), (), ())
    assert parse_step(SUDOKU, "r1c2=.", state) == Step((1,), (3,), (1,))
    assert state[1] == 3


@pytest.mark.parametrize(
    ("puzzle", "text", "message"),
    [
        (SUDOKU, "", "step 5: empty text: a step without edits is written pass"),
        (SUDOKU, "r1c1", "step 5: 'r1c1' is not an edit: must look like r1c2=4, or be pass"),
        (SUDOKU, "r1c1=2 pass", "step 5: 'pass' is not an edit: must look like r1c2=4, or be pass"),
        (SUDOKU, "R1C1=2", "step 5: 'R1C1=2' is not an edit: must look like r1c2=4, or be pass"),
        (SUDOKU, "r1c1=2,r1c2=3", "step 5: 'r1c1=2,r1c2=3' writes '2,r1c2=3': must be one of . 1 2 3 4"),
        (SUDOKU, "r0c1=2", "step 5: 'r0c1=2' lies outside the 4x4 sudoku"),
        (SUDOKU, "r1c5=2", "step 5: 'r1c5=2' lies outside the 4x4 sudoku"),
        (SUDOKU, "r1c1=5", "step 5: 'r1c1=5' writes '5': must be one of . 1 2 3 4"),
        (SUDOKU, "r1c1=2 r1c1=3", "step 5: 'r1c1=3' edits a cell a second time: each at most once"),
        (MAZE, "r1c1=#", "step 5: 'r1c1=#' writes '#': must be one of . o"),
        (ARC, "r1c1=10", "step 5: 'r1c1=10' writes '10': must be one of . eos 0 1 2 3 4 5 6 7 8 9"),
    ],
)
def test_text_that_is_no_step_is_named(puzzle, text, message):
    state = np.full(puzzle.seq_len, 1 if puzzle is SUDOKU else 2, np.uint8)
    with pytest.raises(ValueError, match="step 5") as caught:
        parse_step(puzzle, text, state, (5, 6))
    assert str(caught.value) == message


def test_steps_that_have_no_text_are_named():
    with pytest.raises(ValueError, match=r"step 0: r1c1 becomes token 6: must be one of \[1, 2, 3, 4, 5\]"):
        format_step(SUDOKU, Step((0,), (1,), (6,)))
    with pytest.raises(ValueError, match=r"step 0: cell 16: must lie in 0\.\.15"):
        format_step(SUDOKU, Step((16,), (1,), (2,)))
    with pytest.raises(ValueError, match="states have shape"):
        parse_step(SUDOKU, "pass", np.ones(9, np.uint8))
    with pytest.raises(ValueError, match="puzzle=parity: its steps have no text"):
        parse_step(Parity(), "pass", np.ones(16, np.uint8))


def test_time_is_linear():
    check_linear(
        lambda text: parse_step(SUDOKU, text, np.ones(SUDOKU.seq_len, np.uint8)),
        allowed=UserError,
        extra=("r1c1=1", "r1c", "r" + "1" * 5),
        phrases=False,
    )
