"""Two panels with a line between them."""

import numpy as np

from puzzles.arc.families.draw import Grid, Rng, between, palette, scatter, turned

Pair = tuple[Grid, Grid] | None
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
