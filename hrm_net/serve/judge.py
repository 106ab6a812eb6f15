"""A state of a puzzle judged by the rules alone: in words, and which cells break them."""

import numpy as np
from jaxtyping import Bool, Integer

from puzzles.base import Puzzle
from puzzles.maze import drawing as render_maze
from puzzles.sudoku.domain import SYMBOLS, Sudoku

Row = Integer[np.ndarray, " seq"]


def judge(puzzle: Puzzle, inputs: Row, state: Row) -> tuple[str, Bool[np.ndarray, " seq"]]:
    """(verdict in a few words, cells that break a rule)."""
    if isinstance(puzzle, Sudoku):
        return _sudoku(puzzle, inputs, state)
    return render_maze.mistakes(puzzle, inputs, state, None), render_maze.broken_cells(puzzle, inputs, state).reshape(
        -1
    )


def _sudoku(puzzle: Sudoku, inputs: Row, state: Row) -> tuple[str, Bool[np.ndarray, " seq"]]:
    """Broken are digits that their row, column or box holds twice, and givens that were not kept."""
    lost = (inputs > 1) & (state != inputs)
    broken, words = lost.copy(), []
    for unit, cells in enumerate(puzzle.board.units):
        held = state[cells]
        twice = (held > 1) & ((held[:, None] == held[None]).sum(axis=1) > 1)
        broken[cells[twice]] = True
        if twice.any():
            digit = SYMBOLS[int(held[twice].min()) - 2]
            words.append(f"two {digit}s in {('row', 'column', 'box')[unit // puzzle.side]} {unit % puzzle.side + 1}")
    open_cells = int((state <= 1).sum())
    told = [f"{open_cells} open"] if open_cells else []
    if lost.any():
        told.append(f"{int(lost.sum())} of the givens lost")
    if words:
        told.append(words[0] + (f" and {len(words) - 1} more clashes" if len(words) > 1 else ""))
    return ("broken: " if broken.any() else "no rule broken, " if told else "solved") + ", ".join(told), broken
