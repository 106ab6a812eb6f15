"""Attempts at puzzles through the text formats and back."""

import numpy as np
import pytest

import puzzles
from hrm_net.reward.formats import math_shepherd, processbench, puzzle_text, trl
from puzzles.steps.labels import exact_labels
from puzzles.steps.rules import step_rules
from puzzles.steps.steps import Trajectory, from_states


@pytest.fixture
def attempt():
    """A 4x4 Sudoku of which a cell is filled wrongly, mended, and then all filled."""
    puzzle = puzzles.get("sudoku", box="2x2")
    inputs, labels = puzzle.generate(np.random.default_rng(0), 1, clues=8)
    rules = step_rules(puzzle)
    start = rules.start(inputs)[0]
    cell = int(np.flatnonzero(start == rules.blank)[0])
    wrong, mended = start.copy(), start.copy()
    mended[cell] = labels[0][cell]
    wrong[cell] = 2 if mended[cell] != 2 else 3
    states = np.stack([start, wrong, wrong, mended, labels[0]]).astype(np.uint8)
    steps = from_states(states)
    found = Trajectory(
        task="sudoku", problem=inputs[0], start=start, steps=steps, budget=9, cells_per_step=16, regime="edit"
    )
    return puzzle, found, exact_labels(rules, [found])[0]


def test_every_format_holds_an_attempt(attempt):
    puzzle, found, labels = attempt
    solution = puzzle_text.text_solution(puzzle, found, labels)
    assert solution.labels == [0.0, 1.0, 1.0, 1.0]
    assert solution.outcome is True
    assert solution.steps[1] == "pass"
    again = [
        trl.parse(trl.row(solution, threshold=None, extras=True)),
        math_shepherd.parse(math_shepherd.row(solution, threshold=0.5)),
        processbench.parse(processbench.row(solution, threshold=0.5)),
    ]
    assert again[0] == solution
    assert again[1].labels == solution.labels
    assert again[2].first_error(0.5) == 0
    for read in again:
        back = puzzle_text.trajectory(puzzle, read, found.start, regime="edit", budget=9)
        np.testing.assert_array_equal(back.states(), found.states())
        np.testing.assert_array_equal(back.problem, found.problem)
        assert back.regime == "edit"


def test_budget_and_cells_follow_from_the_steps_unless_given(attempt):
    puzzle, found, _ = attempt
    back = puzzle_text.trajectory(puzzle, puzzle_text.text_solution(puzzle, found), found.start, regime="fill")
    assert (back.budget, back.cells_per_step) == (4, max(len(step.cells) for step in found.steps))
    solution = puzzle_text.text_solution(puzzle, found)
    solution.steps[0] = "seven"
    with pytest.raises(ValueError, match="not an edit"):
        puzzle_text.trajectory(puzzle, solution, found.start, regime="edit")
