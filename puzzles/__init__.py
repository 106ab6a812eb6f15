"""Puzzles with generators, exact solvers, symmetries and rule checks; NumPy in and out, no torch."""

from importlib import import_module
from typing import Any

from puzzles import splits
from puzzles.base import Puzzle, Verdict, rng
from puzzles.errors import UserError
from puzzles.registry import DOMAINS, get, names, register

__all__ = ["Puzzle", "UserError", "Verdict", "get", "names", "register", "rng", "splits"]


def __getattr__(name: str) -> Any:
    """`puzzles.sudoku` without an import statement of its own; its kernels load when it is first touched."""
    if name in DOMAINS:
        return import_module(f"puzzles.{name}")
    raise AttributeError(f"module 'puzzles' has no attribute {name!r}")
