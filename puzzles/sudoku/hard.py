"""Hard 9x9 Sudoku from nothing: many chains, each of which climbs from a random minimal puzzle and keeps what it meets.

The rating of a puzzle is the mean over random symmetries of log2(1 + guesses of the exact search that proves its
solution the only one). Random minimal puzzles have a median of 0, the hard three quarters of Sudoku-Extreme one of 5.8.

A *lineage* is a class of symmetric solutions: puzzles of one lineage are relatives. A chain keeps no two puzzles that
are two changes or fewer apart (a clue added or removed), at most `CAP` of a lineage, and all its solutions in one fold.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8, UInt64

from puzzles.errors import UserError
from puzzles.kernels import over_chunks
from puzzles.sudoku import hard_kernels, invariant
from puzzles.sudoku.search import board

CAP = 40  # puzzles of one lineage
HARDEST = 6.5  # the highest rating that is generated on demand
NARROWEST = 0.25  # width of a range of ratings
CLIMB, PATIENCE = 6000, 2000  # fruitless steps after which a chain ends: before its first puzzle of a rung, after it
BETA, BONUS = 6.0, 0.08  # inverse temperature of the ratings; what a clue is worth, against a drift to few clues
SYMMETRIES = 8  # of a rating
ALL = (0.0, 1.0)  # every fold
MOST_OF_A_CHAIN, MOST_AT_ONCE = 20, 64

Grids = UInt8[np.ndarray, "num 81"]


@dataclass(slots=True)
class Found:
    """What chains kept, as values 0 (blank) to 9, in the order of the chains."""

    puzzles: Grids
    solutions: Grids
    ratings: Float[np.ndarray, " num"]
    lineages: UInt64[np.ndarray, " num"]

    def take(self, which: np.ndarray) -> "Found":
        return Found(self.puzzles[which], self.solutions[which], self.ratings[which], self.lineages[which])


def join(parts: list[Found]) -> Found:
    """All of them, without symmetric copies and without more than `CAP` of a lineage; the first ones stay."""
    whole = Found(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("puzzles", "solutions", "ratings", "lineages")
        )
    )
    _, first = np.unique(invariant.invariant(whole.puzzles, board(3, 3)), return_index=True)
    whole = whole.take(np.sort(first))
    _, group = np.unique(whole.lineages, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(group.max() + 1 if len(group) else 0))
    place = np.empty(len(group), np.int64)
    place[order] = np.arange(len(group)) - starts[group[order]]
    return whole.take(np.flatnonzero(place < CAP))


def climb(
    seeds: UInt64[np.ndarray, " chains"],
    floors: list[float],
    quotas: list[int],
    *,
    most: float = np.inf,
    fold: tuple[float, float] = ALL,
) -> Found:
    """One chain a seed, up rungs of rising floors; it leaves a rung with its quota of puzzles rated floor to `most`.

    `fold`: the part of [0, 1) in which the places of all lineages lie (`puzzles.splits.place`). A chain depends on its
    seed alone, whatever the number of threads.
    """
    num, most_kept = len(seeds), sum(quotas)
    puzzles, solutions = np.zeros((2, num, most_kept, 81), np.uint8)
    rows = hard_kernels.Kept(puzzles, solutions, np.zeros((num, most_kept)), np.zeros((num, most_kept), np.uint64))
    counts, steps = np.zeros((2, num), np.int64)
    how = hard_kernels.Climb(
        np.array(floors, np.float64), np.array(quotas, np.int64), float(most), CAP, CLIMB, PATIENCE, BETA, BONUS, *fold
    )

    def piece(start: int, stop: int) -> None:
        hard_kernels.run_chains(seeds, how, invariant.overlap_constants(), start, stop, rows, counts, steps)

    over_chunks(piece, num, smallest=1)
    kept = np.arange(most_kept) < counts[:, None]
    return Found(*(array[kept] for array in rows))


def generate(
    rng: np.random.Generator, num: int, difficulty: tuple[float, float], fold: tuple[float, float] = ALL
) -> tuple[Grids, Grids]:
    """`num` puzzles rated within the range, and their solutions, of a quarter as many chains or more."""
    low, high = difficulty
    quota = min(max(1, num // 4), MOST_OF_A_CHAIN)
    parts = [climb(np.zeros(0, np.uint64), [low], [quota])]
    found = parts[0]
    while len(found.puzzles) < num:
        chains = min(-(-(num - len(found.puzzles)) // quota), MOST_AT_ONCE)
        seeds = rng.integers(0, 1 << 64, chains, dtype=np.uint64)
        found = join([found, climb(seeds, [low], [quota], most=high, fold=fold)])
    return found.puzzles[:num], found.solutions[:num]


def rate(grids: Grids, symmetries: int = SYMMETRIES) -> Float[np.ndarray, " num"]:
    """The rating of each puzzle, over symmetries that depend on its place in the array alone.

    With 8 symmetries its standard error is about 0.25 for hard puzzles.
    """
    ratings = np.zeros(len(grids))
    seeds = np.random.Generator(np.random.PCG64(0)).integers(0, 1 << 64, len(grids), dtype=np.uint64)
    over_chunks(lambda start, stop: hard_kernels.rate_many(grids, seeds, symmetries, start, stop, ratings), len(grids))
    return ratings


def lineages(solutions: Grids) -> UInt64[np.ndarray, " num"]:
    """A hash of each full grid that symmetric ones share."""
    return invariant.invariant(solutions, board(3, 3))


def clue_counts(grids: Grids) -> Int[np.ndarray, " num"]:
    return (grids > 0).sum(axis=1)


def difficulty_range(difficulty: object) -> tuple[float, float]:
    """(low, high) of the target `difficulty`; UserError for what is none or out of reach."""
    if not isinstance(difficulty, tuple | list) or len(difficulty) != 2:
        raise UserError(f"difficulty={difficulty}: must be a range of ratings [low, high], either of them null")
    for end in difficulty:
        if end is not None and (isinstance(end, bool) or not isinstance(end, int | float)):
            raise UserError(
                f"difficulty={list(difficulty)}: must be a range of ratings [low, high], either of them null"
            )
    low = 0.0 if difficulty[0] is None else float(difficulty[0])
    high = np.inf if difficulty[1] is None else float(difficulty[1])
    if not 0 <= low <= HARDEST:
        raise UserError(f"difficulty={list(difficulty)}: ratings are generated from 0 to {HARDEST} up")
    if not high - low >= NARROWEST:
        raise UserError(f"difficulty={list(difficulty)}: the range must be at least {NARROWEST} wide")
    return low, high
