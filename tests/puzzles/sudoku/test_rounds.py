"""How far one must think: rounds of singles against a slow version written cell by cell."""

import numpy as np

import puzzles
from puzzles.sudoku.domain import Sudoku
from puzzles.sudoku.rounds import rounds_and_guesses
from puzzles.sudoku.step_rules import SudokuSteps

PUZZLE = Sudoku("2x2")
RULES = SudokuSteps(PUZZLE)


def legal(state: np.ndarray, cell: int) -> set[int]:
    """The digits that no cell of the same unit holds."""
    near = {int(other) for unit in PUZZLE.board.units if cell in unit for other in unit}
    return set(range(2, 6)) - {int(state[other]) for other in near}


def faulty(state: np.ndarray) -> bool:
    for unit in PUZZLE.board.units:
        held = [int(state[cell]) for cell in unit if state[cell] > 1]
        open_ = [int(cell) for cell in unit if state[cell] == 1]
        if len(set(held)) < len(held) or any(not legal(state, cell) for cell in open_):
            return True
        if any(all(digit not in legal(state, cell) for cell in open_) for digit in set(range(2, 6)) - set(held)):
            return True
    return False


def slow_rounds(state: np.ndarray) -> tuple[int, bool]:
    """(rounds, whether no single was left)."""
    rounds, state = 0, state.copy()
    while not faulty(state) and (state == 1).any():
        found: dict[int, set[int]] = {}
        for cell in np.flatnonzero(state == 1).tolist():
            if len(legal(state, cell)) == 1:
                found.setdefault(cell, set()).update(legal(state, cell))
        for unit in PUZZLE.board.units:
            open_ = [int(cell) for cell in unit if state[cell] == 1]
            for digit in range(2, 6):
                places = [cell for cell in open_ if digit in legal(state, cell)]
                if len(places) == 1:
                    found.setdefault(places[0], set()).add(digit)
        if not found:
            return rounds, True
        for cell, digits in found.items():
            state[cell] = min(digits)
        rounds += 1
    return rounds, False


def test_rounds_are_those_of_a_slow_version_and_guesses_come_only_without_singles() -> None:
    rng = puzzles.rng(0, "test")
    problems, answers = PUZZLE.generate(rng, 120, clues=[5, 7])
    states = np.array(problems, np.uint8)
    wrong = rng.integers(2, 6, size=answers.shape)
    written = (problems == 1) & (rng.random(answers.shape) < 0.2)
    states[written] = np.where(rng.random(answers.shape) < 0.6, answers, wrong)[written]
    # few digits leave no single at first
    states[:20] = np.where(rng.random((20, 16)) < 0.1, states[:20], 1)
    problems[:20] = states[:20]
    rounds, guesses = rounds_and_guesses(RULES, problems, states)
    expected = [slow_rounds(state) for state in states]
    np.testing.assert_array_equal(rounds, [one for one, _ in expected])
    stuck = np.array([stopped for _, stopped in expected])
    assert stuck.any()
    assert (guesses[~stuck] == 0).all()
    assert (guesses[stuck] > 0).all()
    assert set(rounds.tolist()) >= {0, 1, 2}
    np.testing.assert_array_equal(RULES.effort(problems, states), rounds + guesses)
