"""Sudoku that one level of trial only just solves, from nothing: chains that cool down from random minimal puzzles.

A chain exchanges a few clues at a time, as in `hard_kernels`, and moves by the rule of Metropolis. Its value is the
logarithm of the hardest refutation that trial needs over the resistance to trial (`trial`): either alone leads to
puzzles that look hard in one way only. Once a chain has cooled down it roams, and keeps what it meets: some dozens of
relatives. Chains know nothing of each other, so the puzzles of many chains differ as much as random ones do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt64
from numba import njit

from puzzles.kernels import over_chunks
from puzzles.sudoku import dig9, hard_kernels, invariant, trial
from puzzles.sudoku.hard import ALL, CAP, SYMMETRIES, Found, rate

TWO_DROPPED, NEW_SOLUTION = 15, 40  # per cent of the exchanges that take two clues away, that change the solution
COST = 60.0  # cells that a refuted candidate counts in the resistance
MOST = 200.0  # the hardest refutation that counts: those of puzzles that trial does not solve, too
BONUS = 0.04  # what a clue is worth, against a drift to few clues
HOT, WARM = 0.3, 0.15  # temperatures: when a chain begins, and when it roams; colder, it meets the same few puzzles
STEPS = 8000  # in which a chain cools down, and as many in which it roams
VALUE = 1.2  # of the puzzles kept, without the bonus; `sudoku_extreme` solves half of them
KEPT = 60  # puzzles of a chain, at most
NONE, LEAST = -100.0, -10.0  # the value of what needs no trial; the least of all others


class Room(NamedTuple):
    """The memory of one thread: state of the search, seed, what an exchange makes, and the lists that it needs."""

    state: np.ndarray
    seed: np.ndarray
    scores: np.ndarray
    order: np.ndarray
    learnt: np.ndarray
    child: np.ndarray
    target: np.ndarray
    scrap: np.ndarray


@njit(cache=True, nogil=True)
def make_room():
    learnt = np.zeros((2, hard_kernels.LEARNT + 1, 2), np.int64)
    boards = np.empty((3, 81), np.uint8)
    return Room(
        np.empty(trial.ROOM, np.int64), np.empty(1, np.uint64), np.zeros(81, np.int64), np.arange(81), learnt,
        boards[0], boards[1], boards[2],
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _exchange(room, puzzle, solution):
    """Whether an exchange of clues made another puzzle, in `room.child` and `room.target`."""
    room.order[:] = np.arange(81)
    room.learnt[:, 0] = 0
    return hard_kernels._propose(
        puzzle, solution, hard_kernels._clues(puzzle), room.learnt, 0.0, TWO_DROPPED, NEW_SOLUTION,
        room.state, room.seed, room.order, room.scores, room.child, room.target, room.scrap,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def value_of(room, puzzle, least):
    """log(hardest refutation / resistance) of the puzzle; NONE for values below `least`, and where neither is defined.

    The resistance, which is the cheaper one, comes first and bounds what the other must be.
    """
    most = MOST * np.exp(-least)
    resisted = -trial.resistance(puzzle, COST, -most, room.state, room.scores)
    if resisted > most or resisted >= -trial.SOLVED:
        return NONE
    wanted = np.int64(np.ceil(resisted * np.exp(least)))
    hardest = trial.hardest_refutation(puzzle, max(wanted - 1, 0), room.state, room.scores)
    if hardest < max(wanted, 1):
        return NONE
    return np.log(min(float(hardest), MOST) / resisted)


@njit(cache=True, nogil=True)
def run(room, seed, steps, worth, low, high, overlaps, puzzles, solutions, lineages):
    """A chain from a random minimal puzzle of the fold; how many rows it filled with puzzles of a value of `worth`.

    Those are APART changes of clues from each other, at least, and at most CAP of them have symmetric solutions. All
    solutions lie in the fold low..high.
    """
    members = np.zeros((81, dig9.MAX_SETS), np.uint8)
    left = np.zeros(dig9.MAX_SETS, np.uint8)
    boards = np.empty((2, 81), np.uint8)
    puzzle, solution = boards[0], boards[1]
    room.seed[0] = seed
    hard_kernels._start(room.state, room.seed, low, high, overlaps, members, left, puzzle, solution)
    value, clues = value_of(room, puzzle, LEAST), hard_kernels._clues(puzzle)
    kept = 0
    for step in range(2 * steps):
        if kept == len(puzzles):
            break
        if not _exchange(room, puzzle, solution):
            continue
        more = hard_kernels._clues(room.child)
        heat = HOT * (WARM / HOT) ** min(step / steps, 1.0)
        least = value + BONUS * (clues - more) + heat * np.log(max(hard_kernels.unit(room.seed), 1e-12))
        reached = value_of(room, room.child, max(least, LEAST))
        if reached == NONE:
            continue
        lineage = hard_kernels.lineage_of(room.target, overlaps)
        if not hard_kernels.in_fold(lineage, low, high):
            continue
        puzzle[:], solution[:] = room.child, room.target
        value, clues = reached, more
        # Once more without a bound, which can raise the value.
        if value < worth or value_of(room, puzzle, LEAST) < worth:
            continue
        if hard_kernels.has_room(puzzles[:kept], lineages[:kept], puzzle, lineage, CAP, hard_kernels.APART):
            puzzles[kept], solutions[kept], lineages[kept] = puzzle, solution, lineage
            kept += 1
    return kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How long chains are and what they keep; see the constants of this module."""

    steps: int = STEPS
    worth: float = VALUE


def anneal(
    seeds: UInt64[np.ndarray, " chains"],
    *,
    fold: tuple[float, float] = ALL,
    size: Size = Size(),
    tell: Callable[[int], None] | None = None,
) -> Found:
    """What the chains kept, one chain a seed. A chain depends on its seed alone, whatever the number of threads.

    `tell(kept)` is called by the thread of a chain at its end, with the number of puzzles that the chain kept.
    """
    puzzles, solutions = np.zeros((2, len(seeds), KEPT, 81), np.uint8)
    lineages, counts = np.zeros((len(seeds), KEPT), np.uint64), np.zeros(len(seeds), np.int64)

    def piece(start: int, stop: int) -> None:
        room, overlaps = make_room(), invariant.overlap_constants()
        for index in range(start, stop):
            rows = puzzles[index], solutions[index], lineages[index]
            counts[index] = run(room, seeds[index], size.steps, size.worth, *fold, overlaps, *rows)
            if tell is not None:
                tell(int(counts[index]))

    over_chunks(piece, len(seeds), smallest=1)
    kept = np.arange(KEPT) < counts[:, None]
    return Found(puzzles[kept], solutions[kept], rate(puzzles[kept], SYMMETRIES), lineages[kept])
