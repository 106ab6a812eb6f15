"""Rules on whole objects: which is the largest, which is odd, what is noise."""

from collections import Counter

import numpy as np

from puzzles.arc.families.verifiers.parts import AROUND, Cell, Grid, box_of, cells_of, normal, parts


def _largest(grid: Grid) -> set[Cell] | None:
    """The object with the most cells; None where several have as many."""
    objects = sorted(parts(cells_of(grid), AROUND), key=len)
    if not objects or (len(objects) > 1 and len(objects[-2]) == len(objects[-1])):
        return None
    return objects[-1]


def crop_largest(before: Grid, after: Grid) -> bool:
    largest = _largest(before)
    return largest is not None and before[box_of(largest)].tolist() == after.tolist()


def largest_object(before: Grid, after: Grid) -> bool:
    largest = _largest(before)
    if largest is None or before.shape != after.shape:
        return False
    return all(after[cell] == (before[cell] if cell in largest else 0) for cell in np.ndindex(before.shape))


def _frame_inside(grid: Grid, colour: int) -> Grid | None:
    """What a colour frames, when its cells are exactly the rim of a rectangle."""
    cells = cells_of(grid == colour)
    if len(cells) < 8:
        return None
    down, across = box_of(cells)
    rim = {
        (row, column)
        for row in range(down.start, down.stop)
        for column in range(across.start, across.stop)
        if row in (down.start, down.stop - 1) or column in (across.start, across.stop - 1)
    }
    inside = grid[down.start + 1 : down.stop - 1, across.start + 1 : across.stop - 1]
    return inside if cells == rim and inside.size else None


def crop_frame(before: Grid, after: Grid) -> bool:
    """What lies inside the only frame."""
    insides = [inside for colour in range(1, 10) if (inside := _frame_inside(before, colour)) is not None]
    return len(insides) == 1 and insides[0].tolist() == after.tolist()


def odd_one_out(before: Grid, after: Grid) -> bool:
    """The only object whose shape no other has; all others share one shape."""
    objects = parts(cells_of(before), AROUND)
    shapes = Counter(normal(cells) for cells in objects)
    if len(objects) < 3 or len(shapes) != 2 or min(shapes.values()) != 1:
        return False
    odd = next(cells for cells in objects if shapes[normal(cells)] == 1)
    return before[box_of(odd)].tolist() == after.tolist()


def denoise(before: Grid, after: Grid) -> bool:
    """A coloured cell stays exactly when it touches another one, if only by a corner."""
    if before.shape != after.shape:
        return False
    things = cells_of(before)
    for row, column in np.ndindex(before.shape):
        company = any((row + down, column + across) in things for down, across in AROUND)
        if after[row, column] != (before[row, column] if company else 0):
            return False
    return True


def recolour_by_size(before: Grid, after: Grid) -> bool:
    """Grey objects of n cells take colour n."""
    if before.shape != after.shape or not set(before.ravel().tolist()) <= {0, 5} or after[before == 0].any():
        return False
    return all(after[cell] == len(part) for part in parts(cells_of(before), AROUND) for cell in part)


def stamp(before: Grid, after: Grid) -> bool:
    """One cell of the heart's colour wears petals, the only cells of the other colour: so do all its like now."""
    answers = []
    for heart in range(1, 10):
        hearts, petals = cells_of(before == heart), cells_of((before > 0) & (before != heart))
        steps = [
            {(row - r, column - c) for row, column in petals}
            for r, c in hearts
            if all(max(abs(row - r), abs(column - c)) == 1 for row, column in petals)
        ]
        if len(steps) != 1 or not petals or len({int(before[cell]) for cell in petals}) != 1:
            continue
        drawn = {(r + down, c + across) for r, c in hearts for down, across in steps[0]}
        answers.append(
            len(hearts) > 1
            and before.shape == after.shape
            and cells_of(after == heart) == hearts
            and cells_of((after > 0) & (after != heart)) == drawn
            and {int(after[cell]) for cell in drawn} == {int(before[cell]) for cell in petals}
        )
    return answers == [True]
