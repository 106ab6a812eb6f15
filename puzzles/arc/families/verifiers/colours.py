"""Colours exchanged: the rules."""

import numpy as np

from puzzles.arc.families.verifiers.parts import Grid


def swap_colours(before: Grid, after: Grid) -> bool:
    """Exactly two colours, each where the other was."""
    colours = set(before.ravel().tolist()) - {0}
    if before.shape != after.shape or len(colours) != 2:
        return False
    a, b = colours
    exchanged = {0: 0, a: b, b: a}
    return [[exchanged[value] for value in line] for line in before.tolist()] == after.tolist()


def colour_key(before: Grid, after: Grid) -> bool:
    """Left of the third column, a line, each row says which colour right of it becomes which."""
    if before.shape != after.shape or before.shape[1] < 4:
        return False
    line = before[:, 2]
    if not line[0] or np.count_nonzero(before == line[0]) != len(line) or (line != line[0]).any():
        return False
    keys = [(old, new) for old, new in before[:, :2].tolist() if old or new]
    becomes = dict(keys)
    if len(becomes) != len(keys) or 0 in becomes or (before != after)[:, :3].any():
        return False
    pairs = zip(before[:, 3:].ravel().tolist(), after[:, 3:].ravel().tolist(), strict=True)
    return all(new == becomes.get(old, old) for old, new in pairs)
