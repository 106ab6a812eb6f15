"""Puzzles followed through the segments of a pass, and pictures of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import nn

from hrm_net.data.puzzle_sets import PuzzleSet
from hrm_net.inference.segments import padded_batch, run_segments, sigmoid
from puzzles.base import Puzzle
from puzzles.drawing.render import mistakes, render_gallery, render_gif, render_strip


@dataclass(kw_only=True, slots=True)
class Trace:
    """A puzzle, its arg-max state after every segment, and the halting head's opinion of each.

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
        """The segment (from 1) from which on the state does not change in the cells that labels score."""
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

    `batch_size` pads the batch: with the one that it was evaluated with, a compiled model meets no new shape.
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


def slowest_solved(candidates: Sequence[Trace]) -> Trace:
    """The solved puzzle that took the most segments to settle; the first one where none is solved."""
    return max(candidates, key=lambda followed: followed.settled_at if followed.solved else 0)


def write_filling_in(followed: Trace, directory: str | Path, name: str = "filling_in", frames: int = 9) -> list[Path]:
    """NAME.png, a strip of at most `frames` states until the answer settles, and NAME.gif with all of those."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    settled = followed.settled_at
    chosen = np.unique(np.linspace(0, settled - 1, min(frames, settled)).round().astype(int))
    captions = [f"segment {i + 1}" for i in range(settled)]
    puzzle, inputs, states, labels = followed.puzzle, followed.inputs, followed.states[:settled], followed.labels
    strip = render_strip(puzzle, inputs, states[chosen], labels, captions=[captions[i] for i in chosen])
    strip.save(directory / f"{name}.png")
    gif = render_gif(puzzle, inputs, states, labels, directory / f"{name}.gif", captions=captions)
    return [directory / f"{name}.png", gif]


def write_trace_pictures(followed: Mapping[str, Sequence[Trace]], directory: str | Path) -> list[Path]:
    """Pictures of the traces of sets, by the sets' names: one puzzle filling in, and the galleries.

    With several sets, one puzzle of each fills in, as filling_in_NAME, and the galleries take puzzles of each in turn.
    """
    if len(followed) == 1:
        (traces,) = followed.values()
        return write_filling_in(slowest_solved(traces[:32]), directory) + write_galleries(traces, directory)
    paths = []
    for name, traces in followed.items():
        paths += write_filling_in(slowest_solved(traces[:32]), directory, f"filling_in_{name.replace('/', '_')}")
    turns = []
    for solved in (False, True):
        each = [
            [(f"{name} {i + 1}", one) for i, one in enumerate(traces) if one.solved == solved]
            for name, traces in followed.items()
        ]
        turns += [found for turn in zip_longest(*each) for found in turn if found is not None]
    return paths + write_galleries([one for _, one in turns], directory, names=[name for name, _ in turns])


def write_galleries(
    traces: Sequence[Trace], directory: str | Path, most: int = 6, names: Sequence[str] | None = None
) -> list[Path]:
    """failures.png and solved.png: target and last state of at most `most` puzzles each, with their mistakes in words.

    Right and wrong are decided as in `Trace.solved`; a gallery without puzzles is not written. `names` of the puzzles
    are by default their numbers.
    """
    names = names or [f"puzzle {i + 1}" for i in range(len(traces))]
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, solved in (("failures", False), ("solved", True)):
        shown = [(called, one) for called, one in zip(names, traces, strict=True) if one.solved == solved][:most]
        if not shown:
            continue
        rows = [(one.inputs, one.states[-1], _known(one)) for _, one in shown]
        captions = [f"{called}: {mistakes(one.puzzle, *row)}" for (called, one), row in zip(shown, rows, strict=True)]
        inputs, states, labels = (np.stack(parts) for parts in zip(*rows, strict=True))
        path = directory / f"{name}.png"
        render_gallery(shown[0][1].puzzle, inputs, states, labels, captions=captions).save(path)
        paths.append(path)
    return paths


def _known(followed: Trace) -> np.ndarray:
    assert followed.labels is not None, "a puzzle of a set has its answer"
    return followed.labels
