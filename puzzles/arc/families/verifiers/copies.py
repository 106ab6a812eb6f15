"""Mirrored, turned, enlarged and repeated: the rules."""

import numpy as np

from puzzles.arc.families.verifiers.parts import Grid


def symmetry_completion(before: Grid, after: Grid) -> bool:
    """Nothing black is left, what was seen stays, and the whole is its own image in both mirrors.

    A cell whose images were all hidden could be anything, so such an input has no right answer.
    """
    if before.shape != after.shape or not after.all() or (before != after)[before > 0].any():
        return False
    rows, columns = before.shape
    for row, column in np.ndindex(rows, columns):
        images = [(r, c) for r in (row, rows - 1 - row) for c in (column, columns - 1 - column)]
        if len({int(after[image]) for image in images}) > 1 or not any(before[image] for image in images):
            return False
    return True


def reflect_across(before: Grid, after: Grid) -> bool:
    """The middle line is the mirror and one side of it empty: the other side appears there as its image."""
    if before.shape != after.shape:
        return False
    answers = []
    for old, new in ((before, after), (before.T, after.T)):
        width = old.shape[1]
        line = old[:, width // 2]
        left, right = old[:, : width // 2], old[:, width // 2 + 1 :]
        if width % 2 and width > 1 and line[0] and (line == line[0]).all() and left.any() != right.any():
            stays = bool((new == old)[old > 0].all())
            pairs = all(new[row, column] == new[row, width - 1 - column] for row, column in np.ndindex(new.shape))
            twice = bool((new > 0).sum() == 2 * ((left if left.any() else right) > 0).sum() + len(line))
            answers.append(stays and pairs and twice)
    return answers == [True]


def mirror(before: Grid, after: Grid) -> bool:
    return before.shape == after.shape and all(
        old == new[::-1] for old, new in zip(before.tolist(), after.tolist(), strict=True)
    )


def rotate(before: Grid, after: Grid) -> bool:
    """A quarter turn clockwise: the first column, read upwards, is the first row."""
    columns = [list(column[::-1]) for column in zip(*before.tolist(), strict=True)]
    return columns == after.tolist()


def mirror_tile(before: Grid, after: Grid) -> bool:
    """Twice as high and wide, the input in the top left corner, and its own image in both mirrors."""
    rows, columns = before.shape
    if after.shape != (2 * rows, 2 * columns):
        return False
    return all(
        after[row, column] == before[min(row, 2 * rows - 1 - row), min(column, 2 * columns - 1 - column)]
        for row, column in np.ndindex(after.shape)
    )


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
