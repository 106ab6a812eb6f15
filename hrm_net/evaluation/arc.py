"""Evaluates a model on the tests of real ARC tasks as the competitions do, by votes over augmentations; draws answers.

Questions stream through the model; only the counts of its answer grids are kept.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from torch import nn

import puzzles
from hrm_net.data.puzzle_sets import IGNORE, PAD
from hrm_net.distributed.group import Group, current
from hrm_net.evaluation.metrics import wilson
from hrm_net.inference.segments import Batch, Segment, run_segments, sigmoid, skip_segments
from hrm_net.progress import Progress
from puzzles.arc import canvas as arc_canvas
from puzzles.arc.rows import Questions
from puzzles.arc.score import grids, score
from puzzles.arc.tasks import Grid, Task
from puzzles.arc.vote import Candidate, Votes

MOST_PICTURES = 3  # tasks that are drawn
Rankings = dict[str, list[list[Candidate]]]


def evaluate_tasks(
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
    """(candidates of every test by votes, then confidence; metrics ready for JSON).

    `tasks` hold the answers to the questions. If all of them are known: `scores` {rule: {K: share}} (see
    puzzles.arc.score); and for the tasks as they are, in one pass without any vote: `solve_rate` (the grid is right)
    with its 95 % interval, `exact_accuracy` (every cell of the canvas that counts), `cell_accuracy`. `mean_segments`:
    where the halting head would stop. `no_grid`: answers without a cell in the corner, which do not vote.
    """
    votes, single = Votes(), _SinglePass(tasks, questions.rows.canvas)
    seconds = 0.0
    generator = torch.Generator().manual_seed(int(puzzles.rng(seed, "evaluation noise").integers(2**62)))
    group = current()
    total = max_segments * -(-len(questions) // (batch_size * group.size))
    with Progress(f"evaluating {len(tasks)} tasks", total, unit="segments", transient=True, shown=progress) as bar:
        for start in range(0, len(questions), batch_size * group.size):
            for part, answers in _answered(
                model, questions, start, max_segments, batch_size, generator, device, bar.advance, group
            ):
                asked = list(questions.votes_for(part))
                single.start_batch(asked)
                for segment in answers.segments():
                    single.add(segment, segment.index == max_segments)
                names, tests, augmentations = zip(*asked, strict=True)
                states, confidence = answers.states[: len(asked)], sigmoid(answers.q_halt[: len(asked)])
                votes.add(names, tests, augmentations, states, confidence)
                seconds += answers.seconds / group.size
    rankings = votes.rankings((one.name, len(one.test)) for one in tasks)
    metrics = {
        "puzzles": sum(len(one.test) for one in tasks),
        "tasks": len(tasks),
        "questions": len(questions),
        **single.summary(max_segments),
        "no_grid": votes.empty,
        "seconds": seconds,
        "questions_per_second": len(questions) / seconds,
    }
    if all(pair.output is not None for one in tasks for pair in one.test):
        found = score(grids(rankings), tasks)
        metrics["scores"] = {rule: {str(most): share for most, share in row.items()} for rule, row in found.items()}
    return rankings, metrics


@dataclass(kw_only=True, slots=True)
class _Answers:
    """What a batch of questions was answered with after its last segment, and which rows wanted to halt after each."""

    states: Integer[np.ndarray, "batch seq"]
    q_halt: Float[np.ndarray, " batch"]
    wants_to_halt: list[Bool[np.ndarray, " batch"]]
    seconds: float

    def segments(self) -> Iterator[Segment]:
        """The segments, each with the last states."""
        for index, wants in enumerate(self.wants_to_halt, start=1):
            yield Segment(index=index, states=self.states, q_halt=self.q_halt, wants_to_halt=wants)


def _answered(
    model: nn.Module, questions: Questions, start: int, max_segments: int, batch_size: int, generator: torch.Generator,
    device: torch.device | str | None, advance: Callable[[], None], group: Group,
) -> list[tuple[slice, _Answers]]:  # fmt: skip
    """The next batches from question `start` on, one for each process as far as there are questions, in order; every
    process gets the answers to all of them."""
    parts = [slice(at, min(at + batch_size, len(questions))) for at in range(start, len(questions), batch_size)]
    own = None
    for number, part in enumerate(parts[: group.size]):
        if not group.owns(number):
            skip_segments(model, batch_size, max_segments, generator)
            continue
        batch = question_batch(questions.inputs(part), questions.puzzle_identifiers[part], batch_size)
        started, wants = time.perf_counter(), []
        last = None
        for last in run_segments(model, batch, max_segments, device=device, generator=generator):
            wants.append(last.wants_to_halt)
            advance()
        assert last is not None
        own = _Answers(
            states=last.states, q_halt=last.q_halt, wants_to_halt=wants, seconds=time.perf_counter() - started
        )
    every = [answers for answers in group.gather_objects(own) if answers is not None]
    return list(zip(parts, every, strict=False))


def question_batch(
    inputs: Integer[np.ndarray, "num seq"], identifiers: Integer[np.ndarray, " num"], batch_size: int
) -> Batch:
    """A batch without answers, always of `batch_size` rows, the last one repeated, so that a compiled model sees one
    shape."""
    rows = np.minimum(np.arange(batch_size), len(inputs) - 1)
    labels = np.full((batch_size, inputs.shape[1]), IGNORE, np.int32)
    return {"inputs": inputs[rows], "labels": labels, "puzzle_identifiers": identifiers[rows]}


class _SinglePass:
    """Metrics of the tasks as they are: one question each, one pass, no votes."""

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

    def start_batch(self, asked: Sequence[tuple[str, int, Any]]) -> None:
        """The rows of the batch that ask a task as it is; those of augmented tasks are ignored."""
        self.keys = [(row, (name, test)) for row, (name, test, one) in enumerate(asked) if one.index == 0]
        self.waiting = {row for row, _ in self.keys}

    def add(self, segment: Segment, last: bool) -> None:
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


def write_pictures(
    model: nn.Module,
    questions: Questions,
    tasks: Sequence[Task],
    rankings: Rankings,
    directory: Path,
    *,
    max_segments: int,
    batch_size: int,
) -> list[Path]:
    """task_NAME.png and votes_NAME.png of the first test of a few tasks: those answered right, then the first ones."""
    from puzzles.arc.drawing import render_task, render_votes

    directory.mkdir(parents=True, exist_ok=True)
    shown = tasks_to_draw(tasks, rankings)
    predictions = _by_segment(model, questions, shown, max_segments, batch_size)
    paths = []
    for task in shown:
        steps = predictions[task.name]
        chosen = [step for step in (1, 2, 4, 8, 16, 32) if step < len(steps)] + [len(steps)]
        shows = [(pair.input, pair.output) for pair in task.train if pair.output is not None]
        test = task.test[0]
        captions = [f"segment {step}" for step in chosen]
        sheet = render_task(shows, test.input, test.output, [steps[step - 1] for step in chosen], captions)
        ranked = [(one.grid, one.votes, one.confidence) for one in rankings[task.name][0]]
        ballot = render_votes(test.input, test.output, ranked)
        for kind, image in (("task", sheet), ("votes", ballot)):
            paths.append(directory / f"{kind}_{_safe(task.name)}.png")
            image.save(paths[-1])
    return paths


def tasks_to_draw(tasks: Sequence[Task], rankings: Rankings, most: int = MOST_PICTURES) -> list[Task]:
    """At most `most` tasks; those whose first test is right within two tries come first."""

    def wrong(task: Task) -> bool:
        answer = task.test[0].output
        tries = rankings[task.name][0][:2]
        return answer is None or not any(np.array_equal(one.grid, answer) for one in tries)

    return sorted(tasks, key=wrong)[:most]


def _by_segment(
    model: nn.Module, questions: Questions, tasks: Sequence[Task], max_segments: int, batch_size: int
) -> dict[str, list[Grid]]:
    """The answer to the first test of each task, not augmented, after every segment."""
    names = [group.name for group in questions.rows.groups]
    first = (questions.tests == 0) & (questions.augmentations == 0)
    rows = [int(np.flatnonzero(first & (questions.tasks == names.index(task.name)))[0]) for task in tasks]
    inputs = np.concatenate([questions.inputs(slice(row, row + 1)) for row in rows])
    batch = question_batch(inputs, questions.puzzle_identifiers[rows], batch_size)
    steps = [arc_canvas.crop(step.states[: len(rows)]) for step in run_segments(model, batch, max_segments)]
    return {task.name: [step[row] for step in steps] for row, task in enumerate(tasks)}


def _safe(name: str) -> str:
    """The name as part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
