"""Paths drawn in mazes, judged by the rules and not by a stored path: which cells break a path, and how.

A cell is wrong where it breaks the path: on a wall, away from both ends, in a dead end. Any shortest path is right
everywhere, and so is a whole path that is longer.
"""

import numpy as np
from jaxtyping import Bool, Integer

from puzzles.base import Puzzle

WALL, FREE, START, GOAL, PATH = 1, 2, 3, 4, 5
STEPS = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left

Row = Integer[np.ndarray, " seq"]
Cells = Integer[np.ndarray, "rows columns"]
Mask = Bool[np.ndarray, "rows columns"]


def _check(puzzle: Puzzle, inputs: Row, outputs: Row) -> tuple[bool, bool]:
    """(valid, solved) of one state."""
    verdict = puzzle.check(inputs[None], outputs[None])
    return bool(verdict.valid[0]), bool(verdict.solved[0])


def _grids(puzzle: Puzzle, *states: Row) -> list[Cells]:
    return [state.reshape(puzzle.shape) for state in states]


def neighbours(marked: Mask) -> np.ndarray:
    """[4, rows, columns]: whether the neighbour in each of STEPS is marked."""
    rows, columns = marked.shape
    padded = np.pad(marked, 1)
    return np.stack([padded[1 + dr : 1 + dr + rows, 1 + dc : 1 + dc + columns] for dr, dc in STEPS])


def _reached(marked: Mask, source: Mask) -> Mask:
    """The marked cells connected with the source, itself included."""
    reached = source
    while True:
        more = reached | (marked & neighbours(reached).any(axis=0))
        if (more == reached).all():
            return reached
        reached = more


def _altered(inputs: Cells, outputs: Cells) -> Mask:
    """Where a state shows another maze: walls, S and G that are not kept. Ids that are not a cell count as free."""
    shown = np.where((outputs < WALL) | (outputs > PATH) | (outputs == PATH), FREE, outputs)
    return (shown != inputs) | ((outputs == PATH) & (inputs != FREE))


def _broken(inputs: Cells, outputs: Cells) -> tuple[Mask, Mask, bool]:
    """(cells connected with neither S nor G, dead ends of the path, whether S and G are connected)."""
    ends = (inputs == START) | (inputs == GOAL)
    drawn = (inputs == FREE) & (outputs == PATH)
    marked = ends | drawn
    astray = drawn & ~_reached(marked, ends)
    joined = bool((_reached(marked, inputs == START) & (inputs == GOAL)).any())
    kept = marked & ~astray
    loose = kept & drawn & (neighbours(kept).sum(axis=0) < 2)
    while joined:  # all of a dead end is loose; of a path with a gap only what ends there
        pruned = kept & ~loose
        more = loose | (pruned & drawn & (neighbours(pruned).sum(axis=0) < 2))
        if (more == loose).all():
            break
        loose = more
    return astray, loose, joined


def broken_cells(puzzle: Puzzle, inputs: Row, outputs: Row) -> Mask:
    """The cells of a state that break the path or the maze; none where the state is valid, or the maze itself."""
    if (inputs == outputs).all() or _check(puzzle, inputs, outputs)[0]:
        return np.zeros(puzzle.shape, bool)
    maze, state = _grids(puzzle, inputs, outputs)
    astray, loose, _ = _broken(maze, state)
    return _altered(maze, state) | astray | loose


def verdict(puzzle: Puzzle, inputs: Row, outputs: Row) -> str:
    """ "solved", "valid, 4 moves longer" or "broken", whichever path is stored."""
    valid, solved = _check(puzzle, inputs, outputs)
    if solved or not valid:
        return "solved" if solved else "broken"
    longer = int((outputs == PATH).sum() - (puzzle.solve(inputs[None])[0] == PATH).sum())
    return f"valid, {longer} move{'s' if longer > 1 else ''} longer"


def describe(puzzle: Puzzle, inputs: Row, outputs: Row) -> str:
    """The verdict, and how a broken path is broken."""
    words = verdict(puzzle, inputs, outputs)
    if words != "broken":
        return words
    maze, state = _grids(puzzle, inputs, outputs)
    astray, loose, joined = _broken(maze, state)
    altered = _altered(maze, state)
    through = altered & (maze == WALL) & (state == PATH)
    counts = (
        (not joined, "no way from S to G" if (state == PATH).any() else "no path drawn"),
        (through.any(), f"{through.sum()} through walls"),
        ((altered & ~through).any(), f"{(altered & ~through).sum()} cells of the maze altered"),
        (astray.any(), f"{astray.sum()} astray"),
        (joined and loose.any(), f"{loose.sum()} in dead ends"),
    )
    return "broken: " + ", ".join(words for applies, words in counts if applies)
