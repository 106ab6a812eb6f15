"""Puzzles by name."""

from collections.abc import Callable
from typing import Any

from puzzles.base import Puzzle
from puzzles.errors import UserError


def _arc() -> Any:
    from puzzles.arc.domain import Arc

    return Arc


def _sudoku() -> Any:
    from puzzles.sudoku.domain import Sudoku

    return Sudoku


def _maze() -> Any:
    from puzzles.maze.domain import Maze

    return Maze


# Each domain is imported when it is asked for: one domain's kernels do not delay another's start.
_CLASSES: dict[str, Callable[[], Any]] = {"arc": _arc, "maze": _maze, "sudoku": _sudoku}


def names() -> list[str]:
    """What `get` knows."""
    return sorted(_CLASSES)


def get(name: str, **options: Any) -> Puzzle:
    """The puzzle `name` built with `options`; ValueError that lists what is allowed."""
    if name not in _CLASSES:
        raise UserError(f"puzzle={name}: must be one of {', '.join(names())}")
    puzzle_class = _CLASSES[name]()
    unknown = sorted(set(options) - set(puzzle_class.OPTIONS))
    if unknown:
        allowed = ", ".join(puzzle_class.OPTIONS)
        raise UserError(f"puzzle.{unknown[0]}={options[unknown[0]]}: {name} has the options {allowed}")
    return puzzle_class(**options)
