"""Validation of a solver during its run, on puzzles cut from the training side: which checkpoint is best, and whether
things go downhill."""

import zlib
from collections.abc import Mapping

import numpy as np
from jaxtyping import Integer

import puzzles
from hrm_net.data.config import Targets
from hrm_net.data.puzzle_sets import PuzzleSet
from hrm_net.data.sizes import size_key, sized
from hrm_net.evaluation.evaluate import evaluate_set
from hrm_net.model import HRM
from hrm_net.trainer.tracking import Tracker
from puzzles import splits
from puzzles.base import Puzzle
from puzzles.errors import UserError

# The name of the random streams of validation puzzles: another one would draw other puzzles.
STREAM = "monitor"


class Validation:
    """Solve rates on the validation fold, whose puzzles are neither trained on nor part of any evaluation.

    `batch_size` is that of training, so that what is compiled serves here too.
    """

    def __init__(self, sets: list[PuzzleSet], *, batch_size: int, seed: int) -> None:
        self.sets, self.batch_size, self.seed = sets, batch_size, seed

    @classmethod
    def of_generated(
        cls,
        puzzle: Puzzle,
        targets: Mapping[str, Targets],
        *,
        num_puzzles: int,
        batch_size: int,
        seed: int,
        seen: Integer[np.ndarray, "seen seq"] | None = None,
    ) -> "Validation":
        """Sets of generated puzzles. `seen`: inputs to which everything trained on is symmetric, where that is not the
        training fold."""
        sets = [_validation_set(puzzle, name, seed, num_puzzles, wanted, seen) for name, wanted in targets.items()]
        return cls(sets, batch_size=batch_size, seed=seed)

    def __call__(self, model: HRM, step: int, seconds: float, tracker: Tracker) -> tuple[float, list[str]]:
        """Mean solve rate over the sets, and a line to show for each set.

        Right cells count a thousandth: they tell apart models that solve nothing yet.
        """
        scores, lines, depth = [], [], model.config.max_segments
        for puzzle_set in self.sets:
            metrics = evaluate_set(
                model, puzzle_set, max_segments=depth, curve=(depth,), batch_size=self.batch_size, seed=self.seed
            )
            kept = {key: metrics[key] for key in ("solve_rate", "exact_accuracy", "cell_accuracy", "mean_segments")}
            tracker.log(step, kind="validation", seconds=seconds, set=puzzle_set.name, **kept)
            rate = metrics["solve_rate"]
            scores.append(rate + 1e-3 * metrics["cell_accuracy"])
            share = f"{rate:.1%} of {len(puzzle_set)} validation puzzles"
            lines.append(f"  {puzzle_set.name}: {share} solved at step {step}")
        return sum(scores) / len(scores), lines


def _validation_set(
    puzzle: Puzzle, name: str, seed: int, num: int, targets: Targets, seen: Integer[np.ndarray, "seen seq"] | None
) -> PuzzleSet:
    """`num` puzzles of the validation fold, of the size that the targets name, less those symmetric to `seen`."""
    own = size_key(puzzle)
    puzzle, targets = sized(puzzle, targets)
    rng = puzzles.rng(seed, STREAM, zlib.crc32(name.encode()))
    inputs, labels = splits.generate(puzzle, rng, num, splits.VALIDATION, **targets)
    if seen is not None and size_key(puzzle) == own:
        fresh = ~splits.seen_in(puzzle, inputs, seen)
        inputs, labels = inputs[fresh], labels[fresh]
        if len(inputs) == 0:
            raise UserError(f"validation.targets.{name}: data.path holds them all; validation.every=0 does without")
    return PuzzleSet(name, puzzle, inputs, labels, np.full(len(inputs), puzzle.puzzle_identifier(**targets), np.int32))
