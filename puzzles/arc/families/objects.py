"""Rules on whole objects: which is the largest, which is odd, what is noise."""

import numpy as np

from puzzles.arc.families.draw import (
    Grid,
    Pair,
    Rng,
    below,
    between,
    boxes,
    palette,
    pick,
    place,
    put,
    scatter,
    shape,
    sides,
)

GREY = 5


def _with_largest(rng: Rng, low: int, high: int, objects: int) -> tuple[Grid, tuple[slice, slice]] | None:
    """Scattered shapes of which one, at the place returned, has more cells than any other."""
    rows, columns = sides(rng, low, high)
    grid, taken = np.zeros((rows, columns), np.uint8), np.zeros((rows, columns), bool)
    colours = palette(rng, 9)
    most = between(rng, 3, 6)
    largest = put(rng, grid, taken, shape(rng, most, most), pick(rng, colours))
    if largest is None:
        return None
    for _ in range(between(rng, 1, objects - 1)):
        put(rng, grid, taken, shape(rng, 1, most - 1), pick(rng, colours))
    return grid, largest


def crop_largest(rng: Rng, low: int, high: int, objects: int) -> Pair:
    """The object with the most cells, cut out."""
    found = _with_largest(rng, low, high, objects)
    return found and (found[0], found[0][found[1]].copy())


def largest_object(rng: Rng, low: int, high: int, objects: int) -> Pair:
    """Only the object with the most cells stays."""
    found = _with_largest(rng, low, high, objects)
    if found is None:
        return None
    grid, box = found
    out = np.zeros_like(grid)
    out[box] = grid[box]
    return grid, out


def crop_frame(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """What lies inside the frame, cut out."""
    rows, columns = sides(rng, low, high)
    frame, *others = palette(rng, 1 + colours)
    grid = scatter(rng, rows, columns, percent, others)
    height, width = between(rng, 4, rows), between(rng, 4, columns)
    row, column = below(rng, rows - height + 1), below(rng, columns - width + 1)
    out = grid[row + 1 : row + height - 1, column + 1 : column + width - 1].copy()
    if not out.any():
        return None
    grid[row : row + height, column : column + width] = frame
    grid[row + 1 : row + height - 1, column + 1 : column + width - 1] = out
    for other in others:  # noise that happens to lie as a frame
        down, across = np.nonzero(grid == other)
        if len(down) >= 8 and len(down) == 2 * (np.ptp(down) + np.ptp(across)):
            return None
    return grid, out


def odd_one_out(rng: Rng, low: int, high: int, objects: int, cells: int) -> Pair:
    """The only object whose shape no other has, cut out."""
    rows, columns = sides(rng, low, high)
    grid, taken = np.zeros((rows, columns), np.uint8), np.zeros((rows, columns), bool)
    common, odd = shape(rng, 3, cells), shape(rng, 3, cells)
    colour = palette(rng, 1)[0]
    if np.array_equal(common, odd) or put(rng, grid, taken, odd, colour) is None:
        return None
    copies = sum(put(rng, grid, taken, common, colour) is not None for _ in range(between(rng, 2, objects - 1)))
    return (grid, odd * np.uint8(colour)) if copies >= 2 else None


def denoise(rng: Rng, low: int, high: int, objects: int, specks: int) -> Pair:
    """Single cells that touch nothing go."""
    rows, columns = sides(rng, low, high)
    out, taken = np.zeros((rows, columns), np.uint8), np.zeros((rows, columns), bool)
    colours = palette(rng, 9)
    for box in boxes(rng, taken, between(rng, 1, objects), 2, max(2, min(rows, columns) // 2)):
        out[box] = pick(rng, colours)
    grid = out.copy()
    for box in boxes(rng, taken, between(rng, 1, specks), 1, 1):
        grid[box] = pick(rng, colours)
    return grid, out


def recolour_by_size(rng: Rng, low: int, high: int, objects: int, cells: int) -> Pair:
    """Grey objects take the colour whose number is how many cells they have."""
    rows, columns = sides(rng, low, high)
    out, taken = np.zeros((rows, columns), np.uint8), np.zeros((rows, columns), bool)
    for _ in range(objects):
        size = between(rng, 1, cells)
        put(rng, out, taken, shape(rng, size, size), size)
    return np.where(out > 0, np.uint8(GREY), out), out


def stamp(rng: Rng, low: int, high: int, dots: int) -> Pair:
    """Every lone dot gets the petals that its like wears."""
    rows, columns = sides(rng, low, high)
    heart, petal = palette(rng, 2)
    block = (rng.random((3, 3)) < 0.5) * np.uint8(petal)
    block[1, 1] = heart
    if np.count_nonzero(block) < 3:
        return None
    grid, out = np.zeros((2, rows, columns), np.uint8)
    taken = np.zeros((rows, columns), bool)
    for dot in range(1 + between(rng, 1, dots)):
        corner = place(rng, taken, 3, 3, gap=0)
        if corner is None:
            continue
        row, column = corner
        out[row : row + 3, column : column + 3] = block
        if dot:
            grid[row + 1, column + 1] = heart
        else:
            grid[row : row + 3, column : column + 3] = block
    return grid, out
