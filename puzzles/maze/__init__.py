"""Mazes whose answer is a shortest path from the start to the goal."""

from puzzles.maze.domain import (
    FREE,
    GOAL,
    PATH,
    START,
    WALL,
    Maze,
    count_shortest_paths,
    distances,
)
from puzzles.maze.targets import KINDS, longest_path

__all__ = [
    "FREE",
    "GOAL",
    "KINDS",
    "PATH",
    "START",
    "WALL",
    "Maze",
    "count_shortest_paths",
    "distances",
    "longest_path",
]
