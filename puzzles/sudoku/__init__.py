"""Sudoku with boxes of 2x2, 2x3, 3x3 or 4x4 cells."""

from puzzles.sudoku.domain import BOXES, FEWEST, SYMBOLS, Sudoku, count_solutions

__all__ = ["BOXES", "FEWEST", "SYMBOLS", "Sudoku", "count_solutions"]
