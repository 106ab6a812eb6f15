"""Colours exchanged."""

import numpy as np

from puzzles.arc.families.draw import Grid, Rng, between, palette, scatter, sides

Pair = tuple[Grid, Grid] | None


def swap_colours(rng: Rng, low: int, high: int, percent: int) -> Pair:
    """The two colours change places."""
    first, second = palette(rng, 2)
    grid = scatter(rng, *sides(rng, low, high), percent, [first, second])
    counts = np.bincount(grid.ravel(), minlength=10)
    if not (counts[first] and counts[second]):
        return None
    return grid, np.where(grid > 0, np.uint8(first) + np.uint8(second) - grid, grid)


def colour_key(rng: Rng, low: int, high: int, keys: int, percent: int) -> Pair:
    """The key on the left says which colour becomes which."""
    rows, columns = sides(rng, low, high)
    num = between(rng, 1, min(keys, rows))
    line, *others = palette(rng, 9)
    old, new = others[:num], others[num : 2 * num]
    grid = np.zeros((rows, columns), np.uint8)
    grid[:, 2] = line
    grid[:num, 0], grid[:num, 1] = old, new
    grid[:, 3:] = scatter(rng, rows, columns - 3, percent, [*old, others[-1]])
    table = np.arange(10, dtype=np.uint8)
    table[old] = new
    out = grid.copy()
    out[:, 3:] = table[grid[:, 3:]]
    return grid, out
