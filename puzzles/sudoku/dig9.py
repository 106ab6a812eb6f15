"""Make 9x9 puzzles: greedy removal of clues under unavoidable sets, proved unique by the exact search.

An unavoidable set holds the cells in which another full grid differs from the solution: a puzzle with one solution has
a clue in each. Small ones are listed beforehand, and a clue that is the last in one must stay, without a search. The
first 45 removals are proved by one search; when that finds a second solution, they are repeated with the set it gives.
The rest go one at a time. What comes out is what one removal at a time would give, at a third of the searches.
"""

import numpy as np
from numba import njit

from puzzles.kernels import below, shuffle
from puzzles.sudoku import bands as sudoku_bands
from puzzles.sudoku.bands import FIRST, ONE, RANDOM, begin

MAX_SETS = 256  # listed beforehand: at most 36 * 4 digit swaps and 18 * 4 line swaps; learnt: at most 9
FIRST_BATCH = 45
NINE = np.int64(9)


@njit(cache=True, nogil=True)
def fill(state, seed, grid):
    """A random full grid: the three diagonal boxes at random, the rest by randomised search."""
    digits = np.arange(1, 10)
    start = np.zeros(81, np.uint8)
    for box in range(3):
        shuffle(seed, digits)
        for index in range(9):
            start[(3 * box + index // 3) * 9 + 3 * box + index % 3] = digits[index]
    begin(start, state)
    solutions, _ = sudoku_bands.search(state, ONE, start, RANDOM, seed, grid)
    return solutions


@njit(cache=True, nogil=True)
def _add_set(cells, members, left, num_sets):
    """Appends the set with the given cells (uint8[81] flags), all of them clues; returns the new number of sets."""
    size = 0
    for cell in range(81):
        members[cell, num_sets] = cells[cell]
        size += cells[cell]
    left[num_sets] = size
    return num_sets + 1


@njit(cache=True, nogil=True)
def _digit_swaps(grid, members, left, num_sets):
    """The sets that swapping two digits in part of the grid gives: cycles through rows, columns and boxes."""
    where = np.empty((10, 9), np.int64)  # column of a digit in each row
    for cell in range(81):
        where[grid[cell], cell // 9] = cell % 9
    cells = np.empty(81, np.uint8)
    parent = np.empty(9, np.int64)
    row_of = np.empty(9, np.int64)
    box_row = np.empty(3, np.int64)
    for first in range(1, 10):
        for second in range(first + 1, 10):
            for row in range(9):
                parent[row] = row
                row_of[where[first, row]] = row
            for row in range(9):
                _join(parent, row, row_of[where[second, row]])
            for band in range(0, 9, 3):
                for row in range(band, band + 3):
                    box_row[where[first, row] // 3] = row
                for row in range(band, band + 3):
                    _join(parent, row, box_row[where[second, row] // 3])
            for root in range(9):
                if _root(parent, root) != root:
                    continue
                cells[:] = 0
                whole = True
                for row in range(9):
                    if _root(parent, row) == root:
                        cells[9 * row + where[first, row]] = 1
                        cells[9 * row + where[second, row]] = 1
                    else:
                        whole = False
                num_sets = _add_set(cells, members, left, num_sets)
                if whole:
                    break
    return num_sets


@njit(cache=True, nogil=True)
def _root(parent, item):
    while parent[item] != item:
        item = parent[item]
    return item


@njit(cache=True, nogil=True)
def _join(parent, one, other):
    one, other = _root(parent, one), _root(parent, other)
    parent[max(one, other)] = min(one, other)


@njit(cache=True, nogil=True)
def _line_swaps(grid, down, across, members, left, num_sets):
    """The sets that swapping two rows of a band in some columns gives (down, across = 1, 9: two columns of a stack)."""
    cells = np.empty(81, np.uint8)
    place = np.empty(10, np.int64)
    for first in range(9):
        for second in range(first + 1, first // 3 * 3 + 3):
            for col in range(9):
                place[grid[first * down + col * across]] = col
            done = 0
            for start in range(9):
                if done >> start & 1:
                    continue
                cells[:] = 0
                col = start
                while not done >> col & 1:
                    done |= 1 << col
                    cells[first * down + col * across] = 1
                    cells[second * down + col * across] = 1
                    col = place[grid[second * down + col * across]]
                num_sets = _add_set(cells, members, left, num_sets)
    return num_sets


@njit(cache=True, nogil=True)
def _remove_some(order, position, most, members, left, num_sets, puzzle, removed):
    """Takes up to `most` clues away from order[position:], keeping any that is the last in a set.

    Returns (how many, the next position); removed lists them. `left` counts the clues in each set.
    """
    taken = 0
    while taken < most and position < 81:
        cell = order[position]
        position += 1
        own = members[cell]
        needed = np.uint8(0)
        for index in range(num_sets):
            needed |= own[index] & np.uint8(left[index] == 1)
        if needed:
            continue
        for index in range(num_sets):
            left[index] -= own[index]
        puzzle[cell] = 0
        removed[taken] = cell
        taken += 1
    return taken, position


@njit(cache=True, nogil=True)
def dig(state, seed, solution, target, members, left, puzzle):
    """Removes clues in random order while the solution stays unique and more than `target` are left; how many stay."""
    order = np.arange(81)
    shuffle(seed, order)
    removed = np.empty(81, np.int64)
    other = np.empty(81, np.uint8)
    differs = np.empty(81, np.uint8)
    puzzle[:] = solution
    num_sets = _digit_swaps(solution, members, left, np.int64(0))
    num_sets = _line_swaps(solution, NINE, ONE, members, left, num_sets)
    num_sets = _line_swaps(solution, ONE, NINE, members, left, num_sets)
    clues = 81
    position = np.int64(0)
    batch = FIRST_BATCH
    while position < 81 and clues > target:
        most = min(clues - target, batch)
        taken, after = _remove_some(order, position, most, members, left, num_sets, puzzle, removed)
        if taken:
            begin(puzzle, state)
            others, _ = sudoku_bands.search(state, ONE, solution, FIRST, seed, other)
            if others:
                for cell in removed[:taken]:
                    puzzle[cell] = solution[cell]
                    for index in range(num_sets):
                        left[index] += members[cell, index]
                if taken > 1:
                    for cell in range(81):
                        differs[cell] = other[cell] != solution[cell]
                    num_sets = _add_set(differs, members, left, num_sets)
                    batch -= FIRST_BATCH // 9
                    continue
                taken = 0
            batch = 1
        clues -= taken
        position = after
    return clues


@njit(cache=True, nogil=True)
def generate_many(seeds, lows, highs, start, stop, puzzles, solutions):
    """Rows start..stop: a clue count drawn from lows[i]..highs[i] and hit exactly; highs[i] = 0 means minimal."""
    state = np.empty(sudoku_bands.STRIDE * 82, np.int64)
    members = np.zeros((81, MAX_SETS), np.uint8)
    left = np.zeros(MAX_SETS, np.uint8)
    seed = np.empty(1, np.uint64)
    for index in range(start, stop):
        seed[0] = seeds[index]
        target = lows[index] + below(seed, highs[index] - lows[index] + 1) if highs[index] else 0
        while True:
            if fill(state, seed, solutions[index]) == 0:
                continue
            clues = dig(state, seed, solutions[index], target, members, left, puzzles[index])
            if clues == target or highs[index] == 0:
                break
