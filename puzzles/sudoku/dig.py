"""Make Sudoku puzzles of any size: a random solution grid, then clues taken away while the solution stays unique."""

import numpy as np
from numba import njit

from puzzles.kernels import below, shuffle
from puzzles.sudoku.search import place_givens, search

MAX_GUESSES = 1000  # of one search while generating; a clue whose removal is not decided by then stays


@njit(cache=True, nogil=True)
def fill(stack, units, peers, state, grid):
    """A random full grid by randomised search, begun afresh when it strays."""
    cells = len(grid)
    blank = np.zeros(cells, np.uint8)
    solutions = 0
    while solutions != 1:
        place_givens(blank, stack[0], units.shape[1])
        solutions, _ = search(stack, units, peers, 1, MAX_GUESSES, blank, True, state, grid)


@njit(cache=True, nogil=True)
def dig(stack, units, peers, state, solution, target, puzzle):
    """Takes clues away in random order while the solution stays unique and more than `target` are left; how many stay.

    Several clues go at once where that works: uniqueness is monotone, so the outcome is that of one at a time.
    """
    cells = len(solution)
    order = np.arange(cells)
    shuffle(state, order)
    answer = np.empty(cells, np.uint8)
    puzzle[:] = solution
    clues = cells
    position = 0
    batch = max(1, cells // 4)
    while position < cells and clues > target:
        size = min(batch, cells - position, clues - target)
        chosen = order[position : position + size]
        for cell in chosen:
            puzzle[cell] = 0
        place_givens(puzzle, stack[0], units.shape[1])
        others, _ = search(stack, units, peers, 1, MAX_GUESSES, solution, False, state, answer)
        if others == 0:
            position += size
            clues -= size
            continue
        for cell in chosen:
            puzzle[cell] = solution[cell]
        if size == 1:
            position += 1
        batch = max(1, size // 2)
    return clues


@njit(cache=True, nogil=True)
def generate_many(units, peers, seeds, lows, highs, start, stop, puzzles, solutions):
    """Rows start..stop: a clue count drawn from lows[i]..highs[i] and hit exactly; highs[i] = 0 means minimal."""
    cells = puzzles.shape[1]
    stack = np.empty((cells + 1, cells), np.uint32)
    state = np.empty(1, np.uint64)
    for index in range(start, stop):
        state[0] = seeds[index]
        target = lows[index] + below(state, highs[index] - lows[index] + 1) if highs[index] else 0
        while True:
            fill(stack, units, peers, state, solutions[index])
            clues = dig(stack, units, peers, state, solutions[index], target, puzzles[index])
            if clues == target or highs[index] == 0:
                break
