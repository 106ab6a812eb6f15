"""What a generated maze can be asked to be: each target checked, its default filled in, UserError for a bad value."""

from typing import Any

from puzzles.errors import UserError
from puzzles.maze import lattice

SMALLEST = 3  # rows or columns
KINDS = ("hard", *lattice.KINDS)


def longest_path(kind: str, rows: int, columns: int) -> int:
    """Moves that no shortest path exceeds.

    hard: of four cells in a square a shortest path takes three at most. Lattice: a path through every room.
    """
    if kind == "hard":
        return 3 * (-(-rows // 2)) * (-(-columns // 2)) - 1
    return 2 * ((rows - 1) // 2) * ((columns - 1) // 2) - 2


def check_kind(kind: Any, shape: tuple[int, int]) -> str:
    """How walls are laid in a maze of (rows, columns); null: dfs at odd sizes, else hard."""
    rows, columns = shape
    smallest = rows * columns == SMALLEST**2
    odd = rows % 2 == 1 and columns % 2 == 1 and not smallest
    if kind is None:
        return "dfs" if odd else "hard"
    if kind not in KINDS:
        raise UserError(f"kind={kind}: must be one of {', '.join(KINDS)}")
    for key, size in (("rows", rows), ("columns", columns)):
        if kind != "hard" and size % 2 == 0:
            raise UserError(f"kind={kind}: needs odd sizes, puzzle.{key}={size}")
    if kind != "hard" and smallest:
        raise UserError(f"kind={kind}: needs two rooms, puzzle.rows=3 puzzle.columns=3 have one")
    return kind


def check_path(kind: str, path: Any, shape: tuple[int, int]) -> tuple[int, int]:
    """(least, most) moves of the shortest path; null: 109 and more for hard mazes of 30x30, else any."""
    if path is None:
        path = (109, None) if kind == "hard" and shape == (30, 30) else (None, None)
    good = isinstance(path, tuple | list) and len(path) == 2
    if not good or not all(end is None or (isinstance(end, int) and not isinstance(end, bool)) for end in path):
        raise UserError(f"path={path}: must be [least, most] moves, null for no bound")
    low, high = path
    longest = longest_path(kind, *shape)
    if low is not None and not 1 <= low <= longest:
        raise UserError(f"path={path}: {shape[0]}x{shape[1]} {kind} mazes have paths of 1 to {longest} moves")
    low = low or 1
    high = longest if high is None else min(high, longest)
    if high < low:
        raise UserError(f"path={path}: the range is empty")
    return low, high


def check_walls(kind: str, walls: Any) -> tuple[float, float]:
    """(least, most) chance of a wall, of hard mazes alone; null: 0.3 and 0.5."""
    if walls is None:
        return 0.3, 0.5
    if kind != "hard":
        raise UserError(f"walls={walls}: only kind=hard takes it, not {kind}")
    good = isinstance(walls, tuple | list) and len(walls) == 2 and all(isinstance(end, int | float) for end in walls)
    if not good or not 0 <= walls[0] <= walls[1] <= 0.9:
        raise UserError(f"walls={walls}: must be [least, most] chance of a wall, within 0 and 0.9")
    return float(walls[0]), float(walls[1])


def check_braid(kind: str, braid: Any) -> float:
    """The chance of each dead end to be opened, not for hard mazes; null: 0."""
    if braid is None:
        return 0.0
    if kind == "hard":
        raise UserError(f"braid={braid}: kind=hard takes none, only {', '.join(lattice.KINDS)}")
    if not isinstance(braid, int | float) or not 0 <= braid <= 1:
        raise UserError(f"braid={braid}: must be a number from 0 to 1")
    return float(braid)
