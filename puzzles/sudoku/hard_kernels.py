"""The kernels behind `puzzles.sudoku.hard`: Metropolis chains that climb from a random minimal puzzle to hard ones.

A step is an exchange of clues (`exchange`). The rule of Metropolis decides about it, on the mean of log2(1 + guesses)
over random symmetries: rating a puzzle as it lies would breed boards that one order of guessing finds hard.

Most steps make easy puzzles, so they pass gates before they are rated: guesses before redundant clues are gone, cells
that follow without a guess, one symmetry, a few, more.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from puzzles.kernels import count, next_random
from puzzles.sudoku import bands, exchange, symmetry
from puzzles.sudoku.bands import FIRST, OPEN, STRIDE

TWO_DROPPED, NEW_SOLUTION = 20, 10  # per cent of the steps that take two clues away, that change the solution
FIRST_RATING = 4  # symmetries that decide about a step
HEADROOM = 0.5  # above a rung's floor, where a rating stops to gain
SLACK = 1.0  # by how much one symmetry may miss what the mean must reach
STORED_RATING = 8  # fresh symmetries that rate what is kept
RERATE = 24  # rejected steps in a row after which the current puzzle is rated again, lest a lucky rating stay for ever
PROMISING = 3.0  # what taking redundant clues away may add to log2(1 + guesses)
EASY_CELLS = 14  # cells that propagation may fill before a guess; more, and no search is spent on the puzzle
APART = 3  # clues to add or remove from one kept puzzle to another of its chain, at least
THREE, TWO = np.int64(3), np.int64(2)


class Climb(NamedTuple):
    """How chains climb: they keep quotas[i] puzzles rated floors[i] to `most`, then go to the next rung, i + 1.

    A chain ends after the last rung, or after `climb` steps on a rung without a puzzle worth keeping (`patience` once
    there was one). `beta` is the inverse temperature of the ratings, and `bonus` is added to a rating for each clue. At
    most `cap` kept puzzles share a lineage, and all solutions lie in the fold low..high.
    """

    floors: np.ndarray
    quotas: np.ndarray
    most: float
    cap: int
    climb: int
    patience: int
    beta: float
    bonus: float
    low: float
    high: float


class Kept(NamedTuple):
    """What a chain keeps, in rows that it fills from the first on."""

    puzzles: np.ndarray
    solutions: np.ndarray
    ratings: np.ndarray
    lineages: np.ndarray


@njit(cache=True, nogil=True)
def log_guesses(puzzle, num, state, seed, turned, scrap):
    """The sum over `num` random symmetries of log2(1 + guesses of the search that proves the solution the only one)."""
    seeds = np.empty(1, np.uint64)
    rows, cols = np.empty((2, 1, 9), np.uint8)
    digits = np.empty((1, 10), np.uint8)
    transpose = np.empty(1, np.bool_)
    grids = puzzle.reshape(1, 81)
    none = np.zeros(81, np.uint8)
    total = 0.0
    for _ in range(num):
        seeds[0] = next_random(seed)
        symmetry._draw(seeds, THREE, THREE, rows, cols, digits, transpose)
        symmetry._apply(grids, rows, cols, digits, transpose, turned)
        bands.begin(turned[0], state)
        _, guesses = bands.search(state, TWO, none, FIRST, seed, scrap)
        total += np.log2(1.0 + guesses)
    return total


@njit(cache=True, nogil=True)
def rate_many(grids, seeds, num, start, stop, ratings):
    """Rows start..stop: the mean over `num` symmetries drawn from the row's seed."""
    state = np.empty(STRIDE * 82, np.int64)
    turned, scrap, seed = np.empty((1, 81), np.uint8), np.empty(81, np.uint8), np.empty(1, np.uint64)
    for index in range(start, stop):
        seed[0] = seeds[index]
        ratings[index] = log_guesses(grids[index], num, state, seed, turned, scrap) / num


@njit(cache=True, nogil=True)
def easy_cells(puzzle, state, scores):
    """Blanks that propagation fills before the first guess."""
    bands.begin(puzzle, state)
    blanks = count(state[OPEN]) + count(state[OPEN + 1]) + count(state[OPEN + 2])
    bands._propagate(state, np.int64(0), scores)
    return blanks - count(state[OPEN]) - count(state[OPEN + 1]) - count(state[OPEN + 2])


