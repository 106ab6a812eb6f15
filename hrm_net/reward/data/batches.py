"""Batches of steps as a pure function of (seed, step): whole solutions first, then rows by themselves.

A batch always has the same number of rows, so that what is compiled serves all of them.
"""

import numpy as np
import torch
from jaxtyping import Integer
from torch import Tensor

import puzzles
from hrm_net.reward.data.prepare import StepData
from hrm_net.reward.objectives import known_errors
from puzzles.base import Puzzle
from puzzles.steps.rows import StepRows
from puzzles.symmetry import Symmetric

ALONE = -1
SYMMETRIES = 64  # drawn for a batch; each of its rows is shown under one of them


class StepBatches:
    """Epoch after epoch over the solutions, and over the rows by themselves, each in a fresh order.

    Half of a batch is whole solutions where there are rows of both kinds. `batches(step)` gives, with `rows` =
    `batch_size`: problem, before, after `[rows, seq]`, left, span, label (NaN: none) `[rows]`, trajectory `[rows]` (the
    solution of the batch that a row belongs to, its rows in order; -1: none), and of those solutions outcome and error
    `[num]`, as `hrm_net.reward.objectives` reads them. Of failed solutions a share `error_share` tells its error. Rows
    that fill up the end have no label and belong to none.
    """

    def __init__(
        self,
        data: StepData,
        puzzle: Puzzle,
        *,
        budget: int,
        batch_size: int,
        seed: int,
        augment: bool = True,
        error_share: float = 1.0,
    ) -> None:
        assert batch_size >= budget, (batch_size, budget)
        self.data, self.puzzle, self.batch_size, self.seed = data, puzzle, batch_size, seed
        self.augment = augment and isinstance(puzzle, Symmetric)
        room = batch_size if data.lone is None else batch_size // 2
        self.num = 0 if data.trajectories is None else max(1, room // budget)
        if data.trajectories is not None:
            self.error = known_errors(data.trajectories.error, error_share, puzzles.rng(seed, "known errors"))

    def __call__(self, step: int) -> dict[str, Tensor]:
        parts: list[StepRows] = []
        trajectory, outcome, error = np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0, np.int64)
        if self.data.trajectories is not None:
            drawn = self._draw("solutions", step, self.num, len(self.data.trajectories))
            chosen = self.data.trajectories.take(drawn)
            parts.append(chosen.rows)
            trajectory, outcome, error = chosen.attempts(), chosen.outcome, self.error[drawn]
        room = self.batch_size - len(trajectory)
        if self.data.lone is not None and room:
            parts.append(
                self.data.lone.take(self._draw("rows", step, room, len(self.data.lone), stride=self.batch_size))
            )
        rows = StepRows.concatenate(parts)
        batch = self._columns(rows, step)
        trajectory = np.pad(trajectory, (0, self.batch_size - len(trajectory)), constant_values=ALONE)
        return batch | {
            "trajectory": torch.from_numpy(trajectory),
            "outcome": torch.from_numpy(outcome),
            "error": torch.from_numpy(error),
        }

    def _draw(self, purpose: str, step: int, num: int, available: int, stride: int | None = None) -> np.ndarray:
        """The next `num` of an endless row of shuffled epochs; `stride` where a step may take fewer than another."""
        first = step * (stride or num)
        epoch, place = np.divmod(np.arange(first, first + num), available)
        found = np.empty(num, np.int64)
        for one in np.unique(epoch).tolist():
            order = puzzles.rng(self.seed, f"epoch of {purpose}", one).permutation(available)
            found[epoch == one] = order[place[epoch == one]]
        return found

    def _columns(self, rows: StepRows, step: int) -> dict[str, Tensor]:
        grids = [rows.problem, rows.before, rows.after]
        if self.augment:
            grids = self._shown_anew(grids, step)
        missing = self.batch_size - len(rows)
        columns = {name: np.pad(grid, ((0, missing), (0, 0))) for name, grid in zip(GRIDS, grids, strict=True)}
        columns["left"] = np.pad(rows.left, (0, missing))
        columns["span"] = np.pad(rows.span, (0, missing), constant_values=1)
        batch = {name: torch.from_numpy(column.astype(np.int32)) for name, column in columns.items()}
        label = np.pad(rows.label, (0, missing), constant_values=np.nan)
        return batch | {"label": torch.from_numpy(label)}

    def _shown_anew(self, grids: list[np.ndarray], step: int) -> list[np.ndarray]:
        """Every row under a random symmetry of the puzzle, the same for its three grids."""
        assert isinstance(self.puzzle, Symmetric)
        rng = puzzles.rng(self.seed, "symmetries of steps", step)
        known = self.puzzle.symmetries(rng, min(SYMMETRIES, self.puzzle.num_symmetries))
        cells, tokens = np.stack([one.cells for one in known]), np.stack([one.tokens for one in known])
        which = rng.integers(len(known), size=len(grids[0]))
        return [_under(grid, cells[which], tokens[which]) for grid in grids]


GRIDS = ("problem", "before", "after")


def _under(
    grid: Integer[np.ndarray, "rows seq"],
    cells: Integer[np.ndarray, "rows seq"],
    tokens: Integer[np.ndarray, "rows vocab"],
) -> Integer[np.ndarray, "rows seq"]:
    moved = np.take_along_axis(grid, cells, axis=1)
    return np.take_along_axis(tokens, moved.astype(np.int64), axis=1)
