"""Puzzles with generators, exact solvers, symmetries and rule checks; numpy in and out, no torch."""

from puzzles.base import Puzzle, Verdict, get, names, rng

__all__ = ["Puzzle", "Verdict", "get", "names", "rng"]
