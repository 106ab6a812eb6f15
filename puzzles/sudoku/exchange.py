"""The exchange of a few clues that makes another minimal puzzle of one: the step of `hard_kernels` and of `islands`.

It takes one or two clues away and adds clues of the solution back, each where a random other solution differs, until
there is no other; then it takes away every clue that became redundant. It can change the solution as well.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from puzzles.kernels import below, next_random, shuffle
from puzzles.sudoku import bands, dig9, invariant, trial
from puzzles.sudoku.bands import FIRST, ONE, RANDOM, STRIDE

LEARNT = 1024  # unavoidable sets of the current solution that are kept


class Room(NamedTuple):
    """The memory of one thread: a state of the search, the seed, what an exchange makes, and lists that it needs."""

    state: np.ndarray
    seed: np.ndarray
    scores: np.ndarray
    order: np.ndarray
    # Unavoidable sets of the current solution and of a new one; the first row of each counts them.
    learnt: np.ndarray
    child: np.ndarray
    target: np.ndarray
    scrap: np.ndarray


@njit(cache=True, nogil=True)
def make_room():
    learnt = np.zeros((2, LEARNT + 1, 2), np.int64)
    boards = np.empty((3, 81), np.uint8)
    return Room(
        np.empty(trial.ROOM, np.int64), np.empty(1, np.uint64), np.zeros(81, np.int64), np.arange(81), learnt,
        boards[0], boards[1], boards[2],
    )  # fmt: skip


@njit(cache=True, nogil=True)
def forget(room):
    """Forgets what was learnt about a solution, so that what follows depends on the seed alone."""
    room.order[:] = np.arange(81)
    room.learnt[:, 0] = 0


@njit(cache=True, nogil=True)
def unit(seed):
    """A number in [0, 1)."""
    return (next_random(seed) >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True, nogil=True)
def make_unique(puzzle, solution, state, seed, other):
    """Adds clues of the solution, each where a random other solution differs from it, until no other is left.

    The guesses of the search that found none.
    """
    while True:
        bands.begin(puzzle, state)
        others, guesses = bands.search(state, ONE, solution, RANDOM, seed, other)
        if others == 0:
            return guesses
        seen, picked = 0, 0
        for cell in range(81):
            if other[cell] != solution[cell]:
                seen += 1
                if below(seed, seen) == 0:
                    picked = cell
        puzzle[picked] = solution[picked]


@njit(cache=True, nogil=True)
def find_other(state, solution, seed, scores, answer):
    """Whether the state has a solution; the one found is like `solution` as far as guesses can make it."""
    at = np.int64(0)
    while True:
        cell = bands._propagate(state, at, scores)
        if cell == -2:
            bands.read(state, at, answer)
            return True
        if cell >= 0:
            digit = np.int64(solution[cell]) - 1
            if not state[at + 4 * digit + cell // 27] >> cell % 27 & 1:
                digit = bands._pick_digit(state, at, cell, digit, FIRST, seed)
            bands._branch(state, at, cell, digit)
            at += STRIDE
            continue
        at -= STRIDE
        if at < 0:
            return False


@njit(cache=True, nogil=True)
def needed(clues, sets):
    """The clues, as two words, that are the last in an unavoidable set; sets[0, 0] of them are listed from row 1."""
    first = second = np.int64(0)
    for index in range(1, sets[0, 0] + 1):
        one, two = clues[0] & sets[index, 0], clues[1] & sets[index, 1]
        if one == 0:
            if two & (two - 1) == 0:
                second |= two
        elif two == 0 and one & (one - 1) == 0:
            first |= one
    return first, second


@njit(cache=True, nogil=True)
def minimise(puzzle, solution, sets, state, seed, order, scores, scrap):
    """Takes away, in random order, every clue that the solution's uniqueness does not need.

    A clue is needed where another solution differs from `solution` in no clue but that one. Such sets of cells are
    learnt: each is unavoidable, so that every puzzle with this solution needs a clue in it.
    """
    clues = np.zeros(2, np.int64)
    for cell in range(81):
        clues[cell // 41] |= np.int64(puzzle[cell] != 0) << cell % 41
    kept = needed(clues, sets)
    shuffle(seed, order)
    for cell in order:
        if puzzle[cell] == 0 or (kept[0] if cell < 41 else kept[1]) >> cell % 41 & 1:
            continue
        puzzle[cell] = 0
        bands.begin(puzzle, state)
        digit, band = np.int64(solution[cell]) - 1, cell // 27
        state[4 * digit + band] &= ~(1 << cell % 27)
        if find_other(state, solution, seed, scores, scrap):
            puzzle[cell] = solution[cell]
            learn(solution, scrap, sets)
        else:
            clues[cell // 41] &= ~(1 << cell % 41)
            kept = needed(clues, sets)


@njit(cache=True, nogil=True)
def learn(solution, other, sets):
    """Lists the cells in which the two differ, over the oldest set where the list is full."""
    place = sets[0, 1] % (len(sets) - 1) + 1
    sets[place] = 0
    for cell in range(81):
        sets[place, cell // 41] |= np.int64(solution[cell] != other[cell]) << cell % 41
    sets[0, 1] += 1
    sets[0, 0] = max(sets[0, 0], place)


@njit(cache=True, nogil=True)
def num_clues(puzzle):
    num = 0
    for cell in range(81):
        num += puzzle[cell] != 0
    return num


@njit(cache=True, nogil=True)
def swap_clues(room, puzzle, solution, least, two, new):
    """Makes `room.child`, another minimal puzzle, and `room.target`, its solution, by an exchange of a few clues.

    `two` and `new` are the per cent of exchanges that begin with two clues less, and that change the solution. False
    where it came out the same, or with too few guesses before clues were taken away to have `least` after.
    """
    state, seed, child, target = room.state, room.seed, room.child, room.target
    child[:] = puzzle
    clues = num_clues(puzzle)
    for drop in range(2 if below(seed, 100) < two else 1):
        place = below(seed, clues - drop)
        for cell in range(81):
            if child[cell]:
                if place == 0:
                    child[cell] = 0
                    break
                place -= 1
    target[:] = solution
    sets = room.learnt[0]
    if below(seed, 100) < new:
        bands.begin(child, state)
        bands.search(state, ONE, solution, RANDOM, seed, target)
        sets = room.learnt[1]
        sets[0] = 0
    if np.log2(1.0 + make_unique(child, target, state, seed, room.scrap)) < least:
        return False
    same = True
    for cell in range(81):
        same &= child[cell] == puzzle[cell]
    if same:
        return False
    minimise(child, target, sets, state, seed, room.order, room.scores, room.scrap)
    return True


@njit(cache=True, nogil=True)
def lineage_of(solution, overlaps):
    """A hash that symmetric full grids share."""
    out = np.empty(1, np.uint64)
    invariant._invariant(solution.reshape(1, 81), 3, 3, overlaps, out)
    return out[0]


@njit(cache=True, nogil=True)
def in_fold(lineage, low, high):
    """Whether the hash falls between two bounds of [0, 1): `puzzles.splits.place` in the kernel's terms."""
    place = ((lineage * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) / 4294967296.0
    return low <= place < high


@njit(cache=True, nogil=True)
def clue_changes(one, other):
    """How many clues must be added or removed to get from one puzzle to the other."""
    changes = 0
    for cell in range(81):
        if one[cell] != other[cell]:
            changes += (one[cell] != 0) + (other[cell] != 0)
    return changes


@njit(cache=True, nogil=True)
def has_room(puzzles, lineages, child, lineage, cap, apart):
    """Whether no kept puzzle is nearer than `apart` clue changes, and fewer than `cap` share the lineage of `child`."""
    relatives = 0
    for other in range(len(puzzles)):
        if clue_changes(puzzles[other], child) < apart:
            return False
        relatives += lineages[other] == lineage
    return relatives < cap


@njit(cache=True, nogil=True)
def random_minimal(room, low, high, overlaps, puzzle, solution):
    """A random minimal puzzle, with a solution of a lineage in the fold low..high."""
    members = np.zeros((81, dig9.MAX_SETS), np.uint8)
    left = np.zeros(dig9.MAX_SETS, np.uint8)
    while True:
        if dig9.fill(room.state, room.seed, solution) == 0:
            continue
        if in_fold(lineage_of(solution, overlaps), low, high):
            dig9.dig(room.state, room.seed, solution, np.int64(0), members, left, puzzle)
            return
