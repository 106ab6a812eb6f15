"""Maze-Hard's kind: each cell a wall with a chance drawn for the maze, no frame, start and goal far apart.

The rule is: draw the chance of a wall, the walls, then start and goal among the free cells, until their shortest path
is long enough. About one draw in 57,000 is at 30x30 with 109 moves. What comes out is distributed exactly so here:

    P(maze, S, G | far) ~ P(maze) [S, G far] / (F (F - 1))                    F free cells
                        = P(maze) N / (F (F - 1)) * [S, G far] / N            N far ordered pairs of this maze

so a maze is kept with probability N / (c F (F - 1)), then one of its N pairs is drawn. c is an envelope of the share of
far pairs; it may depend on the chance p of a wall where p is drawn in proportion to c(p). The number u that decides is
drawn first: a maze must have more than u c F (F - 1) far pairs, and one search from near its middle bounds them
(d(x, y) <= d(x, m) + d(m, y)), which rejects nearly every maze. Taking far pairs as a search happens to find them
would favour mazes with few of them: paths too short. Where targets are near, the rule itself is tried first: what it
accepts has the same distribution, whenever one stops trying it.
"""

import numpy as np
from numba import njit

from puzzles.errors import UserError
from puzzles.kernels import below, lowest, over_chunks
from puzzles.maze.bfs import FREE, GOAL, START, WALL, frame, mark_path, spread
from puzzles.maze.bits import ONE, draw_walls, flood, halfway, middle, nth, size, unit

TRIES = 20_000_000  # mazes made for one puzzle before its targets count as out of reach
PLAIN_TRIES = 64  # draws by the rule itself that come first: near targets need no more
LARGEST = 64  # rows and columns: a row is one word
PRESET = ((30, 30), (0.3, 0.5), 109)  # shape, walls, least moves of Maze-Hard
# c for chances of 0.30, 0.31, ...: in 12 million mazes the shares of far pairs that lie above hold 0.3 % of all, so
# this total variation parts the preset from the exact rule. Longer least paths have smaller shares.
ENVELOPE = np.array([
    0.035, 0.042, 0.050, 0.058, 0.066, 0.072, 0.076, 0.076, 0.072, 0.066,
    0.058, 0.050, 0.042, 0.035, 0.027, 0.019, 0.013, 0.008, 0.004, 0.003,
])  # fmt: skip


@njit(cache=True, nogil=True)
def list_far(rows, columns, low, needed, free, layers, unseen, rest, cells, bounds):
    """Cells that may have others at `low` moves or more, and at most how many: (how many cells, the sum of bounds).

    Leaves off where the sum cannot exceed `needed`: of n connected cells each has `low` nearer ones at least, so
    n (n - low) pairs are far at most.
    """
    rest[:] = free
    left = size(rows, rest)
    num = total = 0
    while left > low and total + left * (left - low) > needed:
        row, column = middle(rows, columns, rest)
        depth = flood(rows, rest, row, column, layers, unseen)
        if 2 * depth >= low:
            far = 0
            for away in range(low - depth, depth + 1):
                far += size(rows, layers[away])
            others = size(rows, unseen)
            if total + far * (far - 1) + others * max(others - low, 0) <= needed:
                return num, total
            row, column = halfway(rows, rest, layers, depth, unseen)
            depth = flood(rows, rest, row, column, layers, unseen)
        rest[:] = unseen
        left = size(rows, rest)
        if 2 * depth < low:
            continue
        tail = 0
        nearest = depth + 1  # tail counts the cells at `nearest` moves from the middle and more
        for away in range(max(low - depth, 0), depth + 1):
            while nearest > max(low - away, 0):
                nearest -= 1
                tail += size(rows, layers[nearest])
            for i in range(1, rows + 1):
                bits = layers[away, i]
                while bits:
                    cells[num] = i * 64 + lowest(bits)
                    bounds[num] = tail - (nearest <= away)  # not with itself
                    total += bounds[num]
                    num += 1
                    bits &= bits - ONE
    return num, total


