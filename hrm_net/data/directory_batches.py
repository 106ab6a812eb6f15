"""Training batches from data directories, as a pure function of (seed, step, row).

An epoch goes over all groups in a fresh order. Of each group it shows one random puzzle (the original or one of its
augmentations), and of that puzzle every example once, in random order. Published schedules are given in epochs:
`steps = epochs * total_groups * mean_puzzle_examples / batch_size`, of which the originals drop the fraction.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Integer

import puzzles
from hrm_net.data.puzzle_sets import Batch, as_batch, ignored
from puzzles.base import Puzzle
from puzzles.datasets.dataset import Dataset, Examples


class DirectoryBatches:
    """Examples of training splits, epoch after epoch; `augment` shows each under a fresh random symmetry.

    A batch begins where the one before it ended, in the middle of an epoch or of a puzzle; the published code drops
    what does not fill a batch. Rows that the model does not take are passed over, as there.
    """

    def __init__(
        self,
        puzzle: Puzzle,
        datasets: Sequence[Dataset],
        *,
        augment: bool,
        seed: int,
        batch_size: int,
    ) -> None:
        self.puzzle, self.augment = puzzle, augment
        self.seed, self.batch_size = seed, batch_size
        self.parts = [(one, found.metadata.ignore_label_id) for found in datasets for one in found.sets.values()]
        sets = [one for one, _ in self.parts]
        self.offsets = _offsets([len(one.inputs) for one in sets])
        self.identifiers = np.concatenate([one.example_identifiers() for one in sets])
        starts, sizes, firsts, nums = _tables(sets, self.offsets)
        self.starts, self.sizes = starts, sizes  # of each puzzle: its first example, and how many it has
        self.firsts, self.nums = firsts, nums  # of each group: its first puzzle, and how many it has
        smallest, largest = (ufunc.reduceat(sizes, firsts) for ufunc in (np.minimum, np.maximum))
        # examples of an epoch where that is the same whatever is drawn, else 0
        self.epoch_length = int(smallest.sum()) if (smallest == largest).all() else 0
        self.epoch_starts = [0]  # filled as far as it was needed where epochs differ in length
        self.recent: dict[int, np.ndarray] = {}

    def __call__(self, step: int, rows: Bool[np.ndarray, " batch"] | None = None) -> Batch:
        """The batch of a step; `rows` saves nothing here and is ignored."""
        chosen = self._examples(step * self.batch_size)
        inputs, labels = self._rows(chosen)
        if self.augment:
            rng = puzzles.rng(self.seed, "augment", step, 0)  # the 0: see hrm_net.data.generated
            inputs, labels = self.puzzle.transform(rng, inputs, labels)
        return as_batch(inputs, labels, self.identifiers[chosen])

    def _examples(self, first: int) -> Integer[np.ndarray, " batch"]:
        """The examples at places first, first + 1, ... of the endless row of epochs."""
        found: list[np.ndarray] = []
        missing = self.batch_size
        epoch, place = self._epoch_at(first)
        while missing:
            order = self._epoch(epoch)[place : place + missing]
            found.append(order)
            missing -= len(order)
            epoch, place = epoch + 1, 0
        return np.concatenate(found)

    def _epoch_at(self, place: int) -> tuple[int, int]:
        """Which epoch holds a place, and where in it."""
        if self.epoch_length:
            return divmod(place, self.epoch_length)
        while self.epoch_starts[-1] <= place:
            epoch = len(self.epoch_starts) - 1
            _, drawn = self._draw(epoch)
            self.epoch_starts.append(self.epoch_starts[-1] + int(self.sizes[drawn].sum()))
        epoch = int(np.searchsorted(self.epoch_starts, place, side="right")) - 1
        return epoch, place - self.epoch_starts[epoch]

    def _draw(self, epoch: int) -> tuple[np.random.Generator, Integer[np.ndarray, " groups"]]:
        """A puzzle of each group, the groups in the epoch's order, and the stream to go on with."""
        rng = puzzles.rng(self.seed, "epoch", epoch)
        order = rng.permutation(len(self.firsts))
        return rng, self.firsts[order] + rng.integers(0, self.nums[order])

    def _epoch(self, epoch: int) -> Integer[np.ndarray, " examples"]:
        """All examples of an epoch, in order. The latest two are kept."""
        if epoch not in self.recent:
            rng, drawn = self._draw(epoch)
            sizes = self.sizes[drawn]
            if (sizes == 1).all():
                examples = self.starts[drawn]
            else:
                # sorted by puzzle, then by a random number: each puzzle's examples in random order
                which = np.repeat(np.arange(len(drawn)), sizes)
                within = np.arange(len(which)) - np.repeat(_offsets(sizes)[:-1], sizes)
                shuffled = np.lexsort((rng.random(len(which)), which))
                examples = self.starts[drawn[which]] + within[shuffled]
            self.recent = {e: kept for e, kept in self.recent.items() if e == epoch - 1} | {epoch: examples}
        return self.recent[epoch]

    def _rows(
        self, chosen: Integer[np.ndarray, " batch"]
    ) -> tuple[Integer[np.ndarray, "batch seq"], Integer[np.ndarray, "batch seq"]]:
        inputs, labels = np.zeros((2, len(chosen), self.puzzle.seq_len), np.int32)
        part = np.searchsorted(self.offsets, chosen, side="right") - 1
        for index in np.unique(part).tolist():
            rows = part == index
            one, ignore = self.parts[index]
            local = chosen[rows] - self.offsets[index]
            inputs[rows] = one.inputs[local]
            labels[rows] = ignored(one.labels[local], ignore)
        return inputs, labels


def _offsets(sizes: Sequence[int] | np.ndarray) -> Integer[np.ndarray, " offsets"]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _tables(sets: Sequence[Examples], offsets: np.ndarray):
    """(first example, examples) of each puzzle and (first puzzle, puzzles) of each group, over all sets."""
    puzzle_offsets = _offsets([len(one.puzzle_identifiers) for one in sets])
    starts = np.concatenate([one.puzzle_indices[:-1] + start for one, start in zip(sets, offsets[:-1], strict=True)])
    firsts = np.concatenate(
        [one.group_indices[:-1] + start for one, start in zip(sets, puzzle_offsets[:-1], strict=True)]
    )
    sizes, nums = (
        np.concatenate([np.diff(getattr(one, field)) for one in sets]) for field in ("puzzle_indices", "group_indices")
    )
    return starts, sizes, firsts, nums
