"""Insides, outsides and rims."""

import numpy as np

from puzzles.arc.families.draw import Grid, Pair, Rng, below, between, boxes, palette, pick, put, shape, sides

INSIDE = 4
RIM = 3
EVEN, ODD = 2, 7
BOX = 7


def _frame(grid: Grid, box: tuple[slice, slice], colour: int) -> None:
    down, across = box
    grid[down, across.start] = grid[down, across.stop - 1] = colour
    grid[down.start, across] = grid[down.stop - 1, across] = colour


def _inner(box: tuple[slice, slice]) -> tuple[slice, slice]:
    down, across = box
    return slice(down.start + 1, down.stop - 1), slice(across.start + 1, across.stop - 1)


def _outside_filled(grid: Grid, colour: int) -> Grid:
    """Black cells that cannot be reached from beyond the rim (no diagonal steps) in `colour`."""
    rows, columns = grid.shape
    padded = np.zeros((rows + 2, columns + 2), np.uint8)
    padded[1:-1, 1:-1] = grid
    width, cells = columns + 2, padded.ravel().tolist()
    seen, stack = [value != 0 for value in cells], [0]
    while stack:
        cell = stack.pop()
        for near in (cell - width, cell - 1, cell + 1, cell + width):
            if 0 <= near < len(seen) and not seen[near]:
                seen[near] = True
                stack.append(near)
    filled = np.where(np.array(seen), padded.ravel(), np.uint8(colour)).reshape(padded.shape)
    return filled[1:-1, 1:-1].copy()


def flood_fill(rng: Rng, low: int, high: int, objects: int, gaps: int) -> Pair:
    """Black regions that are walled in turn yellow."""
    rows, columns = sides(rng, low, high)
    wall = palette(rng, 1, banned=(INSIDE,))[0]
    grid = np.zeros((rows, columns), np.uint8)
    for _ in range(between(rng, 1, objects)):  # frames may cross
        height, width = between(rng, 3, min(rows, 7)), between(rng, 3, min(columns, 7))
        row, column = below(rng, rows - height + 1), below(rng, columns - width + 1)
        _frame(grid, (slice(row, row + height), slice(column, column + width)), wall)
    filled = np.flatnonzero(grid)
    for _ in range(below(rng, gaps + 1)):
        grid.ravel()[filled[below(rng, len(filled))]] = 0
    return grid, _outside_filled(grid, INSIDE)


def paint_bucket(rng: Rng, low: int, high: int, objects: int) -> Pair:
    """A seed's colour fills the frame around it."""
    rows, columns = sides(rng, low, high)
    wall, *seeds = palette(rng, 9)
    taken = np.zeros((rows, columns), bool)
    grid = np.zeros((rows, columns), np.uint8)
    found = boxes(rng, taken, objects, 3, max(4, min(rows, columns) // 2))
    for box in found:
        _frame(grid, box, wall)
    out = grid.copy()
    for place, box in enumerate(found):
        if place and below(rng, 4) == 0:  # some frames stay empty
            continue
        down, across = _inner(box)
        colour = pick(rng, seeds)
        out[down, across] = colour
        grid[between(rng, down.start, down.stop - 1), between(rng, across.start, across.stop - 1)] = colour
    for down, across in boxes(rng, taken, below(rng, 3), 1, 1):  # and some seeds lie outside
        grid[down, across] = out[down, across] = pick(rng, seeds)
    return grid, out


def hollow(rng: Rng, low: int, high: int, objects: int) -> Pair:
    """Solid blocks keep only their rims."""
    rows, columns = sides(rng, low, high)
    colours = palette(rng, 9)
    grid = np.zeros((rows, columns), np.uint8)
    found = boxes(rng, np.zeros((rows, columns), bool), objects, 2, max(4, min(rows, columns) // 2))
    for box in found:
        grid[box] = pick(rng, colours)
    out = grid.copy()
    for box in found:
        out[_inner(box)] = 0
    return grid, out


def box_interior(rng: Rng, low: int, high: int, objects: int) -> Pair:
    """The inside of a square frame turns red when its side is even, orange when it is odd."""
    rows, columns = sides(rng, low, high)
    colour = palette(rng, 1, banned=(EVEN, ODD))[0]
    grid, out = np.zeros((2, rows, columns), np.uint8)
    taken = np.zeros((rows, columns), bool)
    for box in boxes(rng, taken, objects, 3, max(4, min(rows, columns) - 4), square=True):
        out[box] = EVEN if (box[0].stop - box[0].start) % 2 == 0 else ODD
        _frame(grid, box, colour)
        _frame(out, box, colour)
    return grid, out


def outline(rng: Rng, low: int, high: int, objects: int) -> Pair:
    """Objects get a green rim, corners included."""
    rows, columns = sides(rng, low, high)
    colours = palette(rng, 8, banned=(RIM,))
    taken = np.zeros((rows, columns), bool)
    grid = np.zeros((rows, columns), np.uint8)
    for _ in range(between(rng, 1, objects)):
        put(rng, grid, taken, shape(rng, 1, 5), pick(rng, colours), gap=2)
    wide = np.zeros((rows + 2, columns + 2), np.uint8)
    for row, column in np.argwhere(grid).tolist():
        wide[row : row + 3, column : column + 3] = RIM
    return grid, np.where(grid > 0, grid, wide[1:-1, 1:-1])


def fill_bounding_box(rng: Rng, low: int, high: int, objects: int) -> Pair:
    """The rest of each object's bounding box turns orange."""
    rows, columns = sides(rng, low, high)
    colours = palette(rng, 8, banned=(BOX,))
    taken = np.zeros((rows, columns), bool)
    grid, out = np.zeros((2, rows, columns), np.uint8)
    for _ in range(between(rng, 1, objects)):
        box = put(rng, grid, taken, shape(rng, 3, 6), pick(rng, colours))
        if box is not None:
            out[box] = BOX
    return grid, np.where(grid > 0, grid, out)
