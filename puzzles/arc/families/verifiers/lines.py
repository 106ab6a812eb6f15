"""Lines between dots, through dots, and patterns that go on: the rules."""

import numpy as np

from puzzles.arc.families.verifiers.parts import Grid, cells_of


def draw_lines(before: Grid, after: Grid) -> bool:
    """A colour with two cells in one row or column is the line from one to the other; one alone stays alone."""
    if before.shape != after.shape:
        return False
    covered = 0
    for colour in set(before.ravel().tolist()) - {0}:
        ends = sorted(cells_of(before == colour))
        (top, left), (bottom, right) = ends[0], ends[-1]
        if len(ends) > 2 or (top != bottom and left != right):
            return False
        if (after[top : bottom + 1, left : right + 1] != colour).any():
            return False
        covered += (bottom - top + 1) * (right - left + 1)
    return int(np.count_nonzero(after)) == covered


def crosshairs(before: Grid, after: Grid) -> bool:
    """A cell in one dot's row or column has its colour; where the lines of two dots meet it is red (2)."""
    dots = cells_of(before)
    if before.shape != after.shape:
        return False
    for row, column in np.ndindex(before.shape):
        near = {dot for dot in dots if dot[0] == row or dot[1] == column}
        expected = before[row, column] if (row, column) in dots else 0
        if near and (row, column) not in dots:
            expected = before[near.pop()] if len(near) == 1 else 2
        if after[row, column] != expected:
            return False
    return True


def diagonals(before: Grid, after: Grid) -> bool:
    """A cell is coloured exactly when some dot is as many rows as columns away."""
    colours = set(before.ravel().tolist()) - {0}
    if before.shape != after.shape or len(colours) != 1:
        return False
    dots = cells_of(before)
    colour = colours.pop()
    return all(
        after[row, column] == (colour if any(abs(row - r) == abs(column - c) for r, c in dots) else 0)
        for row, column in np.ndindex(before.shape)
    )


def extend_pattern(before: Grid, after: Grid) -> bool:
    """The black lines at one side go on with the shortest period that the lines before them repeat twice."""
    if before.shape != after.shape:
        return False
    answers = []
    for turns in range(4):
        old, new = np.rot90(before, turns).T.tolist(), np.rot90(after, turns).T.tolist()  # line after line
        seen = [line for line in old if all(line)]
        blank = [line for line in old if not any(line)]
        if not blank or seen + blank != old:
            continue
        periods = [
            period
            for period in range(1, len(seen) // 2 + 1)
            if all(line == seen[place % period] for place, line in enumerate(seen))
        ]
        answers.append(bool(periods) and all(line == seen[place % periods[0]] for place, line in enumerate(new)))
    return answers == [True]
