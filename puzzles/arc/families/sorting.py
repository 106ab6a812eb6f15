"""Bars in order."""

import numpy as np

from puzzles.arc.families.draw import Grid, Rng, below, between, palette, pick, sides

Pair = tuple[Grid, Grid] | None
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
