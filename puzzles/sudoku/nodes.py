"""How many nodes an exact search of a Sudoku visits before it knows whether a partly filled grid can be solved."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int64, Integer

if TYPE_CHECKING:
    from puzzles.sudoku.step_rules import SudokuSteps

BLANK = 1


def search_nodes(rules: "SudokuSteps", states: Integer[np.ndarray, "num seq"]) -> Int64[np.ndarray, "num"]:
    """Digits that a depth-first search writes into each state until it is solved or refuted.

    The search writes into the blank cell with the fewest legal digits, the first of these, and tries its digits in
    order; a cell without a legal digit ends a branch. A state with nothing blank has none.
    """
    units = rules.puzzle.board.units
    peers = [np.unique(units[(units == cell).any(axis=1)]).tolist() for cell in range(rules.puzzle.seq_len)]
    digits = range(BLANK + 1, rules.puzzle.vocab_size)
    return np.array([_visit(np.asarray(state).tolist(), peers, digits)[1] for state in states], np.int64)


def _visit(grid: list[int], peers: list[list[int]], digits: range) -> tuple[bool, int]:
    """(whether the grid can be solved, digits written); the grid is left as it was."""
    cell, options = -1, list(digits)
    for place, value in enumerate(grid):
        if value == BLANK:
            held = {grid[peer] for peer in peers[place]}
            legal = [digit for digit in digits if digit not in held]
            if cell < 0 or len(legal) < len(options):
                cell, options = place, legal
            if not legal:
                return False, 0
    if cell < 0:
        return True, 0
    nodes = 0
    for digit in options:
        grid[cell] = digit
        solved, below = _visit(grid, peers, digits)
        grid[cell] = BLANK
        nodes += 1 + below
        if solved:
            return True, nodes
    return False, nodes
