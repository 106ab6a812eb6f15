"""Insides, outsides and rims: the rules."""

import numpy as np

from puzzles.arc.families.verifiers.parts import AROUND, Grid, at_rim, box_of, cells_of, parts


def flood_fill(before: Grid, after: Grid) -> bool:
    """Every connected black part is yellow (4) if it lies clear of the rim, and black if it reaches it."""
    if before.shape != after.shape or (before != after)[before > 0].any():
        return False
    for part in parts(cells_of(before == 0)):
        colour = 0 if at_rim(part, before.shape) else 4
        if any(after[cell] != colour for cell in part):
            return False
    return True


def paint_bucket(before: Grid, after: Grid) -> bool:
    """The most common colour is the wall; a walled-in part with one seed takes the seed's colour."""
    counts = np.bincount(before.ravel(), minlength=10)
    counts[0] = 0
    wall = counts.argmax()
    if before.shape != after.shape or (before != after)[before == wall].any():
        return False
    for part in parts(cells_of(before != wall)):
        seeds = [before[cell] for cell in part if before[cell]]
        walled = not at_rim(part, before.shape)
        if walled and len(seeds) > 1:
            return False
        if any(after[cell] != (seeds[0] if walled and seeds else before[cell]) for cell in part):
            return False
    return True


def hollow(before: Grid, after: Grid) -> bool:
    """A cell goes black exactly when its own colour is all around it."""
    if before.shape != after.shape:
        return False
    rows, columns = before.shape
    for row, column in np.ndindex(rows, columns):
        deep = 0 < row < rows - 1 and 0 < column < columns - 1
        deep = deep and all(before[row + down, column + across] == before[row, column] for down, across in AROUND)
        if after[row, column] != (0 if deep else before[row, column]):
            return False
    return True


def box_interior(before: Grid, after: Grid) -> bool:
    """An enclosed black square is red (2) when its side is even and orange (7) when odd; the rest stays."""
    if before.shape != after.shape or (before != after)[before > 0].any():
        return False
    for part in parts(cells_of(before == 0)):
        colour = 0 if at_rim(part, before.shape) else 2 if len(part) % 2 == 0 else 7
        if any(after[cell] != colour for cell in part):
            return False
    return True


def outline(before: Grid, after: Grid) -> bool:
    """A black cell is green (3) exactly when something touches it, if only by a corner."""
    if before.shape != after.shape:
        return False
    things = cells_of(before)
    for row, column in np.ndindex(before.shape):
        touched = any((row + down, column + across) in things for down, across in AROUND)
        if after[row, column] != (before[row, column] or (3 if touched else 0)):
            return False
    return True


def fill_bounding_box(before: Grid, after: Grid) -> bool:
    """Black cells are orange (7) exactly inside the bounding box of an object; the rest stays."""
    if before.shape != after.shape:
        return False
    inside = np.zeros(before.shape, bool)
    for part in parts(cells_of(before), AROUND):
        inside[box_of(part)] = True
    return bool((after == np.where(inside & (before == 0), 7, before)).all())
