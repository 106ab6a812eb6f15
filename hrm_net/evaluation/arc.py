"""Judges a model on the tests of real ARC tasks as the competitions do: by votes over augmentations.

Questions stream through the model; of its answers only the counted grids are kept.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Integer
from torch import nn

import puzzles
from hrm_net.data.puzzle_sets import IGNORE, PAD
from hrm_net.evaluation.metrics import wilson
from hrm_net.inference.segments import Batch, Segment, run_segments, sigmoid
from hrm_net.progress import Progress
from puzzles.arc import canvas as arc_canvas
from puzzles.arc.rows import Questions
from puzzles.arc.score import grids, score
from puzzles.arc.tasks import Grid, Task
from puzzles.arc.vote import Candidate, Votes

Rankings = dict[str, list[list[Candidate]]]


def judge(
    model: nn.Module,
    questions: Questions,
    tasks: Sequence[Task],
    *,
    max_segments: int = 16,
    batch_size: int = 64,
    device: torch.device | str | None = None,
    seed: int = 0,
    progress: bool = True,
) -> tuple[Rankings, dict[str, Any]]:
    """(candidates of every test by votes then confidence, metrics ready for JSON).

    `tasks` hold the answers to the questions. Of those that are all known: `scores` {rule: {K: share}} (see
    puzzles.arc.score); and of the tasks as they are, in one pass without any vote: `solve_rate` (the grid is right)
    with its 95 % interval, `exact_accuracy` (every cell of the canvas that counts), `cell_accuracy`. `mean_segments`:
    where the halting head would stop. `no_grid`: answers without a cell in the corner, which vote for nothing.
    """
    votes, alone = Votes(), _Alone(tasks, questions.rows.canvas)
    seconds = 0.0
    generator = torch.Generator().manual_seed(int(puzzles.rng(seed, "evaluation noise").integers(2**62)))
    identifiers = questions.puzzle_identifiers
    total = max_segments * -(-len(questions) // batch_size)
    with Progress(f"evaluating {len(tasks)} tasks", total, unit="segments", transient=True, shown=progress) as bar:
        for start in range(0, len(questions), batch_size):
            part = slice(start, min(start + batch_size, len(questions)))
            batch = question_batch(questions.inputs(part), identifiers[part], batch_size)
            asked = list(questions.votes_for(part))
            alone.begin(asked)
            started = time.perf_counter()
            last = None
            for segment in run_segments(model, batch, max_segments, device=device, generator=generator):
                alone.see(segment, segment.index == max_segments)
                bar.advance()
                last = segment
            seconds += time.perf_counter() - started
            assert last is not None
            names, tests, augmentations = zip(*asked, strict=True)
            votes.add(names, tests, augmentations, last.states[: len(asked)], sigmoid(last.q_halt[: len(asked)]))
    rankings = votes.rankings((one.name, len(one.test)) for one in tasks)
    metrics = {
        "puzzles": sum(len(one.test) for one in tasks),
        "tasks": len(tasks),
        "questions": len(questions),
        **alone.summary(max_segments),
        "no_grid": votes.empty,
        "seconds": seconds,
        "questions_per_second": len(questions) / seconds,
    }
    if all(pair.output is not None for one in tasks for pair in one.test):
        found = score(grids(rankings), tasks)
        metrics["scores"] = {rule: {str(most): share for most, share in row.items()} for rule, row in found.items()}
    return rankings, metrics


def question_batch(
    inputs: Integer[np.ndarray, "num seq"], identifiers: Integer[np.ndarray, " num"], batch_size: int
) -> Batch:
    """Always `batch_size` rows, so that a compiled model sees one shape: the last is repeated. No answers."""
    rows = np.minimum(np.arange(batch_size), len(inputs) - 1)
    labels = np.full((batch_size, inputs.shape[1]), IGNORE, np.int32)
    return {"inputs": inputs[rows], "labels": labels, "puzzle_identifiers": identifiers[rows]}


class _Alone:
    """How the tasks as they are fare: one question each, one pass, no votes."""

    def __init__(self, tasks: Sequence[Task], canvas: int) -> None:
        self.answers: dict[tuple[str, int], Grid] = {
            (task.name, test): pair.output
            for task in tasks
            for test, pair in enumerate(task.test)
            if pair.output is not None
        }
        self.canvas = canvas
        self.solved: list[bool] = []
        self.exact: list[bool] = []
        self.right, self.scored = 0, 0
        self.halted_at: list[int] = []

    def begin(self, asked: Sequence[tuple[str, int, Any]]) -> None:
        """A batch starts; rows of augmented tasks are passed over."""
        self.keys = [(row, (name, test)) for row, (name, test, one) in enumerate(asked) if one.index == 0]
        self.waiting = {row for row, _ in self.keys}

    def see(self, segment: Segment, last: bool) -> None:
        stopping = {row for row in self.waiting if last or segment.wants_to_halt[row]}
        self.halted_at += [segment.index] * len(stopping)
        self.waiting -= stopping
        if last:
            for row, key in self.keys:
                if key in self.answers:
                    self._compare(segment.states[row], self.answers[key])

    def _compare(self, state: Integer[np.ndarray, " seq"], answer: Grid) -> None:
        label = arc_canvas.to_canvas([answer], self.canvas)[0]
        counts = label != PAD
        right = (state == label) & counts
        self.solved.append(bool(np.array_equal(arc_canvas.crop(state[None])[0], answer)))
        self.exact.append(bool(right.sum() == counts.sum()))
        self.right += int(right.sum())
        self.scored += int(counts.sum())

    def summary(self, max_segments: int) -> dict[str, Any]:
        found: dict[str, Any] = {"max_segments": max_segments, "mean_segments": float(np.mean(self.halted_at))}
        if self.solved:
            found |= {
                "solve_rate": float(np.mean(self.solved)),
                "solve_rate_interval": wilson(sum(self.solved), len(self.solved)),
                "exact_accuracy": float(np.mean(self.exact)),
                "cell_accuracy": self.right / self.scored,
            }
        return found
