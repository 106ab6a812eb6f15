"""The kernels behind `puzzles.sudoku.hard`: Metropolis chains that climb from a random minimal puzzle to hard ones.

One step of a chain: take one or two clues away and add clues of the solution back, each where a random other solution
differs, until there is no other; then take away every clue that became redundant. Some steps change the solution. The
rule of Metropolis decides, on the mean of log2(1 + guesses) over random symmetries: rating a puzzle as it lies would
breed boards that one order of guessing finds hard.

Most steps make easy puzzles, so they pass gates before they are rated: guesses before redundant clues are gone, cells
that follow without a guess, one symmetry, a few, more.
"""

import numpy as np
from numba import njit

from puzzles.kernels import below, count, next_random, shuffle
from puzzles.sudoku import bands, dig9, invariant, symmetry
from puzzles.sudoku.bands import FIRST, ONE, OPEN, RANDOM, STRIDE

TWO_DROPPED, NEW_SOLUTION = 20, 10  # per cent of the steps that take two clues away, that change the solution
FIRST_RATING = 4  # symmetries that decide about a step
ROOM = 0.5  # above a rung's floor, where a rating stops to gain
SLACK = 1.0  # by how much one symmetry may miss what the mean must reach
STORED_RATING = 8  # fresh symmetries that rate what is kept
RERATE = 24  # rejected steps in a row after which the current puzzle is rated again, lest a lucky rating stay for ever
PROMISING = 3.0  # what taking redundant clues away may add to log2(1 + guesses)
EASY_CELLS = 14  # cells that propagation may fill before a guess; more, and no search is spent on the puzzle
APART = 3  # clues to add or remove from one kept puzzle to another of its chain, at least
LEARNT = 1024  # unavoidable sets of the current solution that are kept
THREE, TWO = np.int64(3), np.int64(2)


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
def _start(state, seed, low, high, overlaps, members, left, puzzle, solution):
    """A random minimal puzzle of the fold; its lineage."""
    while True:
        if dig9.fill(state, seed, solution) == 0:
            continue
        lineage = lineage_of(solution, overlaps)
        if in_fold(lineage, low, high):
            dig9.dig(state, seed, solution, np.int64(0), members, left, puzzle)
            return lineage


@njit(cache=True, nogil=True)
def _clues(puzzle):
    num = 0
    for cell in range(81):
        num += puzzle[cell] != 0
    return num


@njit(cache=True, nogil=True)
def _propose(puzzle, solution, clues, learnt, least, two, new, state, seed, order, scores, child, target, scrap):
    """Makes `child`, a minimal puzzle with the solution `target`, of the puzzle by an exchange of a few clues.

    `two` and `new` are the per cent of exchanges that begin with two clues less, and that change the solution. False
    where it came out the same, or with too few guesses before clues were taken away to have `least` after.
    """
    child[:] = puzzle
    for drop in range(2 if below(seed, 100) < two else 1):
        place = below(seed, clues - drop)
        for cell in range(81):
            if child[cell]:
                if place == 0:
                    child[cell] = 0
                    break
                place -= 1
    target[:] = solution
    sets = learnt[0]
    if below(seed, 100) < new:
        bands.begin(child, state)
        bands.search(state, ONE, solution, RANDOM, seed, target)
        sets = learnt[1]
        sets[0] = 0
    if np.log2(1.0 + make_unique(child, target, state, seed, scrap)) < least:
        return False
    same = True
    for cell in range(81):
        same &= child[cell] == puzzle[cell]
    if same:
        return False
    minimise(child, target, sets, state, seed, order, scores, scrap)
    return True


