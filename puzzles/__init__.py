"""Puzzles with generators, exact solvers, symmetries and rule checks; numpy in and out, no torch."""

from importlib import import_module
from typing import Any

from puzzles import splits
from puzzles.base import Puzzle, Verdict, rng
from puzzles.registry import get, names

__all__ = ["Puzzle", "Verdict", "get", "names", "rng", "splits"]


def __getattr__(name: str) -> Any:
    """`puzzles.sudoku` without an import statement of its own; its kernels load when it is first touched."""
    if name in names():
        return import_module(f"puzzles.{name}")
    raise AttributeError(f"module 'puzzles' has no attribute {name!r}")