@njit(cache=True, nogil=True)
def count_far(rows, free, low, high, cell, layers, unseen):
    """Cells at low..high moves from `cell`."""
    depth = flood(rows, free, cell // 64, cell % 64, layers, unseen)
    found = 0
    for away in range(low, min(depth, high) + 1):
        found += size(rows, layers[away])
    return found


@njit(cache=True, nogil=True)
def _by_the_rule(rows, columns, least, most, low, high, seed, free, layers, unseen):
    """One draw by the rule: (start, goal), or (0, 0) where they are not as far apart as asked for."""
    num_free = draw_walls(rows, columns, int((least + (most - least) * unit(seed)) * 65536), seed, free)
    if num_free < 2:
        return 0, 0
    layers[0] = free
    one, two = below(seed, num_free), below(seed, num_free - 1)
    start, goal = nth(rows, 0, layers, one), nth(rows, 0, layers, two + (two >= one))
    depth = flood(rows, free, start // 64, start % 64, layers, unseen)
    for away in range(low, min(depth, high) + 1):
        if layers[away, goal // 64] >> np.uint64(goal % 64) & ONE:
            return start, goal
    return 0, 0


@njit(cache=True, nogil=True)
def search(rows, columns, least, most, low, high, envelope, tries, seed, scratch, layers, cells, bounds):
    """One maze in scratch[0] with its start and goal as row * 64 + column; (0, 0) after fruitless tries.

    envelope: c for equal parts of the range of chances.
    """
    free, unseen, rest = scratch[0], scratch[1], scratch[2]
    peak = envelope.max()
    if peak == 1:
        for _ in range(PLAIN_TRIES):
            start, goal = _by_the_rule(rows, columns, least, most, low, high, seed, free, layers, unseen)
            if start:
                return start, goal
    for _ in range(tries):
        while True:
            place = unit(seed)
            bound = envelope[int(place * len(envelope))]
            if bound == peak or unit(seed) * peak < bound:
                break
        chance = int((least + (most - least) * place) * 65536)
        num_free = draw_walls(rows, columns, chance, seed, free)
        needed = unit(seed) * bound * num_free * (num_free - 1)
        if num_free < 2:
            continue
        num, most_pairs = list_far(rows, columns, low, needed, free, layers, unseen, rest, cells, bounds)
        pairs = 0
        for i in range(num - 1, -1, -1):
            if most_pairs <= needed:
                break
            found = count_far(rows, free, low, high, cells[i], layers, unseen)
            pairs += found
            most_pairs += found - bounds[i]
            bounds[i] = found
        if pairs == 0 or most_pairs <= needed:
            continue
        number = below(seed, pairs)
        i = 0
        while number >= bounds[i]:
            number -= bounds[i]
            i += 1
        flood(rows, free, cells[i] // 64, cells[i] % 64, layers, unseen)
        return cells[i], nth(rows, low, layers, number)
    return 0, 0


@njit(cache=True, nogil=True)
def generate_many(rows, columns, least, most, low, high, envelope, tries, seeds, start, stop, grids, labels, failed):
    """Rows start..stop; failed[0] is set where the search for one gave up, and all stop."""
    width = columns + 2
    distance, parent, order = np.empty((3, (rows + 2) * width), np.int32)
    scratch = np.zeros((3, rows + 2), np.uint64)
    layers = np.zeros((rows * columns + 1, rows + 2), np.uint64)
    cells, bounds = np.empty((2, rows * columns), np.int64)
    seed = np.empty(1, np.uint64)
    for index in range(start, stop):
        seed[0] = seeds[index]
        if failed[0]:
            return
        one, two = search(rows, columns, least, most, low, high, envelope, tries, seed, scratch, layers, cells, bounds)
        if one == 0:
            failed[0] = True
            return
        for row in range(rows):
            for column in range(columns):
                wall = scratch[0, row + 1] >> np.uint64(column) & ONE == 0
                grids[index, row * columns + column] = WALL if wall else FREE
        grids[index, (one // 64 - 1) * columns + one % 64] = START
        grids[index, (two // 64 - 1) * columns + two % 64] = GOAL
        source, goal = frame(grids[index], rows, columns, distance)
        spread(width, source, distance, parent, order)
        labels[index] = grids[index]
        mark_path(columns, source, goal, parent, labels[index])


def _envelope(shape, walls, low):
    """What no share of far pairs exceeds, for equal parts of the range of chances."""
    if shape != PRESET[0] or low < PRESET[2] or walls[0] < PRESET[1][0] or walls[1] > PRESET[1][1]:
        return np.ones(1)
    return ENVELOPE if walls == PRESET[1] else ENVELOPE.max(keepdims=True)


def generate(seeds, shape, walls, low, high):
    """(inputs, labels), one maze a seed; UserError where the targets seem out of reach."""
    (rows, columns), (least, most) = shape, walls
    if max(shape) > LARGEST:
        raise UserError(f"kind=hard: {rows}x{columns} is too large, rows and columns must be at most {LARGEST}")
    inputs, labels = np.zeros((2, len(seeds), rows * columns), np.uint8)
    failed = np.zeros(1, np.bool_)
    envelope = _envelope(shape, walls, low)

    def piece(start: int, stop: int) -> None:
        generate_many(
            rows, columns, least, most, low, high, envelope, TRIES, seeds, start, stop, inputs, labels, failed
        )

    over_chunks(piece, len(seeds), smallest=1)
    if failed[0]:
        raise UserError(f"path=[{low}, {high}]: in {TRIES} mazes with walls={list(walls)} none has such a path")
    return inputs, labels