@njit(cache=True, nogil=True)
def run_chains(
    seeds,
    floors,
    quotas,
    most,
    cap,
    climb,
    patience,
    beta,
    bonus,
    low,
    high,
    overlaps,
    start,
    stop,
    puzzles,
    solutions,
    ratings,
    lineages,
    counts,
    steps,
):
    """Chains start..stop, each up a ladder: it keeps quotas[i] puzzles rated floors[i] to `most`, then goes to i + 1.

    On a rung, a rating gains nothing above ROOM over the floor, so that the chain roams instead of climbing a peak. It
    ends after the last rung, or after `climb` steps on a rung without a puzzle worth keeping (`patience` once there was
    one). `bonus` is added to the rating for each clue. All its solutions lie in the fold low..high; at most `cap` kept
    puzzles share a lineage. `steps`: how many each chain took.
    """
    state = np.empty(STRIDE * 82, np.int64)
    members = np.zeros((81, dig9.MAX_SETS), np.uint8)
    left = np.zeros(dig9.MAX_SETS, np.uint8)
    seed, scores, order = np.empty(1, np.uint64), np.zeros(81, np.int64), np.arange(81)
    boards = np.empty((5, 81), np.uint8)
    puzzle, solution, child, target, scrap = boards[0], boards[1], boards[2], boards[3], boards[4]
    turned = np.empty((1, 81), np.uint8)
    learnt = np.zeros((2, LEARNT + 1, 2), np.int64)
    for index in range(start, stop):
        learnt[:, 0] = 0
        order[:] = np.arange(81)
        seed[0] = seeds[index]
        _start(state, seed, low, high, overlaps, members, left, puzzle, solution)
        clues = _clues(puzzle)
        rating = log_guesses(puzzle, FIRST_RATING, state, seed, turned, scrap) / FIRST_RATING
        rated = FIRST_RATING
        kept = idle = barren = rung = here = 0
        while rung < len(floors) and barren < (patience if here else climb):
            steps[index] += 1
            barren += 1
            idle += 1
            floor = floors[rung]
            if idle > RERATE:
                idle = 0
                more = log_guesses(puzzle, FIRST_RATING, state, seed, turned, scrap)
                rating = (rating * rated + more) / (rated + FIRST_RATING)
                rated += FIRST_RATING
            wanted = min(rating, floor + ROOM) + bonus * clues + np.log(max(unit(seed), 1e-12)) / beta
            least = min(wanted - bonus * clues, floor) - PROMISING
            if not _propose(
                puzzle,
                solution,
                clues,
                learnt,
                least,
                TWO_DROPPED,
                NEW_SOLUTION,
                state,
                seed,
                order,
                scores,
                child,
                target,
                scrap,
            ):
                continue
            if easy_cells(child, state, scores) >= EASY_CELLS:
                continue
            lineage = lineage_of(target, overlaps)
            if not in_fold(lineage, low, high):
                continue
            one_shot = log_guesses(child, 1, state, seed, turned, scrap)
            gain = bonus * _clues(child)
            may_move = min(one_shot, floor + ROOM) + gain >= wanted - SLACK
            may_stay = one_shot >= floor - SLACK / 2
            if may_stay:
                may_stay = has_room(puzzles[index, :kept], lineages[index, :kept], child, lineage, cap, APART)
            if not (may_move or may_stay):
                continue
            child_rating = log_guesses(child, FIRST_RATING, state, seed, turned, scrap) / FIRST_RATING
            if may_move and min(child_rating, floor + ROOM) + gain >= wanted:
                if (target != solution).any():
                    learnt[0] = learnt[1]
                puzzle[:], solution[:] = child, target
                rating, clues, rated, idle = child_rating, _clues(child), FIRST_RATING, 0
            if not may_stay or child_rating < floor:
                continue
            stored = log_guesses(child, STORED_RATING, state, seed, turned, scrap) / STORED_RATING
            if stored < floor or stored > most:
                continue
            puzzles[index, kept], solutions[index, kept] = child, target
            ratings[index, kept], lineages[index, kept] = stored, lineage
            kept += 1
            here += 1
            barren = 0
            if here == quotas[rung]:
                rung += 1
                here = 0
        counts[index] = kept
