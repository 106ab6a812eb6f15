"""How many there are, how long, and in which order."""

import numpy as np

from puzzles.arc.families.draw import Pair, Rng, below, between, palette, pick, put, scatter, shape, sides


def count_objects(rng: Rng, low: int, high: int, objects: int) -> Pair:
    """One row with a cell for each object."""
    rows, columns = sides(rng, low, high)
    grid, taken = np.zeros((rows, columns), np.uint8), np.zeros((rows, columns), bool)
    colour = palette(rng, 1)[0]
    wanted = between(rng, 1, min(objects, high))
    count = sum(put(rng, grid, taken, shape(rng, 1, 4), colour) is not None for _ in range(wanted))
    return (grid, np.full((1, count), colour, np.uint8)) if count else None


def most_common_colour(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """Only the colour with the most cells stays."""
    grid = scatter(rng, *sides(rng, low, high), percent, palette(rng, colours))
    counts = np.bincount(grid.ravel(), minlength=10)
    counts[0] = 0
    most = counts.argmax()
    if np.count_nonzero(counts == counts[most]) > 1:
        return None
    return grid, np.where(grid == most, grid, np.uint8(0))


def histogram(rng: Rng, low: int, high: int, colours: int, most: int) -> Pair:
    """A bar from the left for each colour, as long as the colour has cells, the longest first."""
    rows, columns = sides(rng, low, high)
    lengths = list(range(1, min(most, high) + 1))
    num = min(between(rng, 2, colours), len(lengths), high)
    counts = sorted((lengths.pop(below(rng, len(lengths))) for _ in range(num)), reverse=True)
    if sum(counts) > rows * columns:
        return None
    grid = np.zeros((rows, columns), np.uint8)
    out = np.zeros((num, counts[0]), np.uint8)
    cells, start = rng.permutation(rows * columns), 0
    for place, (count, colour) in enumerate(zip(counts, palette(rng, num), strict=True)):
        grid.ravel()[cells[start : start + count]] = colour
        out[place, :count] = colour
        start += count
    return grid, out


GREY = 5


def _bars(rng: Rng, low: int, high: int, bars: int) -> tuple[int, int, list[int], list[int]]:
    """Rows, columns, and the places and heights, all different, of at least two bars."""
    rows, columns = sides(rng, low, high)
    num = between(rng, 2, min(bars, rows, columns))
    free, heights = list(range(columns)), list(range(1, rows + 1))
    places = sorted(free.pop(below(rng, len(free))) for _ in range(num))
    return rows, columns, places, [heights.pop(below(rng, len(heights))) for _ in range(num)]


def sort_bars(rng: Rng, low: int, high: int, bars: int) -> Pair:
    """The bars stand in order of height, the lowest on the left."""
    rows, columns, places, heights = _bars(rng, low, high, bars)
    colours = palette(rng, 9)
    grid, out = np.zeros((2, rows, columns), np.uint8)
    drawn = [(height, pick(rng, colours)) for height in heights]
    for canvas, order in ((grid, drawn), (out, sorted(drawn))):
        for column, (height, colour) in zip(places, order, strict=True):
            canvas[rows - height :, column] = colour
    return grid, out


def rank_bars(rng: Rng, low: int, high: int, bars: int) -> Pair:
    """Grey bars take the colours 1, 2, 3, ... from the tallest to the lowest."""
    rows, columns, places, heights = _bars(rng, low, high, bars)
    out = np.zeros((rows, columns), np.uint8)
    tallest_first = sorted(heights, reverse=True)
    for column, height in zip(places, heights, strict=True):
        out[rows - height :, column] = 1 + tallest_first.index(height)
    return np.where(out > 0, np.uint8(GREY), out), out
