"""What a step may do in each domain, and which solution it is judged by."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Integer, UInt8

from puzzles.base import Puzzle


@runtime_checkable
class StepRules(Protocol):
    """How solutions of one puzzle are written step by step. All arrays are rows that belong together, `[num, seq]`.

    A state holds the puzzle's token ids.
    """

    puzzle: Puzzle
    blank: int  # the token of a cell that nothing has been written to
    values: tuple[int, ...]  # tokens that editable cells may hold, the blank first
    unique: bool  # targets() does not depend on the states

    def start(self, problems: Integer[np.ndarray, "num seq"]) -> UInt8[np.ndarray, "num seq"]:
        """The state before the first step."""
        ...

    def editable(self, problems: Integer[np.ndarray, "num seq"]) -> Bool[np.ndarray, "num seq"]:
        """The cells that steps may write: not the givens, not the walls."""
        ...

    def legal(
        self, problems: Integer[np.ndarray, "num seq"], states: Integer[np.ndarray, "num seq"]
    ) -> Bool[np.ndarray, "num seq vocab"]:
        """The values that can be written into blank cells without a clash that is seen at once; right or wrong.

        After an error the right value may clash with the wrong one: then it is not among them.
        """
        ...

    def remember(self, problems: Integer[np.ndarray, "num seq"], answers: Integer[np.ndarray, "num seq"]) -> None:
        """Take these answers as known: needed where no solver exists (ARC), faster elsewhere."""
        ...

    def targets(
        self,
        problems: Integer[np.ndarray, "num seq"],
        before: Integer[np.ndarray, "num seq"],
        after: Integer[np.ndarray, "num seq"],
    ) -> UInt8[np.ndarray, "num seq"]:
        """The solved state that an edit is judged by: the one nearest to `before`, among those the nearest to `after`.

        Near: that holds the most cells written. Where the solution is unique, that. ValueError for a puzzle whose
        answer is neither known nor computable.
        """
        ...


def step_rules(puzzle: Puzzle) -> StepRules:
    """The rules of the puzzle's domain; UserError for a domain without."""
    return puzzle.step_rules()
