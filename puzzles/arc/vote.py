"""Votes over augmentations: every predicted canvas is cropped, brought back to the task's own frame and counted.

Only the distinct grids and their counts are kept, no logits.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from puzzles.arc.augment import Augmentation
from puzzles.arc.canvas import crop
from puzzles.arc.tasks import Grid
from puzzles.errors import UserError


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A predicted grid, how many augmentations gave it, and their mean confidence."""

    grid: Grid
    votes: int
    confidence: float


class Votes:
    """Counts predictions as they come, in any order; two halves of a run can be merged."""

    def __init__(self) -> None:
        # (task, test) -> (shape, cells) -> [votes, sum of confidences]
        self._counts: dict[tuple[str, int], dict[tuple[tuple[int, ...], bytes], list[float]]] = {}
        self.empty = 0  # predictions without a cell in the corner of the canvas: they vote for nothing

    def add(
        self,
        tasks: str | Iterable[str],
        tests: int | Iterable[int],
        augmentations: Augmentation | Iterable[Augmentation],
        tokens: Integer[np.ndarray, "num seq"],
        confidences: Float[np.ndarray, " num"],
    ) -> None:
        """Row i of tokens answers test tests[i] of task tasks[i] under augmentations[i]; one value stands for all rows.

        `confidences`: the halting head's probability (a sigmoid of q_halt). UserError where it is not finite.
        """
        num = len(tokens)
        if len(confidences) != num or not np.isfinite(confidences).all():
            raise UserError(f"confidences: must be {num} finite numbers")
        names = [tasks] * num if isinstance(tasks, str) else list(tasks)
        places = [int(tests)] * num if isinstance(tests, int | np.integer) else [int(test) for test in tests]
        undo = [augmentations] * num if isinstance(augmentations, Augmentation) else list(augmentations)
        if not len(names) == len(places) == len(undo) == num:
            raise UserError(
                f"votes for {num} canvases: {len(names)} tasks, {len(places)} tests, {len(undo)} augmentations"
            )
        for name, test, one, grid, confidence in zip(names, places, undo, crop(tokens), confidences, strict=True):
            found = self._counts.setdefault((name, test), {})
            if grid.size == 0:
                self.empty += 1
                continue
            original = one.invert(grid)
            count = found.setdefault((original.shape, original.tobytes()), [0, 0.0])
            count[0] += 1
            count[1] += float(confidence)

    def merge(self, other: "Votes") -> None:
        """Adds the votes of another part of the run."""
        for key, grids in other._counts.items():
            mine = self._counts.setdefault(key, {})
            for grid, (votes, confidence) in grids.items():
                count = mine.setdefault(grid, [0, 0.0])
                count[0] += votes
                count[1] += confidence
        self.empty += other.empty

    def ranking(self, task: str, test: int) -> list[Candidate]:
        """Candidates by votes, then mean confidence to nine digits, then cells: order of arrival does not matter.

        Empty where nothing was predicted.
        """
        found = [
            (int(votes), round(total / votes, 9), grid)
            for grid, (votes, total) in self._counts.get((task, test), {}).items()
        ]
        return [
            Candidate(np.frombuffer(cells, np.uint8).reshape(shape).copy(), votes, confidence)
            for votes, confidence, (shape, cells) in sorted(found, reverse=True)
        ]

    def rankings(self, tasks: Iterable[tuple[str, int]]) -> dict[str, list[list[Candidate]]]:
        """The ranking of every test of (task, number of tests): what scores and submissions are made of."""
        return {name: [self.ranking(name, test) for test in range(num)] for name, num in tasks}
