"""One level of trial: what follows when a candidate of a cell is assumed, by the propagation of the fast search.

Puzzles that need many guesses can still fall to one level of trial: all of 400 puzzles of chains (`hard`) do, but
none of the 333 of 500 puzzles of Sudoku-Extreme that are rated 5 and above (benchmarks/trial.py). What tells the two
apart is how little an assumption brings: in the real ones hardly any candidate is refuted, and each of the others
fills one or two cells.
"""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from numba import njit

from puzzles.kernels import count, lowest, over_chunks
from puzzles.sudoku import bands
from puzzles.sudoku.bands import DIRTY, OPEN, STRIDE

Grids = UInt8[np.ndarray, "num 81"]
FULL_COUNT = 210  # open candidates below which a puzzle counts as nearly solved: Sudoku-Extreme has a median of 216
PER_MISSING = 0.05  # cells that each candidate below FULL_COUNT counts
SOLVED = -100.0  # the resistance of what propagation alone solves
ROOM = STRIDE * 83  # words of a state for trials: one board below the deepest search


@njit(cache=True, nogil=True)
def assume(state, at, digit, band, place):
    """The next state: this one with the digit in cell `place` of the band."""
    child = at + STRIDE
    for word in range(STRIDE):
        state[child + word] = state[at + word]
    bands.place(state, child, digit, 27 * band + place)
    for other in range(9):
        if other != digit and state[child + 4 * other + band] >> place & 1:
            state[child + 4 * other + band] &= ~(1 << place)
            state[child + DIRTY] |= 1 << other
    state[child + OPEN + band] &= ~(1 << place)


@njit(cache=True, nogil=True)
def blanks(state, at):
    """Cells of the state that are not decided."""
    return count(state[at + OPEN]) + count(state[at + OPEN + 1]) + count(state[at + OPEN + 2])


@njit(cache=True, nogil=True)
def try_all(state, scores, cost, most, refuted):
    """The cells that follow when each open candidate of the state at offset 0 is assumed in turn, summed.

    A candidate that leads to a contradiction counts `cost` cells, and its bit is set in `refuted` [9 digits, 3 bands].
    It stops early once the sum is above `most`.
    """
    refuted[:] = 0
    at = np.int64(0)
    child = at + STRIDE
    left = blanks(state, at)
    total = 0.0
    for digit in range(9):
        for band in range(3):
            places = state[4 * digit + band] & state[OPEN + band]
            while places:
                place = lowest(places)
                places &= places - 1
                assume(state, at, digit, band, place)
                if bands._propagate(state, child, scores) == -1:
                    refuted[digit, band] |= 1 << place
                    total += cost
                else:
                    total += left - 1 - blanks(state, child)
            if total > most:
                return total
    return total


@njit(cache=True, nogil=True)
def resistance(puzzle, cost, least, state, scores):
    """The negative mean number of cells that an assumption fills; one that is refuted counts `cost` cells.

    SOLVED where propagation alone solves the puzzle. A value below `least` is only known to be below it.
    """
    bands.begin(puzzle, state)
    if bands._propagate(state, np.int64(0), scores) < 0:
        return SOLVED
    candidates = 0
    for digit in range(9):
        for band in range(3):
            candidates += count(state[4 * digit + band] & state[OPEN + band])
    missing = PER_MISSING * max(0, FULL_COUNT - candidates)
    refuted = np.empty((9, 3), np.int64)
    return -try_all(state, scores, cost, -(least + missing) * candidates, refuted) / candidates - missing


@njit(cache=True, nogil=True)
def trial_solves(puzzle, state, scores):
    """Whether the puzzle falls when refuted candidates are removed, again and again, until none is refuted."""
    refuted = np.empty((9, 3), np.int64)
    bands.begin(puzzle, state)
    while bands._propagate(state, np.int64(0), scores) >= 0:
        try_all(state, scores, 0.0, np.inf, refuted)
        if not refuted.any():
            return False
        for digit in range(9):
            for band in range(3):
                if refuted[digit, band]:
                    state[4 * digit + band] &= ~refuted[digit, band]
                    state[DIRTY] |= 1 << digit
    return True


@njit(cache=True, nogil=True)
def _resistance_many(grids, cost, start, stop, found):
    state, scores = np.empty(ROOM, np.int64), np.zeros(81, np.int64)
    for index in range(start, stop):
        found[index] = resistance(grids[index], cost, SOLVED, state, scores)


@njit(cache=True, nogil=True)
def _trial_solves_many(grids, start, stop, found):
    state, scores = np.empty(ROOM, np.int64), np.zeros(81, np.int64)
    for index in range(start, stop):
        found[index] = trial_solves(grids[index], state, scores)


@njit(cache=True, nogil=True)
def _outcomes_many(grids, start, stop, refuted_shares, cells):
    state, scores = np.empty(ROOM, np.int64), np.zeros(81, np.int64)
    refuted = np.empty((9, 3), np.int64)
    for index in range(start, stop):
        refuted_shares[index] = cells[index] = np.nan
        bands.begin(grids[index], state)
        if bands._propagate(state, np.int64(0), scores) < 0:
            continue
        filled = try_all(state, scores, 0.0, np.inf, refuted)
        candidates = fallen = 0
        for digit in range(9):
            for band in range(3):
                candidates += count(state[4 * digit + band] & state[OPEN + band])
                fallen += count(refuted[digit, band])
        refuted_shares[index] = fallen / candidates
        cells[index] = filled / (candidates - fallen)


def outcomes(grids: Grids) -> tuple[Float[np.ndarray, " num"], Float[np.ndarray, " num"]]:
    """Of the open candidates of each puzzle, the share that is refuted, and the cells that each of the others fills.

    Puzzles are given as values 0 (blank) to 9; NaN where propagation alone solves one.
    """
    refuted_shares, cells = np.zeros((2, len(grids)))
    over_chunks(lambda start, stop: _outcomes_many(grids, start, stop, refuted_shares, cells), len(grids))
    return refuted_shares, cells


def resistances(grids: Grids, cost: float) -> Float[np.ndarray, " num"]:
    """`resistance` of each puzzle, given as values 0 (blank) to 9."""
    found = np.zeros(len(grids))
    over_chunks(lambda start, stop: _resistance_many(grids, float(cost), start, stop, found), len(grids))
    return found


def solved_by_trial(grids: Grids) -> Bool[np.ndarray, " num"]:
    """Whether one level of trial solves each puzzle, given as values 0 (blank) to 9."""
    found = np.zeros(len(grids), np.bool_)
    over_chunks(lambda start, stop: _trial_solves_many(grids, start, stop, found), len(grids))
    return found