@njit(cache=True, nogil=True)
def _mean_rating(room, puzzle, num):
    """The mean of log2(1 + guesses) over `num` random symmetries."""
    turned = np.empty((1, 81), np.uint8)
    return log_guesses(puzzle, num, room.state, room.seed, turned, room.scrap) / num


@njit(cache=True, nogil=True)
def _gates(room, how, floor, wanted, kept, num, lineage):
    """(whether the child may become the chain's puzzle, whether it may be kept), as far as one symmetry can tell."""
    one_shot = _mean_rating(room, room.child, 1)
    may_move = min(one_shot, floor + HEADROOM) + how.bonus * exchange.num_clues(room.child) >= wanted - SLACK
    may_stay = one_shot >= floor - SLACK / 2
    if may_stay:
        may_stay = exchange.has_room(kept.puzzles[:num], kept.lineages[:num], room.child, lineage, how.cap, APART)
    return may_move, may_stay


@njit(cache=True, nogil=True)
def _chain(room, how, overlaps, kept):
    """One chain from `room.seed`: (puzzles kept, steps taken).

    On a rung, a rating gains nothing above HEADROOM over the floor, so that the chain roams instead of climbing a peak.
    """
    puzzle, solution = np.empty(81, np.uint8), np.empty(81, np.uint8)
    exchange.forget(room)
    exchange.random_minimal(room, how.low, how.high, overlaps, puzzle, solution)
    rating, rated = _mean_rating(room, puzzle, FIRST_RATING), FIRST_RATING
    num = steps = idle = barren = rung = here = 0
    while rung < len(how.floors) and barren < (how.patience if here else how.climb):
        steps += 1
        barren += 1
        idle += 1
        floor = how.floors[rung]
        if idle > RERATE:
            idle = 0
            more = _mean_rating(room, puzzle, FIRST_RATING)
            rating = (rating * rated + more * FIRST_RATING) / (rated + FIRST_RATING)
            rated += FIRST_RATING
        gain = how.bonus * exchange.num_clues(puzzle)
        wanted = min(rating, floor + HEADROOM) + gain + np.log(max(exchange.unit(room.seed), 1e-12)) / how.beta
        least = min(wanted - gain, floor) - PROMISING
        if not exchange.swap_clues(room, puzzle, solution, least, TWO_DROPPED, NEW_SOLUTION):
            continue
        if easy_cells(room.child, room.state, room.scores) >= EASY_CELLS:
            continue
        lineage = exchange.lineage_of(room.target, overlaps)
        if not exchange.in_fold(lineage, how.low, how.high):
            continue
        may_move, may_stay = _gates(room, how, floor, wanted, kept, num, lineage)
        if not (may_move or may_stay):
            continue
        reached = _mean_rating(room, room.child, FIRST_RATING)
        if may_move and min(reached, floor + HEADROOM) + how.bonus * exchange.num_clues(room.child) >= wanted:
            if (room.target != solution).any():
                room.learnt[0] = room.learnt[1]
            puzzle[:], solution[:] = room.child, room.target
            rating, rated, idle = reached, FIRST_RATING, 0
        if not may_stay or reached < floor:
            continue
        stored = _mean_rating(room, room.child, STORED_RATING)
        if stored < floor or stored > how.most:
            continue
        kept.puzzles[num], kept.solutions[num] = room.child, room.target
        kept.ratings[num], kept.lineages[num] = stored, lineage
        num += 1
        here += 1
        barren = 0
        if here == how.quotas[rung]:
            rung += 1
            here = 0
    return num, steps


@njit(cache=True, nogil=True)
def run_chains(seeds, how, overlaps, start, stop, kept, counts, steps):
    """Chains start..stop, each with a row of the arrays in `kept`; `counts` and `steps`: what each kept and took."""
    room = exchange.make_room()
    for index in range(start, stop):
        room.seed[0] = seeds[index]
        rows = Kept(kept.puzzles[index], kept.solutions[index], kept.ratings[index], kept.lineages[index])
        counts[index], steps[index] = _chain(room, how, overlaps, rows)
