"""A look, now and then during a run, at puzzles cut from the training side: which checkpoint is best, and whether
things go downhill."""

import zlib

import numpy as np
from jaxtyping import Integer

import puzzles
from hrm_net.data import directories as data_directories
from hrm_net.data.puzzle_sets import PuzzleSet
from hrm_net.evaluation.evaluate import evaluate_set
from hrm_net.model import HRM
from hrm_net.recipes.config import TrainConfig
from hrm_net.trainer.tracking import Tracker
from puzzles import splits
from puzzles.base import Puzzle
from puzzles.errors import UserError


class Monitor:
    """Solve rates on the monitor fold, whose puzzles are neither trained on nor part of any evaluation."""

    def __init__(self, puzzle: Puzzle, config: TrainConfig) -> None:
        self.config = config
        wanted = config.monitor.targets if config.monitor.every else {}
        path = config.data.path
        seen = None
        if wanted and path is not None:
            seen = data_directories.originals(data_directories.read_training(path, puzzle))
        self.sets = [
            _monitor_set(puzzle, name, config.seed, config.monitor.puzzles, targets, seen)
            for name, targets in wanted.items()
        ]

    def look(self, model: HRM, step: int, seconds: float, tracker: Tracker) -> tuple[float, list[str]]:
        """Mean solve rate over the sets, and a line to show for each set.

        Right cells count a thousandth: they tell apart models that solve nothing yet.
        """
        scores, lines = [], []
        for puzzle_set in self.sets:
            # The batch of training, so that what is compiled serves here too.
            metrics = evaluate_set(
                model,
                puzzle_set,
                max_segments=self.config.model.max_segments,
                curve=(self.config.model.max_segments,),
                batch_size=self.config.batch_size,
                seed=self.config.seed,
            )
            kept = {key: metrics[key] for key in ("solve_rate", "exact_accuracy", "cell_accuracy", "mean_segments")}
            tracker.log(step, kind="monitor", seconds=seconds, set=puzzle_set.name, **kept)
            rate = metrics["solve_rate"]
            scores.append(rate + 1e-3 * metrics["cell_accuracy"])
            share = f"{rate:.1%} of {len(puzzle_set)} monitor puzzles"
            lines.append(f"  {puzzle_set.name}: {share} solved at step {step}")
        return sum(scores) / len(scores), lines


def _monitor_set(
    puzzle: Puzzle, name: str, seed: int, num: int, targets: dict, seen: Integer[np.ndarray, "seen seq"] | None
) -> PuzzleSet:
    """`num` puzzles of the monitor fold, less those symmetric to a row of `seen`."""
    rng = puzzles.rng(seed, "monitor", zlib.crc32(name.encode()))
    inputs, labels = splits.generate(puzzle, rng, num, splits.MONITOR, **targets)
    if seen is not None:
        fresh = ~splits.seen_in(puzzle, inputs, seen)
        inputs, labels = inputs[fresh], labels[fresh]
        if len(inputs) == 0:
            raise UserError(f"monitor.targets.{name}: data.path holds them all; monitor.every=0 does without")
    return PuzzleSet(name, puzzle, inputs, labels, np.full(len(inputs), puzzle.puzzle_identifier(**targets), np.int32))
