"""The real ARC tasks that a run trains on and is evaluated on (`data.tasks`, `data.evaluation_tasks`): loaded, checked,
counted and hashed."""

import hashlib
import sys
from collections.abc import Sequence
from functools import lru_cache

from hrm_net.data.config import DataConfig
from puzzles.arc.tasks import NAMED, Broken, Grid, Task, load_tasks, read_tasks
from puzzles.errors import UserError

Tasks = list[Task]


def load(tasks: Sequence[str], evaluation_tasks: Sequence[str], broken: Broken = "refuse") -> tuple[Tasks, Tasks]:
    """(training, evaluation): the tasks of all sources, in the order given.

    With broken="skip", what is left out of a source is told in a line on standard error. UserError in one line, with
    the key and the source, for what is not a source of tasks; for a task that is there twice, and for an evaluation
    task without a test.
    """
    training, evaluation = (
        [task for source in sources for task in _read(key, source, broken)]
        for key, sources in (("data.tasks", tasks), ("data.evaluation_tasks", evaluation_tasks))
    )
    seen: set[str] = set()
    for key, found in (("data.tasks", training), ("data.evaluation_tasks", evaluation)):
        for task in found:
            if task.name in seen:
                raise UserError(f"{key}: task {task.name} is there twice: a task is trained on, or evaluated, once")
            seen.add(task.name)
    for task in evaluation:
        if not task.test:
            raise UserError(f"data.evaluation_tasks: task {task.name} has no test")
    return training, evaluation


def load_of(config: DataConfig) -> tuple[Tasks, Tasks]:
    """(training, evaluation): the tasks that `config` names. UserError where they are not those with its hash."""
    training, evaluation = load(config.tasks, config.evaluation_tasks, config.broken)
    found = digest(training, evaluation)
    if config.sha256 not in (None, found):
        sources = ", ".join([*config.tasks, *config.evaluation_tasks])
        raise UserError(f"data.sha256={config.sha256}: the tasks in {sources} have changed: {found}")
    return training, evaluation


def _read(key: str, source: str, broken: Broken) -> Tasks:
    try:
        if source in NAMED:
            return list(_published(source))
        found = read_tasks(source, broken=broken)
    except UserError as error:
        reason = str(error)
        named = reason.startswith(f"{source}:")
        raise UserError(f"{key}={reason}" if named else f"{key}={source}: {reason}") from None
    if found.faults:
        print(f"{key}={found.skipped()}", file=sys.stderr)
    return found.tasks


@lru_cache
def _published(name: str) -> tuple[Task, ...]:
    return tuple(load_tasks(name))


def check_canvas(tasks: Sequence[Task], canvas: int) -> None:
    """UserError that names the first task that is larger than the canvas."""
    from puzzles.arc.canvas import too_large  # its kernels load when they are needed

    for task in tasks:
        if reason := too_large(task, canvas):
            raise UserError(f"puzzle.canvas={canvas}: {reason}")


def num_identifiers(num_tasks: int, augmentations: int) -> int:
    """Rows of the puzzle table: the blank one, and each task as it is and under every augmentation asked for.

    A bound that needs no drawing: a task with few colours or symmetric grids has fewer augmentations that differ, and
    the last rows then stay unused.
    """
    return 1 + num_tasks * (1 + augmentations)


def digest(training: Sequence[Task], evaluation: Sequence[Task]) -> str:
    """A hash of all that identifiers, augmentations and training rows come from, in order.

    The answers to evaluation tasks are not part of it: they may become known later.
    """
    hashed = hashlib.sha256()
    for role, tasks in (("training", training), ("evaluation", evaluation)):
        for task in tasks:
            hashed.update(repr((role, task.name, len(task.train), len(task.test))).encode())
            for pair in task.train:
                _update(hashed, pair.input, pair.output)
            for pair in task.test:
                _update(hashed, pair.input, pair.output if role == "training" else None)
    return hashed.hexdigest()


def _update(hashed, *grids: Grid | None) -> None:
    for grid in grids:
        hashed.update(b"none" if grid is None else repr(grid.shape).encode() + grid.tobytes())
