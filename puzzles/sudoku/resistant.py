"""Sudoku that one level of trial solves only just, from nothing: many chains that cool down from random minimal puzzles.

A chain exchanges a few clues at a time, as in `hard_kernels`, and moves by the rule of Metropolis. Its value is the
logarithm of the hardest refutation that trial needs over the resistance to trial (`trial`): either alone leads to
puzzles that look hard in one way only. What a chain meets once its value is high, it keeps: some dozens of relatives.
Chains know nothing of each other, so their puzzles differ as much as random ones do.
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
HOT, COLD = 0.3, 0.05  # temperatures of a chain, from its first step to its last
STEPS, LONG = 16_000, 3  # of a chain; one in four is LONG times as long
VALUE = 1.7  # of the puzzles kept, without the bonus
KEPT, MOVES = 24, 8  # puzzles that a chain keeps, at most, and its moves from one to the next
NONE = -100.0  # a value below all others


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
def cool(room, steps, worth, low, high, overlaps, puzzle, solution, puzzles, solutions, lineages):
    """A chain from `puzzle` and its solution, which become its end; how many of the rows it filled.

    It keeps what has a value of `worth`, with at least MOVES moves in between. All solutions lie in the fold low..high,
    and at most CAP of those kept are symmetric.
    """
    value, clues = value_of(room, puzzle, -10.0), hard_kernels._clues(puzzle)
    kept = moves = 0
    for step in range(steps):
        if not _exchange(room, puzzle, solution):
            continue
        more = hard_kernels._clues(room.child)
        heat = -np.log(max(hard_kernels.unit(room.seed), 1e-12)) * HOT * (COLD / HOT) ** (step / steps)
        reached = value_of(room, room.child, max(value - heat + BONUS * (clues - more), -10.0))
        if reached == NONE:
            continue
        lineage = hard_kernels.lineage_of(room.target, overlaps)
        if not hard_kernels.in_fold(lineage, low, high):
            continue
        puzzle[:], solution[:] = room.child, room.target
        value, clues, moves = reached, more, moves + 1
        if value < worth or moves < MOVES or kept == len(puzzles):
            continue
        if hard_kernels.has_room(puzzles[:kept], lineages[:kept], puzzle, lineage, CAP, hard_kernels.APART):
            puzzles[kept], solutions[kept], lineages[kept] = puzzle, solution, lineage
            kept, moves = kept + 1, 0
    return kept


@njit(cache=True, nogil=True)
def run(room, seed, steps, worth, low, high, overlaps, puzzles, solutions, lineages):
    """A chain from a random minimal puzzle of the fold; how many rows it filled."""
    members = np.zeros((81, dig9.MAX_SETS), np.uint8)
    left = np.zeros(dig9.MAX_SETS, np.uint8)
    boards = np.empty((2, 81), np.uint8)
    room.seed[0] = seed
    hard_kernels._start(room.state, room.seed, low, high, overlaps, members, left, boards[0], boards[1])
    return cool(room, steps, worth, low, high, overlaps, boards[0], boards[1], puzzles, solutions, lineages)


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
            steps = size.steps * (LONG if seeds[index] % 4 == 0 else 1)
            counts[index] = run(
                room, seeds[index], steps, size.worth, *fold, overlaps, puzzles[index], solutions[index], lineages[index]
            )
            if tell is not None:
                tell(int(counts[index]))

    over_chunks(piece, len(seeds), smallest=1)
    kept = np.arange(KEPT) < counts[:, None]
    return Found(puzzles[kept], solutions[kept], rate(puzzles[kept], SYMMETRIES), lineages[kept])
