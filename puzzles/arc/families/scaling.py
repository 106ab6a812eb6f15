"""Copies, enlarged, reduced and repeated."""

import numpy as np

from puzzles.arc.families.draw import Grid, Rng, between, palette, scatter, sides

Pair = tuple[Grid, Grid] | None


def _enlarged(grid: Grid, factor: int) -> Grid:
    return grid.repeat(factor, axis=0).repeat(factor, axis=1)


def scale_up(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """Every cell becomes a block of two by two."""
    grid = scatter(rng, *sides(rng, low, high), percent, palette(rng, colours))
    return grid, _enlarged(grid, 2)


def scale_by_colours(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """Every cell becomes a square block with as many cells a side as there are colours."""
    factor = between(rng, 2, colours)
    most = 2 * high // factor  # 2 * high is what the output may reach
    if most < low:
        return None
    grid = scatter(rng, *sides(rng, low, most), percent, palette(rng, factor))
    if np.count_nonzero(np.bincount(grid.ravel(), minlength=10)[1:]) != factor:
        return None
    return grid, _enlarged(grid, factor)


def shrink(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """The smallest picture of which the input is an enlargement."""
    factor = between(rng, 2, min(3, high // 2))  # a multiple of it may lie a cell or two below `low`
    out = scatter(rng, *sides(rng, max(low // factor, 2), high // factor), percent, palette(rng, colours))
    edges = (
        np.flatnonzero((out[1:] != out[:-1]).any(axis=1)) + 1,
        np.flatnonzero((out[:, 1:] != out[:, :-1]).any(0)) + 1,
    )
    if np.gcd.reduce([*out.shape, *edges[0], *edges[1]]) > 1:  # it could be shrunk again
        return None
    return _enlarged(out, factor), out


def tile(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """Four copies, two by two."""
    grid = scatter(rng, *sides(rng, low, high), percent, palette(rng, colours))
    return grid, np.tile(grid, (2, 2))


def self_tile(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """Every coloured cell becomes a copy of the whole input."""
    grid = scatter(rng, *sides(rng, low, high), percent, palette(rng, colours))
    return grid, np.kron(grid > 0, grid).astype(np.uint8)
