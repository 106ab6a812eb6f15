"""Batches of examples as a pure function of (seed, step): whole solutions first, then single rows.

A batch always has the same number of rows, so that what is compiled serves all of them.
"""

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Int64, Integer

import puzzles
from hrm_net.reward.examples import Examples
from hrm_net.reward.heads.base import Batch
from hrm_net.reward.heads.cond import known_errors
from hrm_net.reward.inputs import GRIDS
from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.symmetry import Symmetric

SYMMETRIES = 64  # drawn for a batch; each of its rows is shown under one of them


class Batches(ABC):
    """Epoch after epoch over the solutions, and over the single rows, each epoch in a fresh order.

    `batches(step)` gives tensors as `hrm_net.reward.heads.base` lays them out. Half of a batch is for whole solutions
    where there are single rows too. The error step is known of a share `error_share` of the failed solutions. Rows that
    fill up the end have no label and belong to no solution.
    """

    def __init__(
        self, examples: Examples, *, batch_size: int, seed: int, error_share: float = 1.0, streams: str = ""
    ) -> None:
        """`streams` is part of the names of the random streams."""
        assert len(examples) > 0
        error = known_errors(examples.error, error_share, puzzles.rng(seed, "known errors"))
        self.examples, self.batch_size, self.seed = examples.with_error(error), batch_size, seed
        self.streams = streams
        self.room = batch_size // 2 if examples.num_single else batch_size

    def __call__(self, step: int) -> Batch:
        return self.shown(self.examples.take(self.solutions(step), self.single_rows(step)), step).batch(self.batch_size)

    @abstractmethod
    def solutions(self, step: int) -> Int64[np.ndarray, " chosen"]:
        """The solutions of a step."""

    @abstractmethod
    def single_rows(self, step: int) -> Int64[np.ndarray, " chosen"]:
        """The single rows of a step, counted from 0 after all solutions."""

    def shown(self, examples: Examples, step: int) -> Examples:
        """The examples as the model is shown them."""
        return examples

    def draw(
        self, purpose: str, step: int, num: int, available: int, stride: int | None = None
    ) -> Int64[np.ndarray, " num"]:
        """The next `num` of an endless sequence of shuffled epochs, of which each step has `stride` (None: `num`)."""
        first = step * (stride or num)
        epoch, place = np.divmod(np.arange(first, first + num), max(1, available))
        found = np.empty(num, np.int64)
        for one in np.unique(epoch).tolist():
            order = self.order(purpose, one, available)
            found[epoch == one] = order[place[epoch == one]]
        return found

    def order(self, purpose: str, epoch: int, available: int) -> Int64[np.ndarray, " available"]:
        return puzzles.rng(self.seed, f"epoch of {self.streams}{purpose}", epoch).permutation(available)


class StepBatches(Batches):
    """Batches of solutions of at most `budget` steps: always as many solutions, and single rows up to the end.

    With `augment`, every row is shown under a random symmetry of the puzzle.
    """

    def __init__(
        self,
        examples: Examples,
        puzzle: Puzzle,
        *,
        budget: int,
        batch_size: int,
        seed: int,
        augment: bool = True,
        error_share: float = 1.0,
    ) -> None:
        assert batch_size >= budget, (batch_size, budget)
        super().__init__(examples, batch_size=batch_size, seed=seed, error_share=error_share)
        self.puzzle, self.augment = puzzle, augment and isinstance(puzzle, Symmetric)
        self.num = max(1, self.room // budget) if examples.num_solutions else 0

    def solutions(self, step: int) -> Int64[np.ndarray, " chosen"]:
        return self.draw("solutions", step, self.num, self.examples.num_solutions)

    def single_rows(self, step: int) -> Int64[np.ndarray, " chosen"]:
        room = self.batch_size - int(self.examples.lengths[self.solutions(step)].sum())
        num = room if self.examples.num_single else 0
        return self.draw("rows", step, num, self.examples.num_single, stride=self.batch_size)

    def shown(self, examples: Examples, step: int) -> Examples:
        if not self.augment:
            return examples
        assert isinstance(self.puzzle, Symmetric)
        rng = puzzles.rng(self.seed, "symmetries of steps", step)
        known = self.puzzle.symmetries(rng, min(SYMMETRIES, self.puzzle.num_symmetries))
        cells, tokens = np.stack([one.cells for one in known]), np.stack([one.tokens for one in known])
        which = rng.integers(len(known), size=len(examples))
        for name in GRIDS:
            examples.inputs[name] = _under(examples.inputs[name], cells[which], tokens[which])
        return examples


class PackedBatches(Batches):
    """Batches of solutions of any length: of each epoch's order as many one after another as there is room for.

    `too_long` solutions have more steps than there is room for, and are never shown. UserError where all have.
    """

    def __init__(
        self, examples: Examples, *, batch_size: int, seed: int, error_share: float = 1.0, streams: str = ""
    ) -> None:
        super().__init__(examples, batch_size=batch_size, seed=seed, error_share=error_share, streams=streams)
        lengths = examples.lengths
        self.fitting = np.flatnonzero(lengths <= self.room)
        self.too_long = len(lengths) - len(self.fitting)
        if len(lengths) and not len(self.fitting):
            least = int(lengths.min()) * (2 if examples.num_single else 1)
            raise UserError(f"batch_size={batch_size}: must be at least {least}, for one solution")
        # The step that each epoch begins at, as far as known, and the batches of the epoch at hand.
        self._begins: list[int] = [0]
        self._packed: dict[int, list[Int64[np.ndarray, " chosen"]]] = {}

    def single_rows(self, step: int) -> Int64[np.ndarray, " chosen"]:
        room = self.batch_size - self.room if self.examples.num_solutions else self.batch_size
        num = room if self.examples.num_single else 0
        return self.draw("rows", step, num, self.examples.num_single)

    def solutions(self, step: int) -> Int64[np.ndarray, " chosen"]:
        if not self.examples.num_solutions:
            return np.zeros(0, np.int64)
        epoch = int(np.searchsorted(self._begins, step, side="right")) - 1
        while epoch == len(self._begins) - 1:
            packs = self._pack(epoch)
            self._begins.append(self._begins[epoch] + len(packs))
            if step >= self._begins[-1]:
                epoch += 1
            else:
                break
        return self._pack(epoch)[step - self._begins[epoch]]

    def _pack(self, epoch: int) -> list[Int64[np.ndarray, " chosen"]]:
        if epoch not in self._packed:
            order = self.fitting[self.order("solutions", epoch, len(self.fitting))]
            cuts, used = [], 0
            for i, num in enumerate(self.examples.lengths[order].tolist()):
                if used + num > self.room:
                    cuts.append(i)
                    used = 0
                used += num
            self._packed = {epoch: np.split(order, cuts)}
        return self._packed[epoch]


def _under(
    grid: Integer[np.ndarray, "rows seq"],
    cells: Integer[np.ndarray, "rows seq"],
    tokens: Integer[np.ndarray, "rows vocab"],
) -> Integer[np.ndarray, "rows seq"]:
    """Each row under its own symmetry."""
    moved = np.take_along_axis(grid, cells, axis=1)
    return np.take_along_axis(tokens, moved.astype(np.int64), axis=1)
