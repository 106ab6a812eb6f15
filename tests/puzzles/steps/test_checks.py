"""Attempts that no rules allow: each is named by trajectory, step, cell and bound."""

import numpy as np
import pytest

import puzzles
from puzzles.steps.attempts import Attempts, attempts
from puzzles.steps.checks import as_rows, check_attempts
from puzzles.steps.labels import exact_labels, label_states
from puzzles.steps.rows import check_labels
from puzzles.steps.steps import Step
from tests.puzzles.steps.steps import ARC, MAZE, SUDOKU, puzzle_rows, walk


def made(name="sudoku", change=lambda states: None, **options) -> tuple:
    """(rules, two attempts of two steps without edits, as changed)."""
    rules, problems = puzzle_rows(name, puzzles.rng(1, "test"), 2)
    states = np.repeat(rules.start(problems)[:, None], 3, axis=1)
    change(states)
    fields = {"budget": 2, "cells_per_step": 2, "regime": "edit", **options}
    return rules, attempts(rules.puzzle, problems, states, np.array([2, 1]), **fields)


def complaint(*case, **options):
    rules, wrong = made(*case, **options)
    with pytest.raises(ValueError, match="trajectory") as caught:
        label_states(rules, wrong)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def put(place, cell, value):
    def change(states):
        states[place][..., cell] = value

    return change


def fixed(name):
    """A cell of the second puzzle that is not to be edited, and one that is."""
    rules, problems = puzzle_rows(name, puzzles.rng(1, "test"), 2)
    editable = rules.editable(problems)[1]
    return int(np.argmin(editable)), int(np.argmax(editable))


@pytest.mark.parametrize("name", ["sudoku", "maze", "arc"])
def test_what_is_given_is_not_edited(name):
    given, _ = fixed(name)
    columns = {"sudoku": SUDOKU, "maze": MAZE, "arc": ARC}[name].shape[1]
    cell = f"r{given // columns + 1}c{given % columns + 1}"
    words = "must not be edited: it is given, or not part of the answer"
    other = 5 if name == "maze" else 3
    rules, problems = puzzle_rows(name, puzzles.rng(1, "test"), 2)
    if rules.start(problems)[1, given] == other:
        other -= 1
    assert complaint(name, put(np.s_[1, 1:], given, other)) == f"trajectory 1 step 0: {cell} {words}"
    assert complaint(name, put(np.s_[1, :], given, other)) == f"trajectory 1 start: {cell} {words}"


def test_values_are_those_of_the_puzzle():
    _, blank = fixed("sudoku")
    row, column = blank // 4 + 1, blank % 4 + 1
    assert complaint("sudoku", put(np.s_[1, 1:], blank, 0)) == (
        f"trajectory 1 step 0: r{row}c{column} holds token 0: must be 1, 2, 3, 4, 5"
    )
    _, blank = fixed("maze")
    assert complaint("maze", put(np.s_[1, 0], blank, 1)).endswith("holds token 1: must be 2, 5")
    _, blank = fixed("arc")
    assert complaint("arc", put(np.s_[1, 1], blank, 12)).endswith("must be 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11")


def test_states_beyond_the_last_step_are_not_looked_at():
    given, blank = fixed("sudoku")
    for cell in (given, blank):
        rules, allowed = made("sudoku", put(np.s_[1, 2], cell, 99))
        check_attempts(rules, allowed)


@pytest.mark.parametrize("after", [1, 4])
def test_filling_neither_overwrites_nor_erases(after):
    _, blank = fixed("sudoku")

    def change(states):
        states[1, 0, blank], states[1, 1:, blank] = 3, after

    found = complaint("sudoku", change, regime="fill")
    assert found.startswith("trajectory 1 step 0: r")
    assert found.endswith("is written already: regime=fill writes blank cells only")
    rules, allowed = made("sudoku", change, regime="edit")
    check_attempts(rules, allowed)


def test_a_step_edits_no_more_cells_than_allowed():
    rules, problems = puzzle_rows("sudoku", puzzles.rng(1, "test"), 2)
    blanks = np.flatnonzero(rules.editable(problems)[1])[:3]
    found = complaint("sudoku", put(np.s_[1, 1:], blanks, 2))
    assert found == "trajectory 1 step 0: edits 3 cells: cells_per_step=2"
    allowed = made("sudoku", put(np.s_[1, 1:], blanks, 2), cells_per_step=3)
    check_attempts(*allowed)


def test_names_count_through_the_pieces(monkeypatch):
    import puzzles.steps.labels

    monkeypatch.setattr(puzzles.steps.labels, "CELLS_AT_ONCE", 1)
    assert complaint("sudoku", put(np.s_[1, 1:], fixed("sudoku")[0], 0)).startswith("trajectory 1 step 0: ")


def test_an_attempt_at_another_puzzle_is_refused():
    rules, problems = puzzle_rows("sudoku", puzzles.rng(1, "test"), 1)
    maze, tokens = puzzle_rows("maze", puzzles.rng(1, "test"), 1)
    with pytest.raises(ValueError, match=r"shape \[1, 20\]: sudoku of 4x4 has rows of 16 cells"):
        exact_labels(rules, [walk(maze, tokens[0], [(int(np.argmax(tokens[0] == 2)), 5)], 1)])
    one = walk(rules, problems[0], [(int(np.argmax(problems[0] == 1)), 3)], 1)
    one.steps[0] = Step((3,), (9,), (2,))
    with pytest.raises(ValueError, match="trajectory 0: step 0: cell 3 holds"):
        exact_labels(rules, [one])


def test_lengths_fit_states_and_budget():
    for lengths, budget in (([3, 1], 9), ([2, 1], 1), ([-1, 1], 9)):
        states = np.ones((2, 3, 16), np.uint8)
        with pytest.raises(ValueError, match=rf"trajectory 0: {lengths[0]} steps in 3 states, budget={budget}"):
            Attempts(
                problems=states[:, 0], states=states, lengths=np.array(lengths), budget=np.full(2, budget),
                cells_per_step=np.ones(2, np.int64), fill=np.ones(2, bool), group=np.zeros(2, np.int64),
            )  # fmt: skip


def test_labels_are_within_0_and_1_or_none():
    check_labels(np.array([0.0, 1.0, np.nan, 0.5]))
    for wrong in (-0.01, 1.5, np.inf, -np.inf):
        with pytest.raises(ValueError, match=r"label 2: .*: must be from 0 to 1"):
            check_labels(np.array([0.0, np.nan, wrong, 7.0]))


def test_rows_are_of_the_puzzles_size_and_alphabet():
    good = np.ones((2, 16), np.int32)
    assert as_rows(SUDOKU, good, "inputs").dtype == np.uint8
    good[1, 5] = 6
    with pytest.raises(ValueError, match=r"inputs\[1\] has token 6 in r2c2: must be 0 to 5"):
        as_rows(SUDOKU, good, "inputs")
    good[1, 5] = -1
    with pytest.raises(ValueError, match=r"inputs\[1\] has token -1 in r2c2"):
        as_rows(SUDOKU, good, "inputs")
