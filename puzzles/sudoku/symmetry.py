"""The symmetry group of Sudoku: digits, bands, rows, stacks, columns and, for square boxes, the transpose.

Works on values (0 blank, 1..side). `num` below is puzzles, `cells` side * side.
"""

from dataclasses import dataclass
from math import factorial

import numpy as np
from jaxtyping import Bool, UInt8
from numba import njit

from puzzles.kernels import next_random, shuffle
from puzzles.sudoku.search import Board
from puzzles.symmetry import Symmetry


@dataclass(kw_only=True, slots=True)
class Symmetries:
    """One group element a puzzle: new[r, c] = digits[old[rows[r], cols[c]]], old first transposed where `transpose`."""

    rows: UInt8[np.ndarray, "num side"]
    cols: UInt8[np.ndarray, "num side"]
    digits: UInt8[np.ndarray, "num side+1"]  # digits[0] = 0
    transpose: Bool[np.ndarray, "num"]


@njit(cache=True, nogil=True)
def _draw_lines(state, group, line, lines):
    """Shuffles bands of `group` lines and the lines inside each."""
    bands = np.arange(len(lines) // group)
    shuffle(state, bands)
    for index in range(len(bands)):
        for offset in range(group):
            line[offset] = bands[index] * group + offset
        shuffle(state, line[:group])
        lines[index * group : (index + 1) * group] = line[:group]


@njit(cache=True, nogil=True)
def _draw(seeds, box_rows, box_cols, rows, cols, digits, transpose):
    side = box_rows * box_cols
    state = np.empty(1, np.uint64)
    line = np.empty(side, np.uint8)
    for index in range(len(seeds)):
        state[0] = seeds[index]
        _draw_lines(state, box_rows, line, rows[index])
        _draw_lines(state, box_cols, line, cols[index])
        for digit in range(side + 1):
            digits[index, digit] = digit
        shuffle(state, digits[index, 1:])
        transpose[index] = box_rows == box_cols and next_random(state) >> np.uint64(63) == 1


def draw(rng: np.random.Generator, num: int, board: Board) -> Symmetries:
    """Uniform elements of the group."""
    rows, cols = np.empty((2, num, board.side), np.uint8)
    digits = np.empty((num, board.side + 1), np.uint8)
    transpose = np.empty(num, bool)
    seeds = rng.integers(0, 1 << 64, num, dtype=np.uint64)
    _draw(seeds, board.box_rows, board.box_cols, rows, cols, digits, transpose)
    return Symmetries(rows=rows, cols=cols, digits=digits, transpose=transpose)


@njit(cache=True, nogil=True)
def _apply(grids, rows, cols, digits, transpose, out):
    side = rows.shape[1]
    for index in range(len(grids)):
        down, across = (1, side) if transpose[index] else (side, 1)
        for row in range(side):
            for col in range(side):
                value = grids[index, rows[index, row] * down + cols[index, col] * across]
                out[index, row * side + col] = digits[index, value]


def apply(symmetries: Symmetries, grids: UInt8[np.ndarray, "num cells"]) -> UInt8[np.ndarray, "num cells"]:
    out = np.empty_like(grids)
    _apply(grids, symmetries.rows, symmetries.cols, symmetries.digits, symmetries.transpose, out)
    return out


def order(board: Board) -> int:
    """Number of elements of the group, all of which act differently."""
    rows, cols = board.box_rows, board.box_cols
    lines = factorial(cols) * factorial(rows) ** cols * factorial(rows) * factorial(cols) ** rows
    return factorial(board.side) * lines * (2 if rows == cols else 1)


def as_symmetries(drawn: Symmetries) -> list[Symmetry]:
    """The same elements on token ids (padding 0, blank 1, digit d is d + 1), where they can be undone."""
    num, side = drawn.rows.shape
    found = []
    for i in range(num):
        cells = np.arange(side * side).reshape(side, side)
        cells = (cells.T if drawn.transpose[i] else cells)[drawn.rows[i]][:, drawn.cols[i]]
        tokens = np.concatenate([[0], drawn.digits[i].astype(np.int64) + 1])
        found.append(Symmetry(cells=cells.reshape(-1), tokens=tokens))
    return found
