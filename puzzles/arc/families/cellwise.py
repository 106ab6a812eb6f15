"""Cell by cell: panels laid over each other, colours exchanged."""

import numpy as np

from puzzles.arc.families.draw import Pair, Rng, between, palette, scatter, sides, turned

AND, OR, XOR = 2, 3, 6


def _panel_sides(rng: Rng, low: int, high: int) -> tuple[int, int]:
    """Rows and columns of a panel, two of which and a line fit side by side."""
    return between(rng, low, high), between(rng, (low - 1) // 2, (high - 1) // 2)


def _combined(rng: Rng, low: int, high: int, percent: int, colour: int, operation: np.ufunc) -> Pair:
    rows, columns = _panel_sides(rng, low, high)
    line, first, second = palette(rng, 3)
    left = scatter(rng, rows, columns, percent, [first])
    right = scatter(rng, rows, columns, percent, [second])
    out = operation(left > 0, right > 0) * np.uint8(colour)
    if not (out.any() and left.any() and right.any()):
        return None
    middle = np.full((rows, 1), line, np.uint8)
    grid, out = turned(rng, np.hstack([left, middle, right]), out)
    return grid, out


def mask_and(rng: Rng, low: int, high: int, percent: int) -> Pair:
    """Red where both panels are coloured."""
    return _combined(rng, low, high, percent, AND, np.logical_and)


def mask_or(rng: Rng, low: int, high: int, percent: int) -> Pair:
    """Green where at least one panel is coloured."""
    return _combined(rng, low, high, percent, OR, np.logical_or)


def mask_xor(rng: Rng, low: int, high: int, percent: int) -> Pair:
    """Magenta where exactly one panel is coloured."""
    return _combined(rng, low, high, percent, XOR, np.logical_xor)


def stencil(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """The full panel is seen through the shape on the other."""
    rows, columns = _panel_sides(rng, low, high)
    line, mask, *others = palette(rng, 2 + colours)
    left = scatter(rng, rows, columns, percent, [mask])
    if left.all() or not left.any():
        return None
    right = scatter(rng, rows, columns, 100, others)
    middle = np.full((rows, 1), line, np.uint8)
    grid, out = turned(rng, np.hstack([left, middle, right]), np.where(left > 0, right, np.uint8(0)))
    return grid, out


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
