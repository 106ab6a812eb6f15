"""One puzzle's way through the segments, for pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import nn

from hrm_net.data.puzzle_sets import PuzzleSet
from hrm_net.inference.segments import padded_batch, run_segments, sigmoid
from puzzles.base import Puzzle


@dataclass(kw_only=True, slots=True)
class Trace:
    """A puzzle, its arg-max state after every segment, and what the halting head made of each.

    `confidence` is the head's probability of being right, `halted_at` the first segment (from 1) after which it would
    stop, or None. `labels` is None where no answer is known.
    """

    puzzle: Puzzle
    inputs: Integer[np.ndarray, " seq"]
    labels: Integer[np.ndarray, " seq"] | None
    states: Integer[np.ndarray, "segments seq"]
    confidence: Float[np.ndarray, " segments"]
    halted_at: int | None

    @property
    def settled_at(self) -> int:
        """The segment (from 1) after which the state stays what it is at the end, where labels score it."""
        scored = slice(None) if self.labels is None else self.labels > 0
        moving = np.flatnonzero((self.states != self.states[-1])[:, scored].any(axis=1))
        return int(moving[-1]) + 2 if len(moving) else 1

    @property
    def solved(self) -> bool:
        """Whether the last state is an answer by the puzzle's rules; where there are none, by the labels."""
        if self.puzzle.verifiable:
            return bool(self.puzzle.check(self.inputs[None], self.states[-1:].astype(self.inputs.dtype)).solved[0])
        return self.labels is not None and bool(((self.states[-1] == self.labels) | (self.labels <= 0)).all())


def trace(
    model: nn.Module,
    puzzle: Puzzle,
    inputs: Integer[np.ndarray, " seq"],
    segments: int = 16,
    *,
    labels: Integer[np.ndarray, " seq"] | None = None,
    **how: Any,
) -> Trace:
    """One puzzle through one pass of `segments` segments. `how`: batch_size, device and seed as in `traces`."""
    one = PuzzleSet("trace", puzzle, inputs[None], inputs[None] if labels is None else labels[None])
    followed = traces(model, one, 1, segments, **how)[0]
    followed.labels = labels
    return followed


def traces(
    model: nn.Module,
    puzzle_set: PuzzleSet,
    num: int,
    segments: int = 16,
    *,
    batch_size: int | None = None,
    device: torch.device | str | None = None,
    seed: int = 0,
) -> list[Trace]:
    """The first `num` puzzles of a set through one pass.

    `batch_size` pads the batch: a compiled model meets no new shape if it is the one it was evaluated with.
    """
    rows = np.arange(min(num, len(puzzle_set)))
    batch = padded_batch(puzzle_set, rows, max(len(rows), batch_size or 0))
    generator = torch.Generator().manual_seed(seed)
    steps = list(run_segments(model, batch, segments, device=device, generator=generator))
    found = []
    for row in rows.tolist():
        wants = [step.index for step in steps if step.wants_to_halt[row]]
        found.append(
            Trace(
                puzzle=puzzle_set.puzzle,
                inputs=puzzle_set.inputs[row],
                labels=puzzle_set.labels[row],
                states=np.stack([step.states[row] for step in steps]),
                confidence=sigmoid(np.array([step.q_halt[row] for step in steps])),
                halted_at=wants[0] if wants else None,
            )
        )
    return found


def most_telling(candidates: Sequence[Trace]) -> Trace:
    """The solved puzzle that took the most segments to settle; the first one where none is solved."""
    return max(candidates, key=lambda followed: followed.settled_at if followed.solved else 0)
