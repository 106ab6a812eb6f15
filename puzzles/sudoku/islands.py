"""Sudoku that one level of trial does not solve, from nothing: populations that evolve from random minimal puzzles.

Such puzzles are most of the hard ones of Sudoku-Extreme, but too rare to be met by chance. Each island finds them in
two phases, both by an exchange of a few clues (`exchange`), and both guided by how well a puzzle resists trial
(`trial.resistance`). First, a number of chains cool down, each from a random minimal puzzle of its own (Metropolis).
Their ends found a population, in which a child may take the place of the worst of its parent and three random others.
Once some members are deep, which means that one level of trial does not solve them, they take over, and from then on
most of what is kept is found.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import UInt64
from numba import njit

from puzzles.kernels import below, over_chunks
from puzzles.sudoku import exchange, invariant, trial
from puzzles.sudoku.hard import ALL, CAP, SYMMETRIES, Found, rate

TWO_DROPPED, NEW_SOLUTION = 15, 40  # per cent of the exchanges; new solutions are what leads to new lineages
COST = 60.0  # cells that a refuted candidate counts
FOUNDERS, CLIMB = 48, 16_000  # chains of an island, and the proposals of each
HOT, COLD = (
    0.15,
    0.05,
)  # temperatures of a chain, from its first step to its last, on the logarithm of minus the resistance
SIZE = 400  # members of an island
RIVALS = 3  # members that a child may replace, besides its parent
SLACK = 0.4  # temperature of the island, on the resistance
DEEP = 1.5  # what a deep puzzle gains on others of the same resistance
PROMISING = -12.0  # the resistance from which a child is tried for depth
PROPOSALS = 4_000_000  # of an island, at most
PATIENCE = 400_000  # proposals without a puzzle to keep, after which an island that kept some ends
TOLD = 50_000  # proposals after which an island tells how far it is: ten seconds
# An island keeps `QUOTA` deep puzzles from each of these resistances to the next: the quarters of the deep puzzles of
# Sudoku-Extreme, of which 5 % resist less than the first.
FLOORS, QUOTA = (-5.1, -3.7, -2.5, -1.6), 500
APART = 2  # clue changes between two of them, at least: one exchange


@njit(cache=True, nogil=True)
def _exchange(room, puzzle, solution):
    """Whether an exchange of clues made another puzzle, in `room.child` and `room.target`."""
    exchange.forget(room)
    return exchange.swap_clues(room, puzzle, solution, 0.0, TWO_DROPPED, NEW_SOLUTION)


@njit(cache=True, nogil=True)
def _heat(room):
    """A draw from the exponential distribution: what a step may lose, in units of the temperature."""
    return -np.log(max(exchange.unit(room.seed), 1e-12))


@njit(cache=True, nogil=True)
def _cool(room, steps, low, high, overlaps, puzzle, solution):
    """A chain that cools down: `puzzle` and `solution`, which it starts from, become its end."""
    energy = np.log(-trial.resistance(puzzle, COST, trial.SOLVED, room.state, room.scores))
    for step in range(steps):
        if not _exchange(room, puzzle, solution):
            continue
        most = energy + HOT * (COLD / HOT) ** (step / steps) * _heat(room)
        value = trial.resistance(room.child, COST, -np.exp(most), room.state, room.scores)
        reached = np.log(max(-value, 1e-3))
        if value <= trial.SOLVED or reached > most:
            continue
        if not exchange.in_fold(exchange.lineage_of(room.target, overlaps), low, high):
            continue
        puzzle[:], solution[:] = room.child, room.target
        energy = reached


@njit(cache=True, nogil=True)
def found(room, steps, low, high, overlaps, puzzle, solution):
    """A chain from its start, a random minimal puzzle of the fold, to its end, which fills `puzzle` and `solution`."""
    exchange.random_minimal(room, low, high, overlaps, puzzle, solution)
    _cool(room, steps, low, high, overlaps, puzzle, solution)


@njit(cache=True, nogil=True)
def _value(room, puzzle, least):
    """(the resistance of the puzzle with what depth adds to it, whether it is deep); below `least`, only that it is."""
    value = trial.resistance(puzzle, COST, least - DEEP, room.state, room.scores)
    deep = value > PROMISING and not trial.trial_solves(puzzle, room.state, room.scores)
    return value + DEEP if deep else value, deep


@njit(cache=True, nogil=True)
def _is_member(pool, values, child, value):
    found = False
    for member in range(len(pool)):
        found |= values[member] == value and (pool[member] == child).all()
    return found


@njit(cache=True, nogil=True)
def value_all(room, pool, values):
    """The value of each member, as `inhabit` compares them."""
    for member in range(len(pool)):
        values[member] = _value(room, pool[member], trial.SOLVED)[0]


@njit(cache=True, nogil=True)
def inhabit(
    room, pool, answers, values, proposals, floors, here, quota, shallow, cap, low, high, overlaps,
    puzzles, solutions, lineages,
):  # fmt: skip
    """Evolves a population by some proposals, and fills further rows with the children kept, here.sum() of all so far.

    A child is kept if it is deep (or `shallow`: any is), if fewer than `quota` resist as it does, as `floors` divide
    them (`here` counts them), if it is at least APART clue changes from those kept before, and if it is one of at most
    `cap` of its lineage. It ends early when all quotas are full.
    """
    size, kept = len(pool), here.sum()
    for _ in range(proposals):
        if kept == len(puzzles):
            break
        parent = below(room.seed, size)
        if not _exchange(room, pool[parent], answers[parent]):
            continue
        loser = parent
        for _ in range(RIVALS):
            other = below(room.seed, size)
            if values[other] < values[loser]:
                loser = other
        least = values[loser] - SLACK * _heat(room)
        value, deep = _value(room, room.child, min(least, floors[0]))
        resisting = value - DEEP if deep else value
        quarter = np.searchsorted(floors, resisting, side="right") - 1
        keep = (deep or shallow) and quarter >= 0 and here[quarter] < quota
        if (value < least and not keep) or value <= trial.SOLVED or _is_member(pool, values, room.child, value):
            continue
        lineage = exchange.lineage_of(room.target, overlaps)
        if not exchange.in_fold(lineage, low, high):
            continue
        if value >= least:
            pool[loser], answers[loser], values[loser] = room.child, room.target, value
        if keep and exchange.has_room(puzzles[:kept], lineages[:kept], room.child, lineage, cap, APART):
            puzzles[kept], solutions[kept], lineages[kept] = room.child, room.target, lineage
            kept += 1
            here[quarter] += 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How large and how long islands are; see the constants of this module.

    `shallow` keeps puzzles that one level of trial solves as well, for islands too short to find others.
    """

    founders: int = FOUNDERS
    climb: int = CLIMB
    members: int = SIZE
    proposals: int = PROPOSALS
    floors: tuple[float, ...] = FLOORS
    quota: int = QUOTA
    shallow: bool = False


