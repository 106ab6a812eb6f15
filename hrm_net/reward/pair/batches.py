"""Batches of games as a pure function of (seed, step), each game under a random symmetry of its puzzle."""

import numpy as np
import torch
from jaxtyping import Int64, Integer
from torch import Tensor

import puzzles
from hrm_net.reward.pair.data import Pairs
from puzzles.base import Puzzle
from puzzles.symmetry import Symmetric

SYMMETRIES = 64  # drawn for a batch; each of its games is shown under one of them
GRIDS = ("problem", "first", "second")


class PairBatches:
    """Epoch after epoch over the games, each epoch in a fresh order.

    `batches(step)` gives `problem`, `first` and `second` [games, seq] and `better` [games]. With `images` above 1, a
    batch holds so many images of each of fewer games, beside each other, and just as many rows.
    """

    def __init__(self, pairs: Pairs, puzzle: Puzzle, *, batch_size: int, seed: int, augment: bool = True) -> None:
        assert len(pairs) > 0
        self.pairs, self.puzzle, self.batch_size, self.seed = pairs, puzzle, batch_size, seed
        self.augment = augment and isinstance(puzzle, Symmetric)

    def __call__(self, step: int, images: int = 1) -> dict[str, Tensor]:
        num = max(1, self.batch_size // images)
        chosen = draw_games(self.seed, step, num, batch_size=self.batch_size, available=len(self.pairs)).repeat(images)
        pairs = self.pairs.take(chosen)
        grids = {name: getattr(pairs, name).astype(np.int32) for name in GRIDS}
        if self.augment:
            grids = self._images(grids, step)
        return {name: torch.from_numpy(grid) for name, grid in grids.items()} | {
            "better": torch.from_numpy(pairs.better)
        }

    def _images(self, grids: dict[str, Integer[np.ndarray, "games seq"]], step: int) -> dict[str, np.ndarray]:
        puzzle = self.puzzle
        assert isinstance(puzzle, Symmetric)
        rng = puzzles.rng(self.seed, "symmetries of pairs", step)
        known = puzzle.symmetries(rng, min(SYMMETRIES, puzzle.num_symmetries))
        cells, tokens = np.stack([one.cells for one in known]), np.stack([one.tokens for one in known])
        which = rng.integers(len(known), size=len(grids["problem"]))
        tokens = tokens[which].astype(np.int32)
        return {
            name: np.take_along_axis(tokens, np.take_along_axis(grid, cells[which], axis=1), axis=1)
            for name, grid in grids.items()
        }


def draw_games(seed: int, step: int, num: int, *, batch_size: int, available: int) -> Int64[np.ndarray, " num"]:
    """The next `num` of an endless sequence of shuffled epochs, of which each step has `batch_size`."""
    first = step * batch_size
    epoch, place = np.divmod(np.arange(first, first + num), available)
    found = np.empty(num, np.int64)
    for one in np.unique(epoch).tolist():
        order = puzzles.rng(seed, "epoch of pairs", one).permutation(available)
        found[epoch == one] = order[place[epoch == one]]
    return found
