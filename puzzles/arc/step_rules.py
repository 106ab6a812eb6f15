"""Steps on the ARC canvas: colours and end-of-grid marks painted onto an empty canvas, judged by the known answer.

The input grid does not tell which rule is meant, so that steps can be judged only where the answer has been given.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Int64, Integer, UInt8

from puzzles.arc.canvas import crop, to_canvas
from puzzles.steps.checks import as_rows
from puzzles.steps.rules import Answers

BLANK = 0
EOS = 1
Rows = Integer[np.ndarray, "num seq"]


class ArcSteps:
    """See `puzzles.steps.rules.StepRules`. Only cells that the answer fills can be written: its size is given away."""

    def __init__(self, puzzle: Any) -> None:
        self.puzzle = puzzle
        self.blank = BLANK
        self.values: tuple[int, ...] = tuple(range(puzzle.vocab_size))
        self.unique = True
        self._answers = Answers()

    def start(self, problems: Rows) -> UInt8[np.ndarray, "num seq"]:
        return np.zeros_like(as_rows(self.puzzle, problems, "problems"))

    def editable(self, problems: Rows) -> Bool[np.ndarray, "num seq"]:
        return self._answers.of(as_rows(self.puzzle, problems, "problems")) != BLANK

    def legal(self, problems: Rows, states: Rows) -> Bool[np.ndarray, "num seq vocab"]:
        """Any colour and the end of the grid."""
        states = as_rows(self.puzzle, states, "states")
        found = np.zeros((*states.shape, self.puzzle.vocab_size), bool)
        found[:, :, BLANK + 1 :] = ((states == BLANK) & self.editable(problems))[:, :, None]
        return found

    def complete(self, problems: Rows, states: Rows) -> Bool[np.ndarray, "num"]:
        """The canvas holds one grid from its corner on, whole and closed by end-of-grid marks, and nothing else."""
        states = as_rows(self.puzzle, states, "states")
        grids = crop(states)
        whole = np.array([grid.size > 0 for grid in grids], bool)
        side = self.puzzle.shape[0]
        drawn = to_canvas([grid if grid.size else np.zeros((1, 1), np.uint8) for grid in grids], side)
        return whole & (drawn == states).all(axis=1)

    def faults(self, problems: Rows, states: Rows) -> Int64[np.ndarray, "num"]:
        """None: without knowing the task, no state can be told to break its rule."""
        return np.zeros(len(as_rows(self.puzzle, states, "states")), np.int64)

    def counts(self, problems: Rows, states: Rows) -> Int64[np.ndarray, "num counts"]:
        """Written cells that copy the input, and then the cells of each token."""
        problems, states = as_rows(self.puzzle, problems, "problems"), as_rows(self.puzzle, states, "states")
        copied = ((states == problems) & (states != BLANK)).sum(axis=1)
        tokens = [(states == token).sum(axis=1) for token in range(BLANK + 1, self.puzzle.vocab_size)]
        return np.stack([copied, *tokens], axis=1).astype(np.int64)

    def mistakes(self, problems: Rows, targets: Rows) -> Bool[np.ndarray, "num seq vocab"]:
        """Wrong writes that do not give themselves away: another colour of the answer in a cell of its grid."""
        tokens = np.arange(self.puzzle.vocab_size)
        held = (targets[:, :, None] == tokens).any(axis=1) & (tokens > EOS)
        return held[:, None] & (targets > EOS)[:, :, None] & (targets[:, :, None] != tokens)

    def remember(self, problems: Rows, answers: Rows) -> None:
        """UserError for a grid that has another answer already, as two families may give it: keep those apart."""
        problems, answers = (as_rows(self.puzzle, *rows) for rows in ((problems, "problems"), (answers, "answers")))
        self._answers.keep(problems, answers)

    def targets(self, problems: Rows, before: Rows, after: Rows) -> UInt8[np.ndarray, "num seq"]:
        return self._answers.of(as_rows(self.puzzle, problems, "problems"))