def evolve(
    seeds: UInt64[np.ndarray, " islands"],
    *,
    fold: tuple[float, float] = ALL,
    size: Size = Size(),
    tell: Callable[[int, float, int], None] | None = None,
) -> Found:
    """What the islands kept, one island a seed. An island depends on its seed alone, whatever the number of threads.

    `tell(island, share, kept)` is called every few seconds by the thread of an island, with the share of its chains and
    proposals that are done, and the number of puzzles it kept so far.
    """
    none = np.zeros((0, 81), np.uint8)
    islands = [Found(none, none, np.zeros(0), np.zeros(0, np.uint64))] * len(seeds)

    def piece(start: int, stop: int) -> None:
        for index in range(start, stop):
            say = partial(tell, index) if tell is not None else lambda _share, _kept: None
            islands[index] = _island(seeds[index], fold, size, say)

    over_chunks(piece, len(seeds), smallest=1)
    puzzles, solutions, lineages = (
        np.concatenate([getattr(island, name) for island in islands]) for name in ("puzzles", "solutions", "lineages")
    )
    return Found(puzzles, solutions, rate(puzzles, SYMMETRIES), lineages)


def _island(seed: np.uint64, fold: tuple[float, float], size: Size, tell: Callable[[float, int], None]) -> Found:
    """What one island kept, not rated."""
    room, overlaps, most = exchange.make_room(), invariant.overlap_constants(), size.quota * len(size.floors)
    room.seed[0] = seed
    pool, answers = np.empty((2, size.members, 81), np.uint8)
    puzzles, solutions = np.zeros((2, most, 81), np.uint8)
    lineages, values = np.zeros(most, np.uint64), np.empty(size.members)
    floors, here = np.array(size.floors), np.zeros(len(size.floors), np.int64)
    work = size.founders * size.climb + size.proposals
    for member in range(size.members):
        if member < size.founders:
            found(room, size.climb, *fold, overlaps, pool[member], answers[member])
            tell((member + 1) * size.climb / work, 0)
        else:
            pool[member], answers[member] = pool[member - size.founders], answers[member - size.founders]
    value_all(room, pool, values)
    kept = idle = 0
    for done in range(0, size.proposals, TOLD):
        inhabit(
            room, pool, answers, values, min(TOLD, size.proposals - done), floors, here, size.quota, size.shallow, CAP,
            *fold, overlaps, puzzles, solutions, lineages,
        )  # fmt: skip
        idle = idle + TOLD if 0 < kept == here.sum() else 0
        kept = int(here.sum())
        tell(min((size.founders * size.climb + done + TOLD) / work, 1.0), kept)
        if kept == most or idle >= PATIENCE:
            break
    return Found(puzzles[:kept], solutions[:kept], np.zeros(kept), lineages[:kept])
