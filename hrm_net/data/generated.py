"""Training batches as a pure function of (seed, step, row): nothing to save, nothing to replay when a run resumes.

A row is counted in the whole batch, however many processes share it: see `own_rows`. The 0 among the counters of the
random streams stands where there was a rank, so that a seed gives the puzzles that it always gave.
"""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from jaxtyping import Bool, Integer

import puzzles
from hrm_net.data.config import DataConfig, Source
from hrm_net.data.puzzle_sets import Batch, as_batch
from hrm_net.data.sizes import SizeSchedule, only_one_size, size_key
from puzzles import splits
from puzzles.base import Puzzle
from puzzles.errors import UserError


def torch_generator(seed: int, purpose: str, *counters: int) -> torch.Generator:
    """A CPU random stream derived from (seed, purpose, counters)."""
    return torch.Generator().manual_seed(int(puzzles.rng(seed, purpose, *counters).integers(2**62)))


def own_rows(
    batches: Callable[[int, Bool[np.ndarray, " batch"]], Batch], batch_size: int, rows: slice
) -> Callable[[int, Bool[np.ndarray, " rows"] | None], Batch]:
    """The same batches, of which a process computes only `rows`; those of all processes together are the whole batch.

    Batches that make single rows make no other rows than these.
    """
    if rows == slice(0, batch_size):
        return batches  # type: ignore[return-value]

    def own(step: int, wanted: Bool[np.ndarray, " rows"] | None = None) -> Batch:
        every = np.zeros(batch_size, bool)
        every[rows] = True if wanted is None else wanted
        return {key: values[rows] for key, values in batches(step, every).items()}

    return own


class GeneratedBatches:
    """Fresh puzzles of the training fold at every step, of the kinds and sizes that the curriculum's stage mixes.

    Each row has a random stream of its own, so only the rows a model will take need be generated.
    """

    def __init__(self, puzzle: Puzzle, config: DataConfig, *, seed: int, steps: int, batch_size: int) -> None:
        self.sizes = SizeSchedule(puzzle, config, seed=seed, steps=steps)
        self.seed, self.batch_size = seed, batch_size

    def __call__(self, step: int, rows: Bool[np.ndarray, " batch"] | None = None) -> Batch:
        """The batch of a step; rows left out of `rows` are zeros."""
        puzzle, sources = self.sizes.mix(step)
        weights = np.array([source.weight for source in sources])
        weights /= weights.sum()
        inputs = np.zeros((self.batch_size, puzzle.seq_len), np.int32)
        labels = np.zeros_like(inputs)
        identifiers = np.zeros(self.batch_size, np.int32)
        for row in range(self.batch_size) if rows is None else np.flatnonzero(rows).tolist():
            rng = puzzles.rng(self.seed, "train", step, 0, row)
            source = sources[rng.choice(len(sources), p=weights)]
            drawn = splits.generate(puzzle, rng, 1, splits.TRAIN, **source.targets)
            inputs[row], labels[row] = drawn[0][0], drawn[1][0]
            identifiers[row] = puzzle.puzzle_identifier(**source.targets)
        return as_batch(inputs, labels, identifiers)


class MixedBatches:
    """Rows of data directories beside generated ones; how many, the stage's `path_share` says on average.

    The directories hold puzzles of the run's own size: steps of another size are generated throughout.
    """

    def __init__(self, from_path: Callable[[int], Batch], generated: GeneratedBatches) -> None:
        self.from_path, self.generated = from_path, generated

    def __call__(self, step: int, rows: Bool[np.ndarray, " batch"] | None = None) -> Batch:
        """The batch of a step; rows left out of `rows` may be anything."""
        generated = self.generated
        sizes = generated.sizes
        share = sizes.stage(step).path_share if size_key(sizes(step)) == size_key(sizes.puzzle) else 0.0
        read = puzzles.rng(generated.seed, "path share", step, 0).random(generated.batch_size) < share
        batch = generated(step, ~read if rows is None else rows & ~read)
        if read.any():
            chosen = torch.from_numpy(np.flatnonzero(read))
            for key, values in self.from_path(step).items():
                batch[key][chosen] = values[chosen]
        return batch


