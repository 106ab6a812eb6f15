"""Puzzles with generators, exact solvers, symmetries and rule checks; numpy in and out, no torch."""

from puzzles import splits
from puzzles.base import Puzzle, Verdict, rng
from puzzles.registry import get, names

__all__ = ["Puzzle", "Verdict", "get", "names", "rng", "splits"]
