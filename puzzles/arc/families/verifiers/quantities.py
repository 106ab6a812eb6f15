"""How many there are, how long, and in which order: the rules."""

from collections import Counter
from itertools import pairwise

import numpy as np

from puzzles.arc.families.verifiers.parts import AROUND, Grid, cells_of, parts


def count_objects(before: Grid, after: Grid) -> bool:
    """One row with a cell in the objects' colour for each object."""
    colours = set(before.ravel().tolist()) - {0}
    count = len(parts(cells_of(before), AROUND))
    return len(colours) == 1 and after.tolist() == [[*colours] * count]


def most_common_colour(before: Grid, after: Grid) -> bool:
    """Only the colour with the most cells stays."""
    ranks = Counter(before[before > 0].tolist()).most_common(2)
    if before.shape != after.shape or not ranks or (len(ranks) == 2 and ranks[0][1] == ranks[1][1]):
        return False
    return all(after[cell] == (before[cell] if before[cell] == ranks[0][0] else 0) for cell in np.ndindex(after.shape))


def histogram(before: Grid, after: Grid) -> bool:
    """A bar from the left for each colour, as long as it has cells, the longest first."""
    counts = Counter(before[before > 0].tolist())
    lengths = [int(np.count_nonzero(line)) for line in after]
    if len(set(counts.values())) != len(counts) or len(counts) != len(lengths) or lengths != sorted(lengths)[::-1]:
        return False
    bars = {int(line[0]): int(length) for line, length in zip(after, lengths, strict=True)}
    straight = all(set(line[:length].tolist()) == {int(line[0])} for line, length in zip(after, lengths, strict=True))
    return straight and bars == dict(counts) and lengths[0] == after.shape[1]


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
