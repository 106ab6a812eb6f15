"""A cheap hash that symmetric Sudoku grids share: colour refinement that treats rows and columns alike."""

from functools import cache

import numpy as np
from jaxtyping import UInt8, UInt64
from numba import njit

from puzzles.kernels import count
from puzzles.sudoku.search import Board

ROUNDS = 4


@njit(cache=True, nogil=True)
def mix(value):
    """A bijection of uint64 that scatters bits (Stafford's variant 13)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True)
def _segment_colours(masks, side, per_line, group, overlaps, colours):
    """Colour of every line segment inside a box, from how many digits it shares with each other segment.

    masks[line * per_line + box]: digits of that segment; overlaps[relation, shared digits]: random constants.
    """
    total = side * per_line
    for first in range(total):
        colours[first] = overlaps[3, count(masks[first])]
    for first in range(total):
        for second in range(first):
            same_band = first // per_line // group == second // per_line // group
            same_stack = first % per_line == second % per_line
            if (same_band and same_stack) or first // per_line == second // per_line:
                continue
            relation = 0 if same_band else 1 if same_stack else 2
            constant = overlaps[relation, count(masks[first] & masks[second])]
            colours[first] += constant
            colours[second] += constant


@njit(cache=True, nogil=True)
def _spread(rows, cols, boxes, box_rows, box_cols):
    """Gives each row its band's colour, each column its stack's, each box both."""
    side = len(rows)
    for band in range(side // box_rows):
        total = np.uint64(0)
        for line in range(band * box_rows, (band + 1) * box_rows):
            total += rows[line]
        total = mix(total)
        for line in range(band * box_rows, (band + 1) * box_rows):
            rows[line] = mix(rows[line] + total)
        for box in range(band * box_rows, (band + 1) * box_rows):
            boxes[box] += total
    for stack in range(side // box_cols):
        total = np.uint64(0)
        for line in range(stack * box_cols, (stack + 1) * box_cols):
            total += cols[line]
        total = mix(total)
        for line in range(stack * box_cols, (stack + 1) * box_cols):
            cols[line] = mix(cols[line] + total)
        for band in range(side // box_rows):
            boxes[band * box_rows + stack] += total


@njit(cache=True, nogil=True)
def _first_colours(grid, box_rows, box_cols, overlaps, colours):
    """A colour for each clue from the digits shared between the line segments it lies in and the others."""
    side = box_rows * box_cols
    across, down = side // box_cols, side // box_rows  # boxes in a row, boxes in a column
    row_masks = np.zeros(side * across, np.uint32)
    col_masks = np.zeros(side * down, np.uint32)
    row_segments = np.empty(side * across, np.uint64)
    col_segments = np.empty(side * down, np.uint64)
    for cell in range(side * side):
        if grid[cell]:
            row, col = cell // side, cell % side
            bit = np.uint32(1 << grid[cell])
            row_masks[row * across + col // box_cols] |= bit
            col_masks[col * down + row // box_rows] |= bit
    _segment_colours(row_masks, side, across, box_rows, overlaps, row_segments)
    _segment_colours(col_masks, side, down, box_cols, overlaps, col_segments)
    for cell in range(side * side):
        row, col = cell // side, cell % side
        of_row = row_segments[row * across + col // box_cols]
        of_col = col_segments[col * down + row // box_rows]
        colours[cell] = mix(of_row) + mix(of_col)


@njit(cache=True, nogil=True)
def _refine(grid, first, box_rows, box_cols, lines):
    """One round: clues mix the colours of their lines and give theirs back. lines: of rows, columns, boxes, digits."""
    side = box_rows * box_cols
    new = np.zeros((4, side), np.uint64)
    for cell in range(side * side):
        if grid[cell]:
            row, col, digit = cell // side, cell % side, grid[cell] - 1
            box = row // box_rows * box_rows + col // box_cols
            both = (lines[0, row] + lines[1, col]) * np.uint64(0x9E3779B97F4A7C15)
            other = lines[3, digit] ^ lines[2, box] * np.uint64(0xD6E8FEB86659FD93)
            colour = mix(first[cell] + both + other)
            new[0, row] += colour
            new[1, col] += colour
            new[2, box] += colour
            new[3, digit] += colour
    for kind in range(4):
        for line in range(side):
            lines[kind, line] = mix(new[kind, line])
    _spread(lines[0], lines[1], lines[2], box_rows, box_cols)


@njit(cache=True, nogil=True)
def _invariant(grids, box_rows, box_cols, overlaps, out):
    side = box_rows * box_cols
    first = np.empty(side * side, np.uint64)
    lines = np.empty((4, side), np.uint64)
    for index in range(len(grids)):
        _first_colours(grids[index], box_rows, box_cols, overlaps, first)
        lines[:] = 1
        for _ in range(ROUNDS):
            _refine(grids[index], first, box_rows, box_cols, lines)
        total = np.uint64(0)
        for line in range(side):
            total += lines[0, line] + lines[1, line] + mix(lines[2, line]) + mix(lines[3, line] + np.uint64(1))
        out[index] = mix(total)


@cache
def overlap_constants() -> UInt64[np.ndarray, "4 33"]:
    return np.random.Generator(np.random.PCG64(0)).integers(0, 1 << 64, (4, 33), dtype=np.uint64)


def invariant(grids: UInt8[np.ndarray, "num cells"], board: Board) -> UInt64[np.ndarray, "num"]:
    """Equal for symmetric grids; others nearly always differ, but for grids with almost no clue or almost no blank."""
    out = np.empty(len(grids), np.uint64)
    _invariant(grids, board.box_rows, board.box_cols, overlap_constants(), out)
    return out
