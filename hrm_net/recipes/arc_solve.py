"""`hrm-solve` for ARC: real tasks answered by votes over their augmentations, and grids of procedural families.

Such a model knows a task, or a family, by its identifier only: it sees no demonstration when it answers.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer
from torch import nn

from hrm_net.data import arc_tasks as arc_data
from hrm_net.data.arc_batches import task_rows
from hrm_net.evaluation.arc import evaluate_tasks
from hrm_net.recipes.arc import canvas_of
from hrm_net.recipes.arc_evaluation import Loaded
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.model_source import ModelSource
from puzzles.arc.score import submission
from puzzles.arc.tasks import NAMED, Pair, Task, load_tasks
from puzzles.base import Puzzle
from puzzles.errors import UserError

FEW = 5  # names that stand for all


def asked_tasks(text: str, trained: TrainConfig) -> tuple[Loaded, list[Task]]:
    """All tasks of the run, and of them the one of that name, or those of a source that `load_tasks` takes.

    UserError in one line for a task that it does not, or that it learned from other demonstrations.
    """
    loaded = arc_data.load_of(trained.data)
    known = {task.name: task for tasks in loaded for task in tasks}
    if text in known:
        found = [known[text]]
    elif text in NAMED or _exists(text):
        found = load_tasks(text)
    else:
        raise UserError(f"{text!r}: no such file, and no task of this run: {_only(known)}")
    for task in found:
        if task.name not in known:
            raise UserError(f"{text}: task {task.name} is not one of this run: {_only(known)}")
        if not set(map(_cells, task.train)) <= set(map(_cells, known[task.name].train)):
            raise UserError(f"{text}: task {task.name} has other demonstrations than the run learned it from")
        if not task.test:
            raise UserError(f"{text}: task {task.name} has no test")
    arc_data.check_canvas(found, canvas_of(trained))
    return loaded, found


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long a name, or no name at all
        return False


def _only(known: dict[str, Task]) -> str:
    more = f" and {len(known) - FEW:,} more" if len(known) > FEW else ""
    return f"such a model knows a task by its identifier only, and this one {', '.join(sorted(known)[:FEW])}{more}"


def _cells(pair: Pair) -> tuple[Any, ...]:
    assert pair.output is not None
    return pair.input.shape, pair.input.tobytes(), pair.output.shape, pair.output.tobytes()


def answers(
    model: nn.Module,
    trained: TrainConfig,
    tasks: Sequence[Task],
    *,
    loaded: Loaded | None = None,
    augmentations: int | None = None,
    max_segments: int = 16,
    batch_size: int = 64,
    seed: int = 0,
    progress: bool = False,
) -> Iterator[dict[str, Any]]:
    """The result of each test, ready for JSON. The task as it is and up to `augmentations` of it vote, by default
    all that were trained on.

    `answer`, the grid with most votes, is null where no vote is for a grid; `attempts` are the two that a submission
    makes. `asked` counts those that could vote, `segments` what each of them took. `solved`: the answer is right; null
    where the right one is not known. `trained_on`: the task's tests were part of the training.
    """
    for name, value, bound in (
        ("augmentations", augmentations, 0), ("max_segments", max_segments, 1), ("batch_size", batch_size, 1)
    ):  # fmt: skip
        if value is not None and value < bound:
            raise UserError(f"{name}={value}: must be at least {bound}")
    rows = task_rows(trained.data, loaded, canvas=canvas_of(trained), seed=trained.seed).with_tests(tasks)
    places = {group.name: place for place, group in enumerate(rows.groups)}
    questions = rows.questions(augmentations, tasks=[places[task.name] for task in tasks])
    rankings, _ = evaluate_tasks(
        model, questions, tasks, max_segments=max_segments, batch_size=min(batch_size, len(questions)), seed=seed,
        progress=progress,
    )  # fmt: skip
    attempts = submission(rankings, tasks)
    for task in tasks:
        place = places[task.name]
        for test, pair in enumerate(task.test):
            best = next(iter(rankings[task.name][test]), None)
            right = best is not None and pair.output is not None and np.array_equal(best.grid, pair.output)
            yield {
                "task": task.name,
                "test": test,
                "answer": None if best is None else best.grid.tolist(),
                "attempts": list(attempts[task.name][test].values()),
                "votes": 0 if best is None else best.votes,
                "asked": int(((questions.tasks == place) & (questions.tests == test)).sum()),
                "confidence": 0.0 if best is None else round(best.confidence, 6),
                "segments": max_segments,
                "solved": None if pair.output is None else right,
                "trained_on": place < rows.num_training,
            }


def line(result: dict[str, Any]) -> str:
    """One test in words."""
    answer = "-" if result["answer"] is None else grid_text(np.array(result["answer"]))
    verdict = {None: "", True: "solved", False: "not solved"}[result["solved"]]
    parts = [
        f"{result['task']}[{result['test']}]", answer, verdict, f"{result['votes']} of {result['asked']} votes",
        f"confidence {100 * result['confidence']:.1f} %", "trained on" if result["trained_on"] else "",
    ]  # fmt: skip
    return "  ".join(part for part in parts if part)


def grid_text(grid: Integer[np.ndarray, "_ _"]) -> str:
    """Rows of digits joined by /."""
    return "/".join("".join(map(str, row)) for row in grid.tolist())


def family_identifier(family: str | None, puzzle: Puzzle, source: ModelSource) -> int:
    """The identifier by which a model trained on procedural families knows one; UserError for any other model."""
    if family is None:
        raise UserError(
            f"{source.path}: hrm-solve cannot tell from a grid which family is meant; give --family, one of "
            f"{', '.join(puzzle.families[:FEW])}, ..."
        )
    identifier = puzzle.puzzle_identifier(family=family)
    num = (source.load().config if source.config is None else source.config.model).num_puzzle_ids
    if num != puzzle.num_puzzle_ids or (source.config is not None and source.config.data.path is not None):
        raise UserError(f"--family {family}: {source.path} was not trained on families: it has {num:,} identifiers")
    return identifier
