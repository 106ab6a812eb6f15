"""Things fall, slide, shine and bounce: the rules."""

import numpy as np

from puzzles.arc.families.verifiers.parts import Grid, turns_with_wall_below


def _piled_up(before: list[int], after: list[int]) -> bool:
    """Read from the top: the same colours in the same order, nothing black once the first one is met."""
    colours = [value for value in before if value]
    return [value for value in after if value] == colours and all(after[len(after) - len(colours) :])


def gravity(before: Grid, after: Grid) -> bool:
    return before.shape == after.shape and all(
        _piled_up(old, new) for old, new in zip(before.T.tolist(), after.T.tolist(), strict=True)
    )


def drop_objects(before: Grid, after: Grid) -> bool:
    """Each colour is one object moved down; all lie on something; in no column does one pass another."""
    if before.shape != after.shape or np.count_nonzero(before) != np.count_nonzero(after):
        return False
    rows = before.shape[0]
    for colour in set(before.ravel().tolist()) - {0}:
        old, new = np.argwhere(before == colour), np.argwhere(after == colour)
        if len(old) != len(new):
            return False
        move = new[0] - old[0]
        if (new - old != move).any() or move[0] < 0 or move[1] != 0:
            return False
        beneath = [after[row + 1, column] if row + 1 < rows else 10 for row, column in new.tolist()]
        if not any(value not in (0, colour) for value in beneath):
            return False
    return all(
        list(dict.fromkeys(old[old > 0].tolist())) == list(dict.fromkeys(new[new > 0].tolist()))
        for old, new in zip(before.T, after.T, strict=True)
    )


def move_to_wall(before: Grid, after: Grid) -> bool:
    walls = turns_with_wall_below(before)
    if len(walls) != 1 or before.shape != after.shape:
        return False
    old, new = np.rot90(before, walls[0]), np.rot90(after, walls[0])
    return all(_piled_up(line, other) for line, other in zip(old.T.tolist(), new.T.tolist(), strict=True))


def project_shadow(before: Grid, after: Grid) -> bool:
    walls = turns_with_wall_below(before)
    if len(walls) != 1 or before.shape != after.shape:
        return False
    old, new = np.rot90(before, walls[0]), np.rot90(after, walls[0])
    seen = [([*line[:-1][line[:-1] > 0].tolist()] or [int(line[-1])])[-1] for line in old.T]
    return bool((old[:-1] == new[:-1]).all()) and new[-1].tolist() == seen


def shoot_rays(before: Grid, after: Grid) -> bool:
    """A cell is lit when the next thing towards the dots' border is a dot on that border."""
    if before.shape != after.shape or min(before.shape) < 3:
        return False
    rim = before.copy()
    rim[1:-1, 1:-1] = 0
    turns = [turn for turn in range(4) if np.rot90(rim, turn)[0, 1:-1].any()]
    if len(turns) != 1 or rim[[0, 0, -1, -1], [0, -1, 0, -1]].any():
        return False
    old, new = np.rot90(before, turns[0]), np.rot90(after, turns[0])  # the dots are now at the top
    for row, column in np.ndindex(old.shape):
        above = np.flatnonzero(old[:row, column])
        lit = old[0, column] if len(above) and above[-1] == 0 else 0
        if new[row, column] != (old[row, column] or lit):
            return False
    return True


def bouncing_ray(before: Grid, after: Grid) -> bool:
    """Unfolded, the path is a straight line; the tail is the dot on the top or bottom border."""
    placed = np.argwhere(before).tolist()
    rows, columns = before.shape
    if before.shape != after.shape or len(placed) != 2 or columns < 2:
        return False
    tails = [dot for dot in placed if dot[0] in (0, rows - 1)]
    if len(tails) != 1:
        return False
    (tail_row, tail_column), (row, column) = tails[0], placed[placed[0] == tails[0]]
    step, period = column - tail_column, 2 * (columns - 1)
    if abs(row - tail_row) != 1 or abs(step) != 1:
        return False
    expected = before.copy()
    for height in range(rows):
        if height != tail_row:
            folded = (tail_column + step * abs(height - tail_row)) % period
            expected[height, min(folded, period - folded)] = before[row, column]
    return bool((after == expected).all())
