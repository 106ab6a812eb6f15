"""Canonical Sudoku grids by enumeration: all orders of columns, and of rows as far as the best grid so far allows."""

from functools import cache
from itertools import permutations, product

import numpy as np
from jaxtyping import Int32, UInt8
from numba import njit

from puzzles.errors import UserError
from puzzles.sudoku.search import Board


@cache
def _line_orders(side: int, group: int) -> tuple[UInt8[np.ndarray, "orders side"], Int32[np.ndarray, "orders side"]]:
    """All orders of lines that keep bands of `group` lines together, in lexicographic order, and the skip table.

    skip[i, k]: the next order that differs from order i in its first k + 1 lines.
    """
    bands = permutations(range(side // group))
    inner = list(permutations(range(group)))
    orders = sorted(
        sum((tuple(band * group + line for line in lines) for band, lines in zip(chosen, inside, strict=True)), ())
        for chosen in bands
        for inside in product(inner, repeat=side // group)
    )
    table = np.array(orders, np.uint8)
    skip = np.full(table.shape, len(table), np.int32)
    for index in range(len(table) - 2, -1, -1):
        same = np.logical_and.accumulate(table[index] == table[index + 1])
        skip[index] = np.where(same, skip[index + 1], index + 1)
    return table, skip


@njit(cache=True, nogil=True)
def _compare_row(grid, row, down, across, order, labels, used, best, depth):
    """Numbers one row's digits by first appearance and compares it to best's: (-1 smaller, 0, 1 larger), digits used.

    A smaller row is written to best, and all after it set to 255.
    """
    side = len(order)
    smaller = False
    for col in range(side):
        value = grid[row * down + order[col] * across]
        code = 0
        if value:
            if labels[value] == 0:
                used += 1
                labels[value] = used
            code = labels[value]
        place = depth * side + col
        if not smaller:
            if code > best[place]:
                return 1, used
            if code < best[place]:
                smaller = True
                best[place:] = 255
        if smaller:
            best[place] = code
    return (-1 if smaller else 0), used


@njit(cache=True, nogil=True)
def _canonical(grids, row_orders, skip, col_orders, square, out):
    side = row_orders.shape[1]
    labels = np.empty(side + 1, np.uint8)
    for index in range(len(grids)):
        grid = grids[index]
        best = out[index]
        best[:] = 255
        for flip in range(2 if square else 1):
            down, across = (1, side) if flip else (side, 1)
            for order in col_orders:
                choice = 0
                while choice < len(row_orders):
                    labels[:] = 0
                    used = 0
                    following = choice + 1
                    for depth in range(side):
                        compared, used = _compare_row(
                            grid, row_orders[choice, depth], down, across, order, labels, used, best, depth
                        )
                        if compared > 0:
                            following = skip[choice, depth]
                            break
                    choice = following


def canonical(grids: UInt8[np.ndarray, "num cells"], board: Board) -> UInt8[np.ndarray, "num cells"]:
    """The lexicographically smallest symmetric grid, blanks before digits. Boards up to 9x9 (UserError above)."""
    if board.side > 9:
        raise UserError(f"box={board.box_rows}x{board.box_cols}: canonical forms are computed up to 9x9")
    row_orders, skip = _line_orders(board.side, board.box_rows)
    col_orders, _ = _line_orders(board.side, board.box_cols)
    out = np.empty_like(grids)
    _canonical(grids, row_orders, skip, col_orders, board.box_rows == board.box_cols, out)
    return out
