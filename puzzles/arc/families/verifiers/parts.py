"""What the verifiers share: connected parts, walls, bounding boxes."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import UInt8

Grid = UInt8[np.ndarray, "_ _"]
Cell = tuple[int, int]
STRAIGHT = ((-1, 0), (0, -1), (0, 1), (1, 0))
AROUND = tuple((down, across) for down in (-1, 0, 1) for across in (-1, 0, 1) if down or across)


def cells_of(mask: np.ndarray) -> set[Cell]:
    """Where the mask is true (or not zero)."""
    return {(row, column) for row, line in enumerate(mask.tolist()) for column, value in enumerate(line) if value}


def parts(cells: Iterable[Cell], steps: tuple[Cell, ...] = STRAIGHT) -> list[set[Cell]]:
    """The cells in connected parts, each grown in waves."""
    left, found = set(cells), []
    while left:
        wave = {left.pop()}
        part = set(wave)
        while wave:
            wave = {(row + down, column + across) for row, column in wave for down, across in steps} & left
            left -= wave
            part |= wave
        found.append(part)
    return found


def box_of(cells: set[Cell]) -> tuple[slice, slice]:
    """The smallest rectangle around the cells."""
    rows, columns = [row for row, _ in cells], [column for _, column in cells]
    return slice(min(rows), max(rows) + 1), slice(min(columns), max(columns) + 1)


def at_rim(cells: set[Cell], shape: tuple[int, ...]) -> bool:
    return any(row in (0, shape[0] - 1) or column in (0, shape[1] - 1) for row, column in cells)


def normal(cells: set[Cell]) -> frozenset[Cell]:
    """The shape of the cells, wherever it lies."""
    down, across = box_of(cells)
    return frozenset((row - down.start, column - across.start) for row, column in cells)


def turns_with_wall_below(grid: Grid) -> list[int]:
    """Quarter turns that bring a wall to the bottom: a border line of one colour that is nowhere else."""
    found = []
    for turns in range(4):
        line = np.rot90(grid, turns)[-1]
        if line[0] and (line == line[0]).all() and np.count_nonzero(grid == line[0]) == len(line):
            found.append(turns)
    return found
