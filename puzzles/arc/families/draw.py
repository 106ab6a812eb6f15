"""Random parts that the generators share: sides, colours, free places, shapes. Everything from the Generator given.

`int(rng.random() * n)` instead of `rng.integers(n)`: five times as fast for a single number.
"""

from functools import cache

import numpy as np
from jaxtyping import Bool, UInt8

Grid = UInt8[np.ndarray, "_ _"]
Mask = Bool[np.ndarray, "_ _"]
Rng = np.random.Generator
Pair = tuple[Grid, Grid] | None  # input and output; None for a draw that will not do
PLACE_TRIES = 12


def below(rng: Rng, bound: int) -> int:
    """A number in range(bound)."""
    return int(rng.random() * bound)


def between(rng: Rng, low: int, high: int) -> int:
    """A number in low..high, both included."""
    return low + int(rng.random() * (high - low + 1))


def sides(rng: Rng, low: int, high: int) -> tuple[int, int]:
    return between(rng, low, high), between(rng, low, high)


def palette(rng: Rng, num: int, banned: tuple[int, ...] = ()) -> list[int]:
    """`num` different colours of 1..9, none of them banned."""
    pool = [colour for colour in range(1, 10) if colour not in banned]
    return [pool.pop(below(rng, len(pool))) for _ in range(num)]


def pick(rng: Rng, items: list[int]) -> int:
    return items[below(rng, len(items))]


def scatter(rng: Rng, rows: int, columns: int, percent: int, colours: list[int]) -> Grid:
    """Each cell is filled with this chance, in any of the colours."""
    values = rng.random((rows, columns)) * (100 * len(colours) / percent)
    table = np.array([*colours, 0], np.uint8)
    return table[np.minimum(values, len(colours)).astype(np.intp)]


def turned(rng: Rng, *grids: Grid) -> tuple[Grid, ...]:
    """All grids by the same random quarter turns."""
    turns = below(rng, 4)
    return tuple(np.ascontiguousarray(np.rot90(grid, turns)) for grid in grids)


def place(rng: Rng, taken: Mask, height: int, width: int, gap: int = 1) -> tuple[int, int] | None:
    """Top left corner of a free box `gap` cells away from all taken ones, now taken; None when none was found."""
    rows, columns = taken.shape
    if height > rows or width > columns:
        return None
    for _ in range(PLACE_TRIES):
        row, column = below(rng, rows - height + 1), below(rng, columns - width + 1)
        around = taken[max(row - gap, 0) : row + height + gap, max(column - gap, 0) : column + width + gap]
        if not around.any():
            taken[row : row + height, column : column + width] = True
            return row, column
    return None


def boxes(
    rng: Rng, taken: Mask, num: int, low: int, high: int, gap: int = 1, square: bool = False
) -> list[tuple[slice, slice]]:
    """Up to `num` free rectangles with sides low..high, as slices; fewer where the grid is full."""
    found = []
    for _ in range(num):
        height = between(rng, low, high)
        width = height if square else between(rng, low, high)
        corner = place(rng, taken, height, width, gap)
        if corner is not None:
            found.append((slice(corner[0], corner[0] + height), slice(corner[1], corner[1] + width)))
    return found


@cache
def polyominoes(cells: int) -> tuple[Mask, ...]:
    """All connected shapes of that many cells, each turn and mirror image apart (1, 2, 6, 19, 63, 216 of them)."""
    shapes = {frozenset([(0, 0)])}
    for _ in range(cells - 1):
        grown = set()
        for shape in shapes:
            for row, column in shape:
                for cell in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                    larger = shape | {cell}
                    if len(larger) > len(shape):
                        top, left = min(r for r, _ in larger), min(c for _, c in larger)
                        grown.add(frozenset((r - top, c - left) for r, c in larger))
        shapes = grown
    masks = []
    for shape in sorted(sorted(shape) for shape in shapes):
        rows, columns = zip(*shape, strict=True)
        mask = np.zeros((max(rows) + 1, max(columns) + 1), bool)
        mask[rows, columns] = True
        masks.append(mask)
    return tuple(masks)


def shape(rng: Rng, low: int, high: int) -> Mask:
    """A connected shape of low..high cells in its bounding box."""
    masks = polyominoes(between(rng, low, high))
    return masks[below(rng, len(masks))]


def put(rng: Rng, grid: Grid, taken: Mask, mask: Mask, colour: int, gap: int = 1) -> tuple[slice, slice] | None:
    """Paints the shape at a free place of the grid; its box, or None when there was no place."""
    height, width = mask.shape
    corner = place(rng, taken, height, width, gap)
    if corner is None:
        return None
    box = slice(corner[0], corner[0] + height), slice(corner[1], corner[1] + width)
    grid[box][mask] = colour
    return box
