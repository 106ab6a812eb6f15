"""Steps in Sudoku: digits written into the cells that are not given, judged by the only solution."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Int64, Integer, UInt8

from puzzles.errors import UserError
from puzzles.steps.checks import as_rows
from puzzles.steps.rules import Answers

BLANK = 1
Rows = Integer[np.ndarray, "num seq"]
MOST_KEPT = 1 << 18  # solutions; they can be computed again


class SudokuSteps:
    """See `puzzles.steps.rules.StepRules`. Solutions are kept once computed."""

    def __init__(self, puzzle: Any) -> None:
        self.puzzle = puzzle
        self.blank = BLANK
        self.values: tuple[int, ...] = tuple(range(BLANK, puzzle.vocab_size))
        self.unique = True
        self._answers = Answers(MOST_KEPT)
        side = puzzle.side
        self._units_of = np.stack([np.flatnonzero((puzzle.board.units == cell).any(1)) for cell in range(side * side)])

    def start(self, problems: Rows) -> UInt8[np.ndarray, "num seq"]:
        return as_rows(self.puzzle, problems, "problems").copy()

    def editable(self, problems: Rows) -> Bool[np.ndarray, "num seq"]:
        return as_rows(self.puzzle, problems, "problems") == BLANK

    def legal(self, problems: Rows, states: Rows) -> Bool[np.ndarray, "num seq vocab"]:
        """Digits that no cell of the same row, column or box holds."""
        states = as_rows(self.puzzle, states, "states")
        bits = np.where(states > BLANK, np.uint32(1) << states.astype(np.uint32), np.uint32(0))
        held = np.bitwise_or.reduce(bits[:, self.puzzle.board.units], axis=2)
        seen = np.bitwise_or.reduce(held[:, self._units_of], axis=2)
        digits = np.arange(BLANK + 1, self.puzzle.vocab_size, dtype=np.uint32)
        seen[(states != BLANK) | ~self.editable(problems)] = np.uint32(0xFFFFFFFF)
        free = np.zeros((*states.shape, self.puzzle.vocab_size), bool)
        free[:, :, BLANK + 1 :] = (seen[:, :, None] & (np.uint32(1) << digits)) == 0
        return free

    def faults(self, problems: Rows, states: Rows) -> Int64[np.ndarray, "num"]:
        """Pairs of equal digits in a unit, blank cells where no digit is legal, and digits that a unit misses and that
        are legal in none of its cells: what the rules tell about a state at one glance."""
        states = as_rows(self.puzzle, states, "states")
        digits = np.arange(BLANK + 1, self.puzzle.vocab_size)
        held = (states[:, self.puzzle.board.units][..., None] == digits).sum(axis=2)  # [num, units, digits]
        legal = self.legal(problems, states)
        stuck = (states == BLANK) & ~legal.any(axis=2)
        places = legal[:, self.puzzle.board.units][..., BLANK + 1 :].any(axis=2)
        found = (held * (held - 1) // 2).sum(axis=(1, 2)) + stuck.sum(axis=1) + ((held == 0) & ~places).sum(axis=(1, 2))
        return found.astype(np.int64)

    def counts(self, problems: Rows, states: Rows) -> Int64[np.ndarray, "num counts"]:
        """Of the blank cells: legal digits in all, and cells with a single one."""
        options = self.legal(problems, states).sum(axis=2)
        return np.stack([options.sum(axis=1), (options == 1).sum(axis=1)], axis=1).astype(np.int64)

    def complete(self, problems: Rows, states: Rows) -> Bool[np.ndarray, "num"]:
        """No cell is blank."""
        return np.all(as_rows(self.puzzle, states, "states") > BLANK, axis=1)

    def effort(self, problems: Rows, states: Rows) -> Int64[np.ndarray, "num"]:
        """Rounds of singles until a state's contradiction shows, plus the guesses of the exact search where singles do
        not suffice."""
        from puzzles.sudoku.rounds import rounds_and_guesses

        return np.sum(rounds_and_guesses(self, problems, states), axis=0)

    def remember(self, problems: Rows, answers: Rows) -> None:
        """UserError for an answer that breaks the rules; that it is the only one is not checked."""
        problems, answers = (as_rows(self.puzzle, rows, "problems") for rows in (problems, answers))
        solved = self.puzzle.check(problems, answers).solved
        if not solved.all():
            raise UserError(f"answer {int(np.argmin(solved))}: does not solve its puzzle")
        self._answers.keep(problems, answers)

    def targets(self, problems: Rows, before: Rows, after: Rows) -> UInt8[np.ndarray, "num seq"]:
        problems = as_rows(self.puzzle, problems, "problems")
        return self._answers.of(problems, self.puzzle.solve)
