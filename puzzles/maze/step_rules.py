"""Steps in mazes: cells marked as path, in any order, judged by the shortest path that holds most of the marks."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Int64, Integer, UInt8

from puzzles.errors import UserError
from puzzles.kernels import over_chunks
from puzzles.maze import bfs
from puzzles.maze.domain import FREE, GOAL, PATH, START, WALL
from puzzles.steps.checks import as_rows

Rows = Integer[np.ndarray, "num seq"]


class MazeSteps:
    """The steps of mazes. A mark is right as long as one shortest path holds it together with all other right marks."""

    def __init__(self, puzzle: Any) -> None:
        self.puzzle = puzzle
        self.blank = FREE
        self.values: tuple[int, ...] = (FREE, PATH)
        self.unique = False

    def start(self, problems: Rows) -> UInt8[np.ndarray, "num seq"]:
        return as_rows(self.puzzle, problems, "problems").copy()

    def editable(self, problems: Rows) -> Bool[np.ndarray, "num seq"]:
        return as_rows(self.puzzle, problems, "problems") == FREE

    def legal(self, problems: Rows, states: Rows) -> Bool[np.ndarray, "num seq vocab"]:
        """A mark on an open cell beside S or another mark."""
        states = as_rows(self.puzzle, states, "states")
        marked = np.pad(
            ((states == START) | (states == PATH)).reshape(-1, *self.puzzle.shape), ((0, 0), (1, 1), (1, 1))
        )
        beside = marked[:, 2:, 1:-1] | marked[:, :-2, 1:-1] | marked[:, 1:-1, 2:] | marked[:, 1:-1, :-2]
        found = np.zeros((*states.shape, self.puzzle.vocab_size), bool)
        found[:, :, PATH] = beside.reshape(states.shape) & (states == FREE) & self.editable(problems)
        return found

    def complete(self, problems: Rows, states: Rows) -> Bool[np.ndarray, "num"]:
        """The marks connect S and G, whatever else is marked."""
        states = as_rows(self.puzzle, states, "states")
        marked = np.where(states == PATH, FREE, np.where(states == FREE, WALL, states)).astype(np.uint8)
        return np.isfinite(self.puzzle.difficulty(marked))

    def faults(self, problems: Rows, states: Rows) -> Int64[np.ndarray, "num"]:
        """Marks in dead ends, marks where a path would branch, and a start or goal with two marks beside it."""
        states = as_rows(self.puzzle, states, "states")
        marked, joins = states == PATH, np.isin(states, (START, PATH, GOAL))
        beside = self._beside(joins)
        lone = (states == START) | (states == GOAL)
        dead = marked & (self._beside(states != WALL) < 2)
        branching = (marked & (beside > 2)) | (lone & (self._beside(marked) > 1))
        return (dead.sum(axis=1) + branching.sum(axis=1)).astype(np.int64)

    def counts(self, problems: Rows, states: Rows) -> Int64[np.ndarray, "num counts"]:
        """Over the marks: moves to S and to G as if there were no walls, neighbours that are on the path, and open
        neighbours."""
        states = as_rows(self.puzzle, states, "states")
        marked, (height, width) = states == PATH, self.puzzle.shape
        place = np.stack(np.divmod(np.arange(height * width), width), axis=1)
        ends = [place[(states == token).argmax(axis=1)] for token in (START, GOAL)]
        moves = [np.abs(place[None] - end[:, None]).sum(axis=2) for end in ends]
        each = (*moves, self._beside(np.isin(states, (START, PATH, GOAL))), self._beside(states != WALL))
        return np.stack([(one * marked).sum(axis=1) for one in each], axis=1).astype(np.int64)

    def _beside(self, flags: Bool[np.ndarray, "num seq"]) -> Int64[np.ndarray, "num seq"]:
        """How many of the four neighbours of each cell are flagged."""
        padded = np.pad(flags.reshape(-1, *self.puzzle.shape), ((0, 0), (1, 1), (1, 1))).astype(np.int64)
        found = padded[:, 2:, 1:-1] + padded[:, :-2, 1:-1] + padded[:, 1:-1, 2:] + padded[:, 1:-1, :-2]
        return found.reshape(flags.shape)

    def remember(self, problems: Rows, answers: Rows) -> None:
        """Nothing: shortest paths are found anew, whichever an answer shows."""

    def targets(self, problems: Rows, before: Rows, after: Rows) -> UInt8[np.ndarray, "num seq"]:
        """UserError naming the first maze with no or several S or G, or without a path."""
        problems, before, after = (
            as_rows(self.puzzle, rows, what)
            for rows, what in ((problems, "problems"), (before, "states"), (after, "states"))
        )
        ends = ((problems == START).sum(axis=1) == 1) & ((problems == GOAL).sum(axis=1) == 1)
        if not ends.all():
            raise UserError(f"puzzle {int(np.argmin(ends))}: must have one start S and one goal G")
        targets, found = np.empty_like(problems), np.zeros(len(problems), bool)
        height, width = self.puzzle.shape

        def piece(start: int, stop: int) -> None:
            bfs.nearest_many(problems, before, after, height, width, start, stop, targets, found)

        over_chunks(piece, len(problems))
        if not found.all():
            raise UserError(f"puzzle {int(np.argmin(found))}: no path from S to G")
        return targets
