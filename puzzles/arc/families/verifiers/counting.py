"""How many there are, and of what: the rules."""

from collections import Counter

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
