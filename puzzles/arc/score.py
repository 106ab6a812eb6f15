"""Scores of ranked ARC answers, by the three rules in use, and the competition's submission.json.

The rules differ where a task has several tests. Say which one a figure follows:

- `all_tests`: a task counts when all its tests are right (ARC-AGI-2, the published HRM notebook);
- `mean_per_task`: the share of a task's tests that are right, mean over tasks (arc-agi-benchmarking, TRM);
- `share_of_outputs`: the share of all tests that are right (Kaggle).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from puzzles.arc.tasks import Grid, Task, read_grid
from puzzles.arc.vote import Candidate
from puzzles.atomic_write import write_text
from puzzles.errors import UserError
from puzzles.text_input import read_json

RULES = ("all_tests", "mean_per_task", "share_of_outputs")
PASSES = (1, 2, 5, 10, 100, 1000)
ATTEMPTS = ("attempt_1", "attempt_2")
NOTHING: Grid = np.zeros((1, 1), np.uint8)  # [[0]] holds the place of a test without a prediction
Answers = Mapping[str, Sequence[Sequence[Grid]]]  # task -> test -> attempts, the best first
Rankings = Mapping[str, Sequence[Sequence[Candidate]]]


def grids(rankings: Rankings) -> dict[str, list[list[Grid]]]:
    """The grids of ranked candidates."""
    return {name: [[one.grid for one in ranked] for ranked in tests] for name, tests in rankings.items()}


def score(answers: Answers, tasks: Sequence[Task], passes: Sequence[int] = PASSES) -> dict[str, dict[int, float]]:
    """{rule: {K: score in [0, 1]}}: a test is right when one of its first K answers is.

    Tasks without an entry are wrong. UserError for an answer to an unknown task or test, and for tasks whose
    outputs are not known.
    """
    known = {task.name: task for task in tasks}
    if not tasks:
        raise UserError("there are no tasks to score")
    for name in answers:
        if name not in known:
            raise UserError(f"answers to task {name}: there is no such task")
    ranks = [_ranks(task, answers.get(task.name, ())) for task in tasks]
    scores: dict[str, dict[int, float]] = {rule: {} for rule in RULES}
    for most in passes:
        right = [np.array(found) < most for found in ranks]
        scores["all_tests"][most] = float(np.mean([found.all() for found in right]))
        scores["mean_per_task"][most] = float(np.mean([found.mean() for found in right]))
        scores["share_of_outputs"][most] = float(np.concatenate(right).mean())
    return scores


def _ranks(task: Task, tests: Sequence[Sequence[Grid]]) -> list[float]:
    """Where the right answer stands among the answers to each test; infinity where it is missing."""
    if len(tests) not in (0, len(task.test)):
        raise UserError(f"answers to task {task.name}: {len(tests)} tests, the task has {len(task.test)}")
    found: list[float] = []
    for index, pair in enumerate(task.test):
        if pair.output is None:
            raise UserError(f"task {task.name}: test[{index}] has no known output: it cannot be scored")
        answers = tests[index] if tests else ()
        hits = [float(rank) for rank, grid in enumerate(answers) if np.array_equal(grid, pair.output)]
        found.append(min(hits, default=np.inf))
    if not found:
        raise UserError(f"task {task.name}: has no test pair")
    return found


def submission(rankings: Rankings, tasks: Sequence[Task]) -> dict[str, list[dict[str, list[list[int]]]]]:
    """The official form: {task: [{"attempt_1": rows, "attempt_2": rows}, ...]}, every task and test in its place.

    A single candidate is both attempts; a test without any gets [[0]] twice.
    """
    made = {}
    for task in tasks:
        tests = rankings.get(task.name, [[]] * len(task.test))
        if len(tests) != len(task.test):
            raise UserError(f"answers to task {task.name}: {len(tests)} tests, the task has {len(task.test)}")
        made[task.name] = []
        for ranked in tests:
            best = [one.grid for one in ranked[:2]] or [NOTHING]
            both = (best[0], best[-1])
            made[task.name].append({name: grid.tolist() for name, grid in zip(ATTEMPTS, both, strict=True)})
    return made


def write_submission(path: str | Path, rankings: Rankings, tasks: Sequence[Task]) -> None:
    """Write `submission` as a JSON file, which appears whole or not at all."""
    write_text(Path(path), json.dumps(submission(rankings, tasks)))


def read_submission(path: str | Path, tasks: Sequence[Task]) -> dict[str, list[list[Grid]]]:
    """The two attempts at every test of every task: what `score` takes.

    UserError in one line for a missing or unknown task, a missing attempt, too few or many tests, or a grid that is
    none.
    """
    content = read_json(Path(path))
    if not isinstance(content, dict):
        raise UserError(f"{path}: must be an object with an entry a task")
    names = {task.name for task in tasks}
    for name in content:
        if name not in names:
            raise UserError(f"{path}: task {name}: there is no such task")
    return {
        task.name: _read_task(f"{path}: task {task.name}", content.get(task.name), len(task.test)) for task in tasks
    }


def _read_task(where: str, tests: Any, num: int) -> list[list[Grid]]:
    if tests is None:
        raise UserError(f"{where}: is missing")
    if not isinstance(tests, list) or len(tests) != num:
        given = len(tests) if isinstance(tests, list) else type(tests).__name__
        raise UserError(f"{where}: must be a list of {num} tests, is {given}")
    found = []
    for index, attempts in enumerate(tests):
        if not isinstance(attempts, dict):
            raise UserError(f"{where}[{index}]: must be an object with {' and '.join(ATTEMPTS)}")
        for name in ATTEMPTS:
            if name not in attempts:
                raise UserError(f"{where}[{index}]: {name} is missing")
        found.append([read_grid(f"{where}[{index}].{name}", attempts[name]) for name in ATTEMPTS])
    return found
