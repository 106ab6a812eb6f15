"""Mirrors and turns."""

import numpy as np

from puzzles.arc.families.draw import Grid, Rng, below, between, palette, scatter, sides, turned

Pair = tuple[Grid, Grid] | None


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
