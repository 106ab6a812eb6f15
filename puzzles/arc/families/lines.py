"""Lines between dots, through dots, and patterns that go on."""

import numpy as np

from puzzles.arc.families.draw import Pair, Rng, below, between, palette, scatter, sides, turned

CROSSING = 2
SEGMENT_TRIES = 12


def draw_lines(rng: Rng, low: int, high: int, pairs: int, singles: int) -> Pair:
    """Dots of one colour in a row or column are joined by a line."""
    rows, columns = sides(rng, low, high)
    colours = palette(rng, 9)
    grid, out = np.zeros((2, rows, columns), np.uint8)
    wanted = between(rng, 1, pairs)
    for _ in range(SEGMENT_TRIES):
        upright = below(rng, 2)
        drawn, ends = (out.T, grid.T) if upright else (out, grid)
        line, start = below(rng, len(drawn)), below(rng, drawn.shape[1] - 2)
        stop = between(rng, start + 3, drawn.shape[1])
        if not drawn[line, start:stop].any():
            drawn[line, start:stop] = ends[line, start] = ends[line, stop - 1] = colours.pop()
            wanted -= 1
        if not wanted:
            break
    for _ in range(below(rng, singles + 1)):
        cell = below(rng, rows), below(rng, columns)
        if not out[cell]:
            out[cell] = grid[cell] = colours.pop()
    return grid, out


def crosshairs(rng: Rng, low: int, high: int, dots: int) -> Pair:
    """Lines run through every dot, along and across; they meet in red."""
    rows, columns = sides(rng, low, high)
    num = between(rng, 2, min(dots, rows, columns))
    grid, out = np.zeros((2, rows, columns), np.uint8)
    across, down = rng.permutation(rows)[:num], rng.permutation(columns)[:num]
    colours = np.array(palette(rng, num, banned=(CROSSING,)), np.uint8)
    out[across] = colours[:, None]
    out[:, down] = colours
    out[np.ix_(across, down)] = CROSSING
    out[across, down] = grid[across, down] = colours
    return grid, out


def diagonals(rng: Rng, low: int, high: int, dots: int) -> Pair:
    """Diagonal lines run through every dot."""
    rows, columns = sides(rng, low, high)
    colour = palette(rng, 1)[0]
    grid, out = np.zeros((2, rows, columns), np.uint8)
    for _ in range(between(rng, 1, dots)):
        row, column = below(rng, rows), below(rng, columns)
        grid[row, column] = colour
        for r in range(rows):
            for c in (column + r - row, column - r + row):
                if 0 <= c < columns:
                    out[r, c] = colour
    return grid, out


def extend_pattern(rng: Rng, low: int, high: int, period: int, colours: int) -> Pair:
    """Repeating lines go on to the border."""
    rows, columns = sides(rng, low, high)
    length = between(rng, 2, min(period, (columns - 1) // 2))
    height = 1 if below(rng, 2) else rows  # stripes or free patterns
    pattern = np.broadcast_to(scatter(rng, height, length, 100, palette(rng, colours)), (rows, length))
    for shorter in range(1, length):
        if length % shorter == 0 and (pattern[:, shorter:] == pattern[:, :-shorter]).all():
            return None
    out = pattern[:, np.arange(columns) % length]
    grid = out.copy()
    grid[:, between(rng, 2 * length, columns - 1) :] = 0
    grid, out = turned(rng, grid, out)
    return grid, out
