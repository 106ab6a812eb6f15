"""Rows and attempts as .npz files: plain arrays without pickles, renamed into place when complete."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from puzzles.atomic_write import atomic_write
from puzzles.errors import UserError
from puzzles.steps.rows import COLUMNS, StepRows, StepTrajectories, check_shapes
from puzzles.text_input import foreign_kind

ATTEMPT_COLUMNS = ("starts", "outcome", "error")


def save(path: str | Path, examples: StepRows | StepTrajectories) -> None:
    """Writes the examples; what was at `path` is replaced at once or not at all."""
    rows = examples.rows if isinstance(examples, StepTrajectories) else examples
    columns: dict[str, Any] = {name: getattr(rows, name) for name in COLUMNS}
    columns["sources"] = np.array(rows.sources, np.str_)
    if isinstance(examples, StepTrajectories):
        columns |= {name: getattr(examples, name) for name in ATTEMPT_COLUMNS}
    with atomic_write(Path(path), binary=True) as file:
        np.savez_compressed(file, **columns)


def load_rows(path: str | Path) -> StepRows:
    """The rows of a file. UserError of one line for a file that is missing, damaged or something else."""
    return _rows(Path(path), _read(Path(path), (*COLUMNS, "sources")))


def load_trajectories(path: str | Path) -> StepTrajectories:
    """The attempts of a file. UserError of one line for a file that is missing, damaged or something else."""
    path = Path(path)
    columns = _read(path, (*COLUMNS, "sources", *ATTEMPT_COLUMNS))
    rows = _rows(path, columns)
    try:
        for name, kind in (("starts", np.int64), ("outcome", np.bool_), ("error", np.int64)):
            _check(columns[name], name, kind, 1)
        return StepTrajectories(rows=rows, **{name: columns[name] for name in ATTEMPT_COLUMNS})
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _rows(path: Path, columns: dict[str, np.ndarray]) -> StepRows:
    try:
        for name, (kind, axes) in KINDS.items():
            _check(columns[name], name, kind, axes)
        check_shapes(columns)
        sources = tuple(map(str, columns["sources"].tolist()))
        return StepRows(**{name: columns[name] for name in COLUMNS}, sources=sources)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


KINDS: dict[str, tuple[Any, int]] = {
    "problem": (np.uint8, 2),
    "before": (np.uint8, 2),
    "after": (np.uint8, 2),
    "left": (np.int32, 1),
    "span": (np.uint8, 1),
    "label": (np.float32, 1),
    "group": (np.int64, 1),
    "source": (np.uint8, 1),
    "sources": (np.str_, 1),
}


def _check(column: np.ndarray, name: str, kind: Any, axes: int) -> None:
    if column.ndim != axes or not np.issubdtype(column.dtype, kind):
        raise UserError(f"{name} is {column.dtype} with {column.ndim} axes: must be {np.dtype(kind)} with {axes}")


def _read(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as stream:
            start = stream.read(64)
        if not start.startswith(b"PK") and (kind := foreign_kind(start)):  # an npz file is a zip archive
            raise UserError(kind)
        with path.open("rb") as stream, np.lib.npyio.NpzFile(stream, allow_pickle=False) as file:
            if missing := set(names) - set(file.files):
                raise UserError(f"has no {', '.join(sorted(missing))}")
            return {name: file[name] for name in names}
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: is not a file of steps ({' '.join(str(error).split())})") from None
