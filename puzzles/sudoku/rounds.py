"""How far one must think to see that a partly filled Sudoku cannot be solved: rounds of singles, and guesses."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int64, Integer

if TYPE_CHECKING:
    from puzzles.sudoku.step_rules import SudokuSteps

BLANK = 1


def rounds_and_guesses(
    rules: "SudokuSteps", problems: Integer[np.ndarray, "num seq"], states: Integer[np.ndarray, "num seq"]
) -> tuple[Int64[np.ndarray, "num"], Int64[np.ndarray, "num"]]:
    """(rounds, guesses) of each state. In a round all naked and hidden singles are written at once.

    Rounds are counted until a glance shows a contradiction, the grid is full, or no single is left; in the last case
    the guesses are those of the exact search from there, else 0.
    """
    now = np.array(states, np.uint8)
    rounds, guesses = np.zeros(len(now), np.int64), np.zeros(len(now), np.int64)
    open_ = np.flatnonzero((rules.faults(problems, now) == 0) & (now == BLANK).any(axis=1))
    while len(open_):
        written = _write_singles(rules, problems[open_], now[open_])
        stuck = (written == now[open_]).all(axis=1)
        if stuck.any():
            from puzzles.sudoku.domain import _solve

            guesses[open_[stuck]] = _solve(now[open_[stuck]] - np.uint8(1), rules.puzzle.board, 1)[1]
        now[open_] = written
        rounds[open_[~stuck]] += 1
        open_ = open_[~stuck]
        open_ = open_[(rules.faults(problems[open_], now[open_]) == 0) & (now[open_] == BLANK).any(axis=1)]
    return rounds, guesses


def _write_singles(rules: "SudokuSteps", problems: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The states with every cell written that has one legal digit, or is the only place of a digit in a unit."""
    legal = rules.legal(problems, states)
    single = legal & (legal.sum(axis=2) == 1)[:, :, None]
    for cells in rules.puzzle.board.units:
        here = legal[:, cells]
        single[:, cells] |= here & (here.sum(axis=1) == 1)[:, None]
    return np.where(single.any(axis=2), single.argmax(axis=2), states).astype(np.uint8)
