"""Training batches of real ARC tasks as a pure function of (seed, step, row), made from the raw pairs.

An epoch goes over all tasks in a fresh order. Of each it shows one random augmentation, and of that every pair once, at
a fresh place on the canvas but for one. Published schedules are given in epochs: `steps = epochs * pairs / batch_size`.
"""

import numpy as np
from jaxtyping import Bool, Integer

import puzzles
from hrm_net.data import arc_tasks as arc_data
from hrm_net.data.arc_tasks import Tasks
from hrm_net.data.config import DataConfig
from hrm_net.data.puzzle_sets import Batch, as_batch
from puzzles.arc.rows import ArcRows, Order
from puzzles.errors import UserError


def task_rows(config: DataConfig, loaded: tuple[Tasks, Tasks] | None = None, *, canvas: int, seed: int) -> ArcRows:
    """The rows of the tasks that `config` names: `loaded` where they have been read.

    The augmentations, and with them the identifiers, derive from `seed` and the tasks alone.
    """
    training, evaluation = loaded or arc_data.load_of(config)
    rows = ArcRows(training, evaluation, num_augmentations=config.augmentations, canvas=canvas, seed=seed)
    assert rows.num_puzzle_ids <= arc_data.num_identifiers(len(rows.groups), config.augmentations)
    return rows


class ArcBatches:
    """Pairs of tasks, epoch after epoch; a batch begins where the one before it ended, in the middle of an epoch.

    Tests of evaluation tasks are in no batch: `ArcRows` does not even keep their answers.
    """

    def __init__(self, rows: ArcRows, *, seed: int, batch_size: int) -> None:
        if rows.rows_in_epoch == 0:
            raise UserError("data.tasks: no pair is left to train on: all equal tests of evaluation tasks")
        self.rows = rows
        self.seed, self.batch_size = seed, batch_size
        self.recent: dict[int, Order] = {}

    def __call__(self, step: int, rows: Bool[np.ndarray, " batch"] | None = None) -> Batch:
        """The batch of a step; rows left out of `rows` are not made, and zeros. They are passed over, as published."""
        first = step * self.batch_size
        wanted = np.arange(self.batch_size) if rows is None else np.flatnonzero(rows)
        inputs = np.zeros((self.batch_size, self.rows.canvas**2), np.uint8)
        labels, identifiers = np.zeros_like(inputs), np.zeros(self.batch_size, np.int32)
        epochs, places = np.divmod(first + wanted, self.rows.rows_in_epoch)
        for epoch in np.unique(epochs).tolist():
            here = epochs == epoch
            made = self.rows.rows(_picked(self._epoch(epoch), places[here]))
            inputs[wanted[here]], labels[wanted[here]], identifiers[wanted[here]] = made
        return as_batch(inputs, labels, identifiers)

    def _epoch(self, epoch: int) -> Order:
        """The order of an epoch. The latest two are kept."""
        if epoch not in self.recent:
            order = self.rows.epoch(puzzles.rng(self.seed, "arc epoch", epoch))
            self.recent = {e: kept for e, kept in self.recent.items() if e == epoch - 1} | {epoch: order}
        return self.recent[epoch]


def _picked(order: Order, places: Integer[np.ndarray, " num"]) -> Order:
    return Order(order.tasks[places], order.augmentations[places], order.pairs[places], order.offsets[places])
