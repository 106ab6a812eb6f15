"""Maze-Hard's kind: each cell a wall with a chance drawn per maze, no frame, start and goal far apart."""

import numpy as np
from numba import njit

from puzzles.maze_bfs import FREE, WALL
from puzzles.maze_lattice import choose
from puzzles.parallel import over_chunks
from puzzles.sudoku_search import next_random

TRIES = 2_000_000  # mazes made for one puzzle before its targets count as out of reach


@njit(cache=True, nogil=True)
def _unit(seed):
    return (next_random(seed) >> np.uint64(11)) * 2.0**-53


@njit(cache=True, nogil=True)
def generate_many(rows, columns, least, most, low, high, tries, seeds, start, stop, grids, labels, failed):
    """Rows start..stop; failed[0] is set where `tries` mazes had no such path, and all stop."""
    distance, parent, order = np.empty((3, (rows + 2) * (columns + 2)), np.int32)
    seed = np.empty(1, np.uint64)
    for index in range(start, stop):
        seed[0] = seeds[index]
        for _ in range(tries):
            if failed[0]:
                return
            chance = least + (most - least) * _unit(seed)
            free = 0
            for cell in range(rows * columns):
                wall = _unit(seed) < chance
                grids[index, cell] = WALL if wall else FREE
                free += not wall
            if free >= 2 and choose(
                grids[index], rows, columns, low, high, seed, distance, parent, order, labels[index]
            ):
                break
        else:
            failed[0] = True
            return


def generate(seeds, shape, walls, low, high):
    """(inputs, labels), one maze a seed; ValueError where the targets seem out of reach."""
    (rows, columns), (least, most) = shape, walls
    inputs, labels = np.zeros((2, len(seeds), rows * columns), np.uint8)
    failed = np.zeros(1, np.bool_)

    def piece(start: int, stop: int) -> None:
        generate_many(rows, columns, least, most, low, high, TRIES, seeds, start, stop, inputs, labels, failed)

    over_chunks(piece, len(seeds), smallest=1)
    if failed[0]:
        raise ValueError(f"path=[{low}, {high}]: in {TRIES} mazes with walls={list(walls)} none has such a path")
    return inputs, labels
