"""The shortest path through a maze that holds the most marked cells, by dynamic programming over all shortest paths."""

import numpy as np
from numba import njit

from puzzles.maze.bfs import PATH, frame, spread


@njit(cache=True, nogil=True)
def _same(one, other):
    cell = 0
    while cell < len(one) and one[cell] == other[cell]:
        cell += 1
    return cell == len(one)


@njit(cache=True, nogil=True)
def nearest_many(tokens, before, after, rows, columns, start, stop, targets, found):
    """Rows start..stop: the maze with a shortest path marked, whether there is one.

    The path holds as many marks of `before` as any does, then of `after`; of several such paths it is the first in
    the order of words under Down, Left, Right, Up. Consecutive rows of one maze share a search.
    """
    width = columns + 2
    size = (rows + 2) * width
    distance, parent, order = np.empty((3, size), np.int32)
    most = np.empty(size, np.int64)  # marks on the best way from a cell to the goal; -1: none is shortest
    weight = rows * columns + 1  # one mark of before counts for more than all of after
    source = goal = reached = 0
    for index in range(start, stop):
        if index == start or not _same(tokens[index], tokens[index - 1]):
            source, goal = frame(tokens[index], rows, columns, distance)
            reached = spread(width, source, distance, parent, order)
        targets[index] = tokens[index]
        found[index] = distance[goal] > 0
        if not found[index]:
            continue
        for place in range(reached - 1, -1, -1):
            cell = order[place]
            if distance[cell] >= distance[goal]:
                most[cell] = 0 if cell == goal else -1
                continue
            best = np.int64(-1)
            for step in (width, -1, 1, -width):
                if distance[cell + step] == distance[cell] + 1:
                    best = max(best, most[cell + step])
            if best >= 0:
                plain = (cell // width - 1) * columns + cell % width - 1
                best += weight * (before[index, plain] == PATH) + (after[index, plain] == PATH)
            most[cell] = best
        cell = source
        while True:
            chosen = -1
            for step in (width, -1, 1, -width):
                ahead = distance[cell + step] == distance[cell] + 1 and most[cell + step] >= 0
                if ahead and (chosen < 0 or most[cell + step] > most[chosen]):
                    chosen = cell + step
            if chosen == goal:
                break
            cell = chosen
            targets[index, (cell // width - 1) * columns + cell % width - 1] = PATH
