"""Bars in order: the rules."""

from itertools import pairwise

import numpy as np

from puzzles.arc.families.verifiers.parts import Grid


def _bars(grid: Grid) -> list[tuple[int, int]] | None:
    """Height and colour of each column's bar, (0, 0) without; None where something else stands."""
    found = []
    for column in grid.T.tolist():
        height = sum(value > 0 for value in column)
        colours = set(column[len(column) - height :])
        if len(colours) > 1 or 0 in colours:
            return None
        found.append((height, column[-1]))
    return found


def sort_bars(before: Grid, after: Grid) -> bool:
    """The same bars on the same places, growing from left to right."""
    old, new = _bars(before), _bars(after)
    if before.shape != after.shape or old is None or new is None:
        return False
    heights = [height for height, _ in new if height]
    same_places = [height > 0 for height, _ in old] == [height > 0 for height, _ in new]
    growing = all(left < right for left, right in pairwise(heights))
    return same_places and growing and sorted(old) == sorted(new)


def rank_bars(before: Grid, after: Grid) -> bool:
    """Each grey bar takes the colour 1 + how many are taller."""
    old = _bars(before)
    if before.shape != after.shape or old is None or not set(before.ravel().tolist()) <= {0, 5}:
        return False
    for column, (height, _) in enumerate(old):
        rank = 1 + sum(other > height for other, _ in old)
        if (after[:, column] != np.where(before[:, column] > 0, rank, 0)).any():
            return False
    return True
