"""The fast exact search for 9x9: a 27-bit board for each digit and band, locked candidates by table, guesses in pairs.

A board's bit 9 * r + c is set where the digit may stand in row r of the band, column c. A search state is STRIDE words:
4 * d + b the board of digit d in band b, OPEN + b the undecided cells of band b, DIRTY the digits to examine again.
"""

from itertools import permutations

import numpy as np
from numba import njit

from puzzles.kernels import below, count, lowest

OPEN, DIRTY, STRIDE = 36, 39, 40
ONE = np.int64(1)  # typed, since numba compiles a function again for a literal argument
RANDOM, FIRST = np.bool_(True), np.bool_(False)  # how `search` picks a digit
ALL = (1 << 27) - 1
COLUMN = 0o1001001  # the three cells of a band's column 0


def _tables():
    """OCCUPIED[row]: bit s where the row has a candidate in box s. SOLO[row]: the row if it has one candidate, else 0.

    KEEP[m], m of 9 bits 3 * i + j: the bits on some permutation i -> j whose three bits are all in m, 0 where there is
    none: a digit takes one box in each row of a band, and one band in each column of a stack, so other bits can go.
    KEEP_BAND: the same over row and box, spread to the cells.
    """
    rows = np.arange(512)
    occupied = np.sum([((rows >> 3 * box & 7) > 0).astype(np.int64) << box for box in range(3)], axis=0)
    solo = np.where(rows & (rows - 1), 0, rows)
    paths = [sum(1 << (3 * i + j) for i, j in enumerate(order)) for order in permutations(range(3))]
    keep = np.zeros(512, np.int64)
    for path in paths:
        keep[rows & path == path] |= path
    keep_band = np.sum([(keep >> bit & 1) * (7 << (9 * (bit // 3) + 3 * (bit % 3))) for bit in range(9)], axis=0)
    return occupied, solo, keep, keep_band


def _peer_masks():
    """[81, 3]: where a digit may still stand, band by band, after it was placed in a cell (that cell included)."""
    cells = np.arange(81)
    rows, cols = np.divmod(cells, 9)
    boxes = rows // 3 * 3 + cols // 3
    seen = (rows[:, None] == rows) | (cols[:, None] == cols) | (boxes[:, None] == boxes)
    free = (~seen | np.eye(81, dtype=bool)).reshape(81, 3, 27)
    return (free.astype(np.int64) << np.arange(27)).sum(axis=2)


OCCUPIED, SOLO, KEEP, KEEP_BAND = _tables()
PLACED = _peer_masks()


@njit(cache=True, nogil=True)
def begin(grid, state):
    """The state at offset 0 from values 0 (blank) to 9."""
    for word in range(OPEN):
        state[word] = ALL
    for band in range(3):
        state[OPEN + band] = ALL
    for cell in range(81):
        if grid[cell]:
            word = 4 * (grid[cell] - 1)
            state[word] &= PLACED[cell, 0]
            state[word + 1] &= PLACED[cell, 1]
            state[word + 2] &= PLACED[cell, 2]
            state[OPEN + cell // 27] &= ~(1 << cell % 27)
    for digit in range(9):
        for band in range(3):
            given = ALL & ~state[OPEN + band]
            own = np.int64(0)
            for place in range(27):
                if given >> place & 1 and grid[27 * band + place] == digit + 1:
                    own |= 1 << place
            state[4 * digit + band] &= ~given | own
    state[DIRTY] = 511


@njit(cache=True, nogil=True)
def _rows_keep(board):
    return KEEP_BAND[OCCUPIED[board & 511] | OCCUPIED[board >> 9 & 511] << 3 | OCCUPIED[board >> 18] << 6]


@njit(cache=True, nogil=True)
def _solo_rows(board):
    return SOLO[board & 511] | SOLO[board >> 9 & 511] << 9 | SOLO[board >> 18] << 18


@njit(cache=True, nogil=True)
def _settle_digits(state, at):
    """Locked candidates of every dirty digit, and what decided cells take from other digits. False: contradiction."""
    dirty = state[at + DIRTY]
    digit = -1
    while dirty:
        digit += 1
        if digit == 9:
            digit = 0
        if not dirty >> digit & 1:
            continue
        dirty &= ~(1 << digit)
        word = at + 4 * digit
        board0, board1, board2 = state[word], state[word + 1], state[word + 2]
        while True:
            board0 &= _rows_keep(board0)
            board1 &= _rows_keep(board1)
            board2 &= _rows_keep(board2)
            if board0 == 0 or board1 == 0 or board2 == 0:
                return False
            cols0 = (board0 | board0 >> 9 | board0 >> 18) & 511
            cols1 = (board1 | board1 >> 9 | board1 >> 18) & 511
            cols2 = (board2 | board2 >> 9 | board2 >> 18) & 511
            stack0 = KEEP[cols0 & 7 | (cols1 & 7) << 3 | (cols2 & 7) << 6]
            stack1 = KEEP[cols0 >> 3 & 7 | cols1 & 56 | (cols2 & 56) << 3]
            stack2 = KEEP[cols0 >> 6 | cols1 >> 3 & 56 | cols2 & 448]
            keep0 = stack0 & 7 | (stack1 & 7) << 3 | (stack2 & 7) << 6
            keep1 = stack0 >> 3 & 7 | stack1 & 56 | (stack2 & 56) << 3
            keep2 = stack0 >> 6 | stack1 >> 3 & 56 | stack2 & 448
            if keep0 == cols0 and keep1 == cols1 and keep2 == cols2:
                break
            board0 &= keep0 * COLUMN
            board1 &= keep1 * COLUMN
            board2 &= keep2 * COLUMN
        state[word] = board0
        state[word + 1] = board1
        state[word + 2] = board2
        fresh0 = _solo_rows(board0) & state[at + OPEN]
        fresh1 = _solo_rows(board1) & state[at + OPEN + 1]
        fresh2 = _solo_rows(board2) & state[at + OPEN + 2]
        if fresh0 | fresh1 | fresh2:
            state[at + OPEN] &= ~fresh0
            state[at + OPEN + 1] &= ~fresh1
            state[at + OPEN + 2] &= ~fresh2
            for other in range(9):
                word = at + 4 * other
                hit = state[word] & fresh0 | state[word + 1] & fresh1 | state[word + 2] & fresh2
                if hit and other != digit:
                    state[word] &= ~fresh0
                    state[word + 1] &= ~fresh1
                    state[word + 2] &= ~fresh2
                    dirty |= 1 << other
    state[at + DIRTY] = 0
    return True


@njit(cache=True, nogil=True)
def place(state, at, digit, cell):
    """Restricts the digit's boards to what goes with it in the cell; propagation does the rest."""
    word = at + 4 * digit
    state[word] &= PLACED[cell, 0]
    state[word + 1] &= PLACED[cell, 1]
    state[word + 2] &= PLACED[cell, 2]
    state[at + DIRTY] |= 1 << digit


@njit(cache=True, nogil=True)
def _best_pair(state, at, pairs, scores):
    """Of the cells with two candidates, the one whose candidates see most of their like; those in pairs count thrice.

    `scores`: 81 zeros, and zeros again after the call.
    """
    best = -1
    most = -1
    for digit in range(9):
        word = at + 4 * digit
        for band in range(3):
            cells = state[word + band] & pairs[band]
            while cells:
                cell = 27 * band + lowest(cells)
                cells &= cells - 1
                seen = 0
                for other in range(3):
                    like = state[word + other] & ~PLACED[cell, other]
                    seen += count(like) + 2 * count(like & pairs[other])
                if scores[cell] == 0:
                    scores[cell] = seen + 1
                    continue
                seen += scores[cell]
                scores[cell] = 0
                if seen > most:
                    most = seen
                    best = cell
    return best


@njit(cache=True, nogil=True)
def _propagate(state, at, scores):
    """Narrows the state until nothing follows. Returns -1 for a contradiction, -2 when solved, else where to guess."""
    while True:
        if not _settle_digits(state, at):
            return -1
        if state[at + OPEN] | state[at + OPEN + 1] | state[at + OPEN + 2] == 0:
            return -2
        pair0 = pair1 = pair2 = np.int64(0)
        triple = -1
        placed = False
        for band in range(3):
            once = twice = thrice = fourth = np.int64(0)
            for digit in range(9):
                board = state[at + 4 * digit + band]
                fourth |= thrice & board
                thrice |= twice & board
                twice |= once & board
                once |= board
            if once != ALL:
                return -1
            naked = once & ~twice & state[at + OPEN + band]
            if naked:
                placed = True
                for digit in range(9):
                    hits = state[at + 4 * digit + band] & naked
                    while hits:
                        place(state, at, digit, 27 * band + lowest(hits))
                        hits &= hits - 1
            pair0, pair1, pair2 = pair1, pair2, twice & ~thrice
            if triple < 0 and thrice & ~fourth:
                triple = 27 * band + lowest(thrice & ~fourth)
        if not placed:
            if pair0 | pair1 | pair2:
                return _best_pair(state, at, (pair0, pair1, pair2), scores)
            if triple >= 0:
                return triple
            for band in range(3):
                if state[at + OPEN + band]:
                    return 27 * band + lowest(state[at + OPEN + band])


@njit(cache=True, nogil=True)
def _pick_digit(state, at, cell, avoided, random, seed):
    """A digit that the cell may hold: random, or the first but `avoided` unless nothing else is left."""
    band, bit = cell // 27, 1 << cell % 27
    picked = avoided
    seen = 0
    for digit in range(9):
        if state[at + 4 * digit + band] & bit:
            if random:
                seen += 1
                if below(seed, seen) == 0:
                    picked = digit
            elif digit != avoided:
                return digit
    return picked


@njit(cache=True, nogil=True)
def read(state, at, grid):
    """The values 1..9 of a solved state."""
    for digit in range(9):
        for band in range(3):
            board = state[at + 4 * digit + band]
            while board:
                grid[27 * band + lowest(board)] = digit + 1
                board &= board - 1


@njit(cache=True, nogil=True)
def _branch(state, at, cell, digit):
    """The next state: this one with the digit in the cell. This one loses that candidate."""
    band, bit = cell // 27, 1 << cell % 27
    child = at + STRIDE
    for word in range(STRIDE):
        state[child + word] = state[at + word]
    state[at + 4 * digit + band] &= ~bit
    state[at + DIRTY] = 1 << digit
    place(state, child, digit, cell)
    for other in range(9):
        if other != digit and state[child + 4 * other + band] & bit:
            state[child + 4 * other + band] &= ~bit
            state[child + DIRTY] |= 1 << other
    state[child + OPEN + band] &= ~bit


@njit(cache=True, nogil=True)
def search(state, limit, known, random, seed, answer):
    """As `sudoku_search.search`, without its bound on guesses, from the state at offset 0: (solutions, guesses)."""
    scores = np.zeros(81, np.int64)
    at = np.int64(0)
    solutions = 0
    guesses = 0
    while True:
        cell = _propagate(state, at, scores)
        if cell == -2:
            read(state, at, answer)
            differs = False
            for index in range(81):
                differs |= answer[index] != known[index]
            if differs:
                solutions += 1
                if solutions >= limit:
                    return solutions, guesses
        elif cell >= 0:
            _branch(state, at, cell, _pick_digit(state, at, cell, np.int64(known[cell]) - 1, random, seed))
            at += STRIDE
            guesses += 1
            continue
        at -= STRIDE
        if at < 0:
            return solutions, guesses


@njit(cache=True, nogil=True)
def solve_many(grids, limit, start, stop, counts, guesses, answers):
    """Rows start..stop: solutions up to limit, guesses spent, last solution found."""
    state = np.empty(STRIDE * 82, np.int64)
    known = np.zeros(81, np.uint8)
    seed = np.zeros(1, np.uint64)
    for index in range(start, stop):
        begin(grids[index], state)
        counts[index], guesses[index] = search(state, limit, known, FIRST, seed, answers[index])
