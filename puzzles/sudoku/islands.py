"""Sudoku that resist trial, from nothing: populations that evolve from random minimal puzzles.

Each island is a population of its own. A random member is changed by an exchange of a few clues, as in `hard_kernels`.
The child takes the place of the worst of its parent and three random others if it resists trial at least as well
(`trial.resistance`). What a refuted candidate costs differs from island to island, so that islands end with different
kinds of hard puzzles.
"""

import numpy as np
from jaxtyping import Float, UInt64
from numba import njit

from puzzles.kernels import below, over_chunks
from puzzles.sudoku import dig9, hard_kernels, invariant, trial
from puzzles.sudoku.hard import ALL, CAP, SYMMETRIES, Found, rate

SIZE = 80  # members of an island
RIVALS = 3  # members that a child may replace, besides its parent
COSTS = 15.0, 60.0  # cells that a refuted candidate counts, drawn evenly on a log scale
PROPOSALS = 200_000  # of an island
HARVEST_FROM = 60_000  # proposals after which children that are accepted are kept
KEPT = 600  # puzzles of an island
HARVEST_ABOVE = 0.1  # the share of members that a child must beat to be kept
APART = 2  # clue changes between two of them, at least: one exchange


@njit(cache=True, nogil=True)
def run_islands(
    seeds, costs, size, proposals, harvest_from, cap, low, high, overlaps, start, stop,
    puzzles, solutions, lineages, counts,
):  # fmt: skip
    """Islands start..stop: the first counts[i] rows of puzzles[i] are the children kept, in the order of their birth.

    A child is kept if it resists more than the worst tenth of the members, is at least APART clue changes from those
    kept before, and is one of at most `cap` of its lineage. An island ends after its proposals, or with no room left.
    """
    state = np.empty(trial.ROOM, np.int64)
    members = np.zeros((81, dig9.MAX_SETS), np.uint8)
    left = np.zeros(dig9.MAX_SETS, np.uint8)
    seed, scores, order = np.empty(1, np.uint64), np.zeros(81, np.int64), np.arange(81)
    learnt = np.zeros((2, hard_kernels.LEARNT + 1, 2), np.int64)
    boards = np.empty((3, 81), np.uint8)
    child, target, scrap = boards[0], boards[1], boards[2]
    pool, answers = np.empty((size, 81), np.uint8), np.empty((size, 81), np.uint8)
    values = np.empty(size)
    for index in range(start, stop):
        seed[0] = seeds[index]
        cost = costs[index]
        for member in range(size):
            hard_kernels._start(state, seed, low, high, overlaps, members, left, pool[member], answers[member])
            values[member] = trial.resistance(pool[member], cost, trial.SOLVED, state, scores)
        kept = 0
        level = np.quantile(values, HARVEST_ABOVE)
        for proposal in range(proposals):
            if kept == puzzles.shape[1]:
                break
            if proposal % 1000 == 0:
                level = np.quantile(values, HARVEST_ABOVE)
            order[:] = np.arange(81)
            learnt[:, 0] = 0
            parent = below(seed, size)
            clues = hard_kernels._clues(pool[parent])
            if not hard_kernels._propose(
                pool[parent], answers[parent], clues, learnt, 0.0, state, seed, order, scores, child, target, scrap
            ):
                continue
            loser = parent
            for _ in range(RIVALS):
                other = below(seed, size)
                if values[other] < values[loser]:
                    loser = other
            harvest = proposal >= harvest_from
            least = min(values[loser], level) if harvest else values[loser]
            value = trial.resistance(child, cost, least, state, scores)
            if value < least or _is_member(pool, values, child, value):
                continue
            lineage = hard_kernels.lineage_of(target, overlaps)
            if not hard_kernels.in_fold(lineage, low, high):
                continue
            if value > values[loser] or (value == values[loser] and loser == parent):
                pool[loser], answers[loser], values[loser] = child, target, value
            if not harvest or value < level or value <= trial.SOLVED:
                continue
            if hard_kernels.has_room(puzzles[index, :kept], lineages[index, :kept], child, lineage, cap, APART):
                puzzles[index, kept], solutions[index, kept] = child, target
                lineages[index, kept] = lineage
                kept += 1
        counts[index] = kept


@njit(cache=True, nogil=True)
def _is_member(pool, values, child, value):
    found = False
    for member in range(len(pool)):
        found |= values[member] == value and (pool[member] == child).all()
    return found


def evolve(
    seeds: UInt64[np.ndarray, " islands"],
    *,
    fold: tuple[float, float] = ALL,
    size: int = SIZE,
    proposals: int = PROPOSALS,
    harvest_from: int = HARVEST_FROM,
) -> Found:
    """What the islands kept, one island a seed. An island depends on its seed alone, whatever the number of threads."""
    num = len(seeds)
    puzzles, solutions = np.zeros((2, num, KEPT, 81), np.uint8)
    lineages, counts = np.zeros((num, KEPT), np.uint64), np.zeros(num, np.int64)

    def piece(start: int, stop: int) -> None:
        run_islands(
            seeds, island_costs(seeds), size, proposals, harvest_from, CAP, *fold, invariant.overlap_constants(),
            start, stop, puzzles, solutions, lineages, counts,
        )  # fmt: skip

    over_chunks(piece, num, smallest=1)
    kept = np.arange(KEPT) < counts[:, None]
    return Found(puzzles[kept], solutions[kept], rate(puzzles[kept], SYMMETRIES), lineages[kept])


def island_costs(seeds: UInt64[np.ndarray, " islands"]) -> Float[np.ndarray, " islands"]:
    """What a refuted candidate counts on each island, in cells."""
    shares = ((seeds * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) / 2.0**32
    return COSTS[0] * (COSTS[1] / COSTS[0]) ** shares
