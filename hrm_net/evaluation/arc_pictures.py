"""Pictures of ARC answers: what was shown, asked and answered segment by segment, and the two grids with most votes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from hrm_net.evaluation.arc import Rankings, question_batch
from hrm_net.inference.segments import run_segments
from puzzles.arc.canvas import crop
from puzzles.arc.rows import Questions
from puzzles.arc.tasks import Grid, Task

MOST = 3  # tasks that are drawn


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
    shown = most_telling(tasks, rankings)
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


def most_telling(tasks: Sequence[Task], rankings: Rankings, most: int = MOST) -> list[Task]:
    """Tasks whose first test is right within two tries come first."""

    def wrong(task: Task) -> bool:
        answer = task.test[0].output
        tries = rankings[task.name][0][:2]
        return answer is None or not any(np.array_equal(one.grid, answer) for one in tries)

    return sorted(tasks, key=wrong)[:most]


def _by_segment(
    model: nn.Module, questions: Questions, tasks: Sequence[Task], max_segments: int, batch_size: int
) -> dict[str, list[Grid]]:
    """What each task as it is was answered after every segment, on its first test."""
    names = [group.name for group in questions.rows.groups]
    first = (questions.tests == 0) & (questions.augmentations == 0)
    rows = [int(np.flatnonzero(first & (questions.tasks == names.index(task.name)))[0]) for task in tasks]
    inputs = np.concatenate([questions.inputs(slice(row, row + 1)) for row in rows])
    batch = question_batch(inputs, questions.puzzle_identifiers[rows], batch_size)
    steps = [crop(step.states[: len(rows)]) for step in run_segments(model, batch, max_segments)]
    return {task.name: [step[row] for step in steps] for row, task in enumerate(tasks)}


def _safe(name: str) -> str:
    """The name as part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
