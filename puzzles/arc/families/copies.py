"""Mirrored, turned, enlarged and repeated."""

import numpy as np

from puzzles.arc.families.draw import Grid, Pair, Rng, below, between, palette, scatter, sides, turned


def symmetry_completion(rng: Rng, low: int, high: int, colours: int, holes: int) -> Pair:
    """A pattern with two mirror axes gets its black holes filled."""
    rows, columns = sides(rng, low, high)
    down, across = np.arange(rows), np.arange(columns)
    quarter = scatter(rng, (rows + 1) // 2, (columns + 1) // 2, 100, palette(rng, colours))
    out = quarter[np.minimum(down, down[::-1])[:, None], np.minimum(across, across[::-1])]
    grid = out.copy()
    for _ in range(between(rng, 1, holes)):
        height, width = between(rng, 1, rows // 2), between(rng, 1, columns // 2)
        row, column = below(rng, rows - height + 1), below(rng, columns - width + 1)
        hidden = grid[row : row + height, column : column + width].copy()
        grid[row : row + height, column : column + width] = 0
        half = grid | grid[::-1]
        if not (half | half[:, ::-1]).all():  # some cell has lost all its images
            grid[row : row + height, column : column + width] = hidden
    return grid, out


def reflect_across(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """The picture beside the line appears mirrored on its empty side."""
    half = between(rng, (low - 1) // 2, (high - 1) // 2)
    rows = between(rng, low, high)
    line, *others = palette(rng, 1 + colours)
    left = scatter(rng, rows, half, percent, others)
    middle = np.full((rows, 1), line, np.uint8)
    grid, out = turned(rng, np.hstack([left, middle, np.zeros_like(left)]), np.hstack([left, middle, left[:, ::-1]]))
    return grid, out


def mirror(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """Left becomes right."""
    grid = scatter(rng, *sides(rng, low, high), percent, palette(rng, colours))
    return grid, grid[:, ::-1].copy()


def rotate(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """A quarter turn clockwise."""
    grid = scatter(rng, *sides(rng, low, high), percent, palette(rng, colours))
    return grid, np.rot90(grid, -1).copy()


def mirror_tile(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """Four copies, each the mirror image of its neighbours."""
    grid = scatter(rng, *sides(rng, low, high), percent, palette(rng, colours))
    top = np.hstack([grid, grid[:, ::-1]])
    return grid, np.vstack([top, top[::-1]])


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
