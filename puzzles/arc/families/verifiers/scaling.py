"""Copies, enlarged, reduced and repeated: the rules."""

import numpy as np

from puzzles.arc.families.verifiers.parts import Grid


def _is_enlarged(small: Grid, large: Grid, factor: int) -> bool:
    """Each cell of `small` is a block of `factor` x `factor` cells of `large`."""
    rows, columns = small.shape
    return large.shape == (factor * rows, factor * columns) and all(
        large[row, column] == small[row // factor, column // factor] for row, column in np.ndindex(large.shape)
    )


def scale_up(before: Grid, after: Grid) -> bool:
    return _is_enlarged(before, after, 2)


def scale_by_colours(before: Grid, after: Grid) -> bool:
    """As many times larger as the input has colours."""
    return _is_enlarged(before, after, len(set(before.ravel().tolist()) - {0}))


def shrink(before: Grid, after: Grid) -> bool:
    """The smallest grid that the input is an enlargement of."""
    factor = before.shape[0] // after.shape[0]
    if factor < 2 or not _is_enlarged(after, before, factor):
        return False
    return not any(
        after.shape[0] % more == 0 and after.shape[1] % more == 0 and _is_enlarged(after[::more, ::more], after, more)
        for more in range(2, min(after.shape) + 1)
    )


def tile(before: Grid, after: Grid) -> bool:
    rows, columns = before.shape
    return after.shape == (2 * rows, 2 * columns) and all(
        after[row, column] == before[row % rows, column % columns] for row, column in np.ndindex(after.shape)
    )


def self_tile(before: Grid, after: Grid) -> bool:
    """A picture of itself, made of itself: a copy of the input stands for each of its coloured cells."""
    rows, columns = before.shape
    return after.shape == (rows * rows, columns * columns) and all(
        after[row, column] == (before[row % rows, column % columns] if before[row // rows, column // columns] else 0)
        for row, column in np.ndindex(after.shape)
    )
