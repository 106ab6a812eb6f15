"""The symmetry group of Sudoku: digits, bands, rows, stacks, columns and, for square boxes, the transpose.

Works on values (0 blank, 1..side). `num` below is puzzles, `cells` side * side.
"""

from dataclasses import dataclass
from functools import cache
from itertools import permutations, product

import numpy as np
from jaxtyping import Bool, UInt8, UInt64
from numba import njit

from puzzles.sudoku_search import Board, next_random, shuffle


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


@njit(cache=True, nogil=True)
def _mix(value):
    """A bijection of uint64 that scatters bits (Stafford's variant 13)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True)
def _popcount(mask):
    count = 0
    while mask:
        mask &= mask - np.uint32(1)
        count += 1
    return count


@njit(cache=True, nogil=True)
def _segment_colours(masks, side, per_line, group, overlaps, colours):
    """Colour of every line segment inside a box, from how many digits it shares with each other segment.

    masks[line * per_line + box]: digits of that segment; overlaps[relation, shared digits]: random constants.
    """
    total = side * per_line
    for first in range(total):
        colours[first] = overlaps[3, _popcount(masks[first])]
    for first in range(total):
        for second in range(first):
            same_band = first // per_line // group == second // per_line // group
            same_stack = first % per_line == second % per_line
            if same_band and same_stack or first // per_line == second // per_line:
                continue
            relation = 0 if same_band else 1 if same_stack else 2
            constant = overlaps[relation, _popcount(masks[first] & masks[second])]
            colours[first] += constant
            colours[second] += constant


@njit(cache=True, nogil=True)
def _invariant(grids, box_rows, box_cols, overlaps, out):
    """Colour refinement over rows, columns, boxes, digits, bands and stacks; rows and columns are treated alike."""
    side = box_rows * box_cols
    across, down = side // box_cols, side // box_rows  # boxes in a row, boxes in a column
    row_masks = np.empty(side * across, np.uint32)
    col_masks = np.empty(side * down, np.uint32)
    row_segments = np.empty(side * across, np.uint64)
    col_segments = np.empty(side * down, np.uint64)
    rows, cols, boxes = np.empty((3, side), np.uint64)
    digits = np.empty(side + 1, np.uint64)
    new_rows, new_cols, new_boxes = np.empty((3, side), np.uint64)
    new_digits = np.empty(side + 1, np.uint64)
    start = np.empty(side * side, np.uint64)
    for index in range(len(grids)):
        grid = grids[index]
        row_masks[:] = 0
        col_masks[:] = 0
        for cell in range(side * side):
            if grid[cell]:
                row, col = cell // side, cell % side
                bit = np.uint32(1 << grid[cell])
                row_masks[row * across + col // box_cols] |= bit
                col_masks[col * down + row // box_rows] |= bit
        _segment_colours(row_masks, side, across, box_rows, overlaps, row_segments)
        _segment_colours(col_masks, side, down, box_cols, overlaps, col_segments)
        for cell in range(side * side):
            if grid[cell]:
                row, col = cell // side, cell % side
                start[cell] = _mix(row_segments[row * across + col // box_cols]) + _mix(
                    col_segments[col * down + row // box_rows]
                )
        rows[:] = 1
        cols[:] = 1
        boxes[:] = 1
        digits[:] = 1
        for _ in range(4):
            new_rows[:] = 0
            new_cols[:] = 0
            new_boxes[:] = 0
            new_digits[:] = 0
            for cell in range(side * side):
                if grid[cell]:
                    row, col = cell // side, cell % side
                    box = row // box_rows * box_rows + col // box_cols
                    sum_lines = rows[row] + cols[col]
                    colour = _mix(
                        start[cell]
                        + sum_lines * np.uint64(0x9E3779B97F4A7C15)
                        + (digits[grid[cell]] ^ boxes[box] * np.uint64(0xD6E8FEB86659FD93))
                    )
                    new_rows[row] += colour
                    new_cols[col] += colour
                    new_boxes[box] += colour
                    new_digits[grid[cell]] += colour
            _spread(new_rows, new_cols, new_boxes, box_rows, box_cols)
            for line in range(side):
                rows[line] = new_rows[line]
                cols[line] = new_cols[line]
                boxes[line] = new_boxes[line]
                digits[line + 1] = _mix(new_digits[line + 1])
        total = np.uint64(0)
        for line in range(side):
            total += rows[line] + cols[line] + _mix(boxes[line]) + _mix(digits[line + 1])
        out[index] = _mix(total)


@njit(cache=True, nogil=True)
def _spread(rows, cols, boxes, box_rows, box_cols):
    """Gives each row its band's colour, each column its stack's, each box both."""
    side = len(rows)
    for line in range(side):
        rows[line] = _mix(rows[line])
        cols[line] = _mix(cols[line])
        boxes[line] = _mix(boxes[line])
    for band in range(side // box_rows):
        total = np.uint64(0)
        for line in range(band * box_rows, (band + 1) * box_rows):
            total += rows[line]
        total = _mix(total)
        for line in range(band * box_rows, (band + 1) * box_rows):
            rows[line] = _mix(rows[line] + total)
        for box in range(band * box_rows, (band + 1) * box_rows):
            boxes[box] += total
    for stack in range(side // box_cols):
        total = np.uint64(0)
        for line in range(stack * box_cols, (stack + 1) * box_cols):
            total += cols[line]
        total = _mix(total)
        for line in range(stack * box_cols, (stack + 1) * box_cols):
            cols[line] = _mix(cols[line] + total)
        for band in range(side // box_rows):
            boxes[band * box_rows + stack] += total


@cache
def _overlap_constants() -> UInt64[np.ndarray, "4 33"]:
    return np.random.Generator(np.random.PCG64(0)).integers(0, 1 << 64, (4, 33), dtype=np.uint64)


def invariant(grids: UInt8[np.ndarray, "num cells"], board: Board) -> UInt64[np.ndarray, "num"]:
    """A hash that is equal for symmetric grids. Different grids collide only where refinement cannot tell them apart (nearly full or empty ones)."""
    out = np.empty(len(grids), np.uint64)
    _invariant(grids, board.box_rows, board.box_cols, _overlap_constants(), out)
    return out


@cache
def _line_orders(side: int, group: int) -> tuple[UInt8[np.ndarray, "orders side"], np.ndarray]:
    """All orders of lines that keep bands together, in lexicographic order; skip[i, k]: next order that differs in its first k+1 lines."""
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
    """Encodes one row under the partial digit labels and compares it to best's row: (-1 smaller, 0, 1 larger), digits used.

    A smaller row is written to best, all after it set to 255.
    """
    side = len(order)
    smaller = False
    for col in range(side):
        value = grid[row * down + order[col] * across]
        code = 0
        if value:
            if labels[value] == 0 or labels[value] > used:
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
    """The lexicographically smallest symmetric grid, blanks first and digits numbered by first appearance. Boards up to 9x9."""
    if board.side > 9:
        raise ValueError(f"box={board.box_rows}x{board.box_cols}: canonical forms are computed up to 9x9")
    row_orders, skip = _line_orders(board.side, board.box_rows)
    col_orders, _ = _line_orders(board.side, board.box_cols)
    out = np.empty_like(grids)
    _canonical(grids, row_orders, skip, col_orders, board.box_rows == board.box_cols, out)
    return out
