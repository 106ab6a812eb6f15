"""One level of trial: what follows when a candidate of a cell is assumed, by the propagation of the fast search.

Puzzles that need many guesses can still fall to one level of trial: of 400 puzzles that chains found (`hard`) all did,
but none of the 333 of 500 puzzles of Sudoku-Extreme that are rated 5 and above. What tells the two apart is how little
an assumption brings: in the real ones hardly any candidate is refuted, and each of the others fills one or two cells.
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
    return count(state[at + OPEN]) + count(state[at + OPEN + 1]) + count(state[at + OPEN + 2])


@njit(cache=True, nogil=True)
def resistance(puzzle, cost, least, state, scores):
    """The negative mean number of cells that an assumption fills; one that is refuted counts `cost` cells.

    SOLVED where propagation alone solves the puzzle, and as soon as the value must fall below `least`.
    """
    bands.begin(puzzle, state)
    at = np.int64(0)
    if bands._propagate(state, at, scores) < 0:
        return SOLVED
    child = at + STRIDE
    left = blanks(state, at)
    literals = 0
    for digit in range(9):
        for band in range(3):
            literals += count(state[4 * digit + band] & state[OPEN + band])
    missing = PER_MISSING * max(0, FULL_COUNT - literals)
    total = 0.0
    for digit in range(9):
        for band in range(3):
            places = state[4 * digit + band] & state[OPEN + band]
            while places:
                place = lowest(places)
                places &= places - 1
                assume(state, at, digit, band, place)
                if bands._propagate(state, child, scores) == -1:
                    total += cost
                else:
                    total += left - 1 - blanks(state, child)
        if -total / literals - missing < least:
            return SOLVED
    return -total / literals - missing


@njit(cache=True, nogil=True)
def trial_solves(puzzle, state, scores):
    """Whether the puzzle falls when refuted candidates are removed until none is refuted any more."""
    bands.begin(puzzle, state)
    at = np.int64(0)
    child = at + STRIDE
    while True:
        if bands._propagate(state, at, scores) < 0:
            return True
        removed = False
        for digit in range(9):
            for band in range(3):
                places = state[4 * digit + band] & state[OPEN + band]
                while places:
                    place = lowest(places)
                    places &= places - 1
                    assume(state, at, digit, band, place)
                    if bands._propagate(state, child, scores) == -1:
                        state[4 * digit + band] &= ~(1 << place)
                        state[DIRTY] |= 1 << digit
                        removed = True
        if not removed:
            return False


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
