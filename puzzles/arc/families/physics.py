"""Things fall, slide, shine and bounce."""

import numpy as np

from puzzles.arc.families.draw import Grid, Pair, Rng, below, between, boxes, palette, pick, scatter, sides, turned


def _settled(grid: Grid) -> Grid:
    """Every column's coloured cells at its bottom, their order kept."""
    return np.take_along_axis(grid, np.argsort(grid != 0, axis=0, kind="stable"), axis=0)


def _second_wall(above: Grid) -> bool:
    """Whether the top row could pass for a wall: one colour from end to end that is nowhere else."""
    first = above[0, 0]
    return bool(first and (above[0] == first).all() and (above == first).sum() == above.shape[1])


def _with_wall(above: Grid, wall: int) -> Grid:
    return np.vstack([above, np.full((1, above.shape[1]), wall, np.uint8)])


def gravity(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """Coloured cells fall to the bottom of their columns."""
    rows, columns = sides(rng, low, high)
    grid = scatter(rng, rows, columns, percent, palette(rng, colours))
    return grid, _settled(grid)


def drop_objects(rng: Rng, low: int, high: int, objects: int) -> Pair:
    """Blocks, one colour each, fall until they lie on the ground or on another."""
    rows, columns = sides(rng, low, high)
    found = boxes(rng, np.zeros((rows, columns), bool), objects, 1, max(2, min(rows, columns) // 3), gap=0)
    grid, out = np.zeros((2, rows, columns), np.uint8)
    surface = [rows] * columns  # the first row taken in each column
    colours = iter(palette(rng, len(found)))
    for down, across in sorted(found, key=lambda box: -box[0].stop):
        colour = next(colours)
        grid[down, across] = colour
        bottom = min(surface[across])
        top = bottom - (down.stop - down.start)
        out[top:bottom, across] = colour
        surface[across] = [top] * (across.stop - across.start)
    return grid, out


def move_to_wall(rng: Rng, low: int, high: int, percent: int, colours: int) -> Pair:
    """Coloured cells slide to the border that is a wall of one colour and pile up there."""
    rows, columns = sides(rng, low, high)
    wall, *others = palette(rng, 1 + colours)
    above = scatter(rng, rows - 1, columns, percent, others)
    if _second_wall(above):
        return None
    grid, out = turned(rng, _with_wall(above, wall), _with_wall(_settled(above), wall))
    return grid, out


def project_shadow(rng: Rng, low: int, high: int, objects: int) -> Pair:
    """Each cell of the wall takes the colour of the nearest thing in front of it."""
    rows, columns = sides(rng, low, high)
    wall, *others = palette(rng, 9)
    above = np.zeros((rows - 1, columns), np.uint8)
    for box in boxes(rng, np.zeros((rows - 2, columns), bool), objects, 1, max(1, min(rows, columns) // 3), gap=1):
        above[box] = pick(rng, others)
    if _second_wall(above):
        return None
    upwards = above[::-1]
    nearest = upwards[(upwards != 0).argmax(axis=0), np.arange(columns)]
    grid = _with_wall(above, wall)
    shaded = grid.copy()
    shaded[-1] = np.where(nearest > 0, nearest, wall)
    grid, out = turned(rng, grid, shaded)
    return grid, out


def shoot_rays(rng: Rng, low: int, high: int, dots: int, obstacles: int) -> Pair:
    """Dots on a border shoot rays across in their colours, up to an obstacle."""
    rows, columns = sides(rng, low, high)
    colours = palette(rng, 9)
    grid = np.zeros((rows, columns), np.uint8)
    for _ in range(obstacles):
        grid[between(rng, 1, rows - 2), between(rng, 2, columns - 2)] = colours[0]
    lit = np.zeros_like(grid)
    for _ in range(dots):
        row = between(rng, 1, rows - 2)
        if not lit[row, 0]:
            blocked = np.flatnonzero(grid[row, 1:])
            reach = 1 + blocked[0] if len(blocked) else columns
            lit[row, :reach] = colours[1 + below(rng, 8)]
            grid[row, 0] = lit[row, 0]
    grid, out = turned(rng, grid, np.maximum(lit, grid))
    return grid, out


def bouncing_ray(rng: Rng, low: int, high: int) -> Pair:
    """A ray leaves the bottom or top border as its two first cells point and bounces off the sides."""
    rows, columns = sides(rng, low, high)
    tail, head = palette(rng, 2)
    row, column = rows - 1, below(rng, columns)
    step = 1 if column == 0 else -1 if column == columns - 1 else 1 - 2 * below(rng, 2)
    grid = np.zeros((rows, columns), np.uint8)
    grid[row, column] = tail
    row, column = row - 1, column + step
    grid[row, column] = head
    out = grid.copy()
    while row:
        if not 0 <= column + step < columns:
            step = -step
        row, column = row - 1, column + step
        out[row, column] = head
    return (grid, out) if below(rng, 2) else (grid[::-1].copy(), out[::-1].copy())
