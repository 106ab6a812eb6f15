"""Cell by cell: panels laid over each other, colours exchanged: the rules."""

from collections.abc import Callable

import numpy as np

from puzzles.arc.families.verifiers.parts import Grid


def _panels(grid: Grid, after: Grid) -> tuple[Grid, Grid, Grid] | None:
    """The panels left and right of the line and the output, all turned so; None without exactly one such line."""
    found = []
    for old, new in ((grid, after), (grid.T, after.T)):
        middle = old.shape[1] // 2
        line = old[:, middle]
        alone = line[0] and (line == line[0]).all() and np.count_nonzero(old == line[0]) == len(line)
        if old.shape[1] % 2 and middle and alone:
            found.append((old[:, :middle], old[:, middle + 1 :], new))
    return found[0] if len(found) == 1 else None


def _combines(before: Grid, after: Grid, colour: int, rule: Callable[[bool, bool], bool]) -> bool:
    panels = _panels(before, after)
    if panels is None or panels[0].shape != panels[2].shape:
        return False
    left, right, out = (panel.ravel().tolist() for panel in panels)
    return all(value == (colour if rule(bool(a), bool(b)) else 0) for a, b, value in zip(left, right, out, strict=True))


def mask_and(before: Grid, after: Grid) -> bool:
    """Red (2) where both panels are coloured."""
    return _combines(before, after, 2, lambda a, b: a and b)


def mask_or(before: Grid, after: Grid) -> bool:
    """Green (3) where a panel is coloured."""
    return _combines(before, after, 3, lambda a, b: a or b)


def mask_xor(before: Grid, after: Grid) -> bool:
    """Magenta (6) where exactly one panel is coloured."""
    return _combines(before, after, 6, lambda a, b: a != b)


def stencil(before: Grid, after: Grid) -> bool:
    """The panel without a black cell is seen through the coloured cells of the other."""
    panels = _panels(before, after)
    if panels is None or panels[0].shape != panels[2].shape or panels[0].all() == panels[1].all():
        return False
    mask, picture = panels[:2] if panels[1].all() else panels[1::-1]
    return all(panels[2][cell] == (picture[cell] if mask[cell] else 0) for cell in np.ndindex(mask.shape))


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