class FixedBatches:
    """A fixed set of puzzles, shown epoch after epoch in a fresh order, under fresh symmetries if wanted.

    Rows that the model does not take are passed over, as in the published code, so an epoch shows a part of the set.
    """

    def __init__(
        self,
        puzzle: Puzzle,
        inputs: Integer[np.ndarray, "num seq"],
        labels: Integer[np.ndarray, "num seq"],
        identifiers: Integer[np.ndarray, " num"],
        *,
        augment: bool,
        seed: int,
        batch_size: int,
    ) -> None:
        self.puzzle, self.inputs, self.labels, self.identifiers = puzzle, inputs, labels, identifiers
        self.augment = augment
        self.seed, self.batch_size = seed, batch_size

    def __call__(self, step: int, rows: Bool[np.ndarray, " batch"] | None = None) -> Batch:
        """The batch of a step; `rows` saves nothing here and is ignored."""
        first = step * self.batch_size
        epoch, place = np.divmod(np.arange(first, first + self.batch_size), len(self.inputs))
        orders = {
            e: puzzles.rng(self.seed, "epoch", e).permutation(len(self.inputs)) for e in np.unique(epoch).tolist()
        }
        chosen = np.array([orders[e][p] for e, p in zip(epoch, place, strict=True)])
        inputs, labels = self.inputs[chosen], self.labels[chosen]
        if self.augment:
            inputs, labels = self.puzzle.transform(puzzles.rng(self.seed, "augment", step, 0), inputs, labels)
        return as_batch(inputs, labels, self.identifiers[chosen])


def generated_batches(puzzle: Puzzle, config: DataConfig, *, seed: int, steps: int, batch_size: int):
    """Batches without end of generated puzzles, or from `config.puzzles` distinct ones of the last stage."""
    if config.puzzles is None:
        return GeneratedBatches(puzzle, config, seed=seed, steps=steps, batch_size=batch_size)
    targets = (source.targets for source in config.curriculum[-1].mix)
    only_one_size("data.curriculum", targets, f"beside data.puzzles={config.puzzles}")
    found = distinct_puzzles(puzzle, config.curriculum[-1].mix, config.puzzles, puzzles.rng(seed, "training set"))
    return FixedBatches(puzzle, *found, augment=config.augment, seed=seed, batch_size=batch_size)


def distinct_puzzles(
    puzzle: Puzzle, mix: Iterable[Source], num: int, rng: np.random.Generator
) -> tuple[Integer[np.ndarray, "num seq"], Integer[np.ndarray, "num seq"], Integer[np.ndarray, " num"]]:
    """`num` puzzles of the training fold in the mix's proportions, none symmetric to another: with labels and
    identifiers."""
    sources = list(mix)
    weights = np.array([source.weight for source in sources])
    counts = rng.multinomial(num, weights / weights.sum())
    parts = []
    for source, count in zip(sources, counts, strict=True):
        inputs, labels = splits.generate(puzzle, rng, int(count * 1.1) + 8, splits.TRAIN, **source.targets)
        fresh = ~splits.duplicates(puzzle, inputs)
        if fresh.sum() < count:
            raise UserError(
                f"data.puzzles={num}: only {fresh.sum()} of {len(inputs)} puzzles with {source.targets} "
                "differ up to symmetry"
            )
        identifiers = np.full(count, puzzle.puzzle_identifier(**source.targets), np.int32)
        parts.append((inputs[fresh][:count], labels[fresh][:count], identifiers))
    inputs, labels, identifiers = (np.concatenate(part) for part in zip(*parts, strict=True))
    return inputs, labels, identifiers
