"""Breadth-first search in mazes: distances, the labels' tie-break, counts of shortest paths, connected marks, and the
shortest path that holds the most marked cells.

Grids are read with a frame of walls around them: cell (r, c) is (r + 1) * (columns + 2) + c + 1 here.
"""

import numpy as np
from numba import njit

WALL, FREE, START, GOAL, PATH = 1, 2, 3, 4, 5
UNSEEN, BLOCKED = -1, -2
MOST = np.uint64(0xFFFFFFFFFFFFFFFF)  # counts of paths stop here
NONE = np.uint64(0)  # beside a plain 0 numba would count in floats


@njit(cache=True, nogil=True)
def frame(tokens, rows, columns, distance):
    """Fills distance with UNSEEN and BLOCKED; (start, goal)."""
    width = columns + 2
    start = goal = 0
    distance[:] = BLOCKED
    for row in range(rows):
        for column in range(columns):
            token = tokens[row * columns + column]
            cell = (row + 1) * width + column + 1
            if token != WALL:
                distance[cell] = UNSEEN
            if token == START:
                start = cell
            elif token == GOAL:
                goal = cell
    return start, goal


@njit(cache=True, nogil=True)
def spread(width, source, distance, parent, order):
    """Moves from source to every UNSEEN cell, first parents under Down, Left, Right, Up, cells in order of visit.

    Cells of one distance are visited in the order of their smallest paths, so first parents make smallest paths.
    Returns how many cells were reached.
    """
    distance[source] = 0
    parent[source] = source
    order[0] = source
    head, tail = 0, 1
    while head < tail:
        cell = order[head]
        head += 1
        away = distance[cell] + 1
        for step in (width, -1, 1, -width):
            beside = cell + step
            if distance[beside] == UNSEEN:
                distance[beside] = away
                parent[beside] = cell
                order[tail] = beside
                tail += 1
    return tail


@njit(cache=True, nogil=True)
def mark_path(columns, start, goal, parent, labels):
    """Writes PATH on the cells between start and goal."""
    width = columns + 2
    cell = parent[goal]
    while cell != start:
        labels[(cell // width - 1) * columns + cell % width - 1] = PATH
        cell = parent[cell]


@njit(cache=True, nogil=True)
def solve_many(tokens, rows, columns, start, stop, labels, moves):
    """Rows start..stop: the smallest shortest path as labels, and its moves (-1: no path)."""
    size = (rows + 2) * (columns + 2)
    distance, parent, order = np.empty((3, size), np.int32)
    for index in range(start, stop):
        source, goal = frame(tokens[index], rows, columns, distance)
        spread(columns + 2, source, distance, parent, order)
        labels[index] = tokens[index]
        moves[index] = max(distance[goal], UNSEEN)
        if distance[goal] > 0:
            mark_path(columns, source, goal, parent, labels[index])


@njit(cache=True, nogil=True)
def distances_many(tokens, rows, columns, start, stop, distances):
    """Rows start..stop: moves from S to each cell, -1 for walls and cells out of reach."""
    size = (rows + 2) * (columns + 2)
    distance, parent, order = np.empty((3, size), np.int32)
    for index in range(start, stop):
        source, _ = frame(tokens[index], rows, columns, distance)
        spread(columns + 2, source, distance, parent, order)
        for row in range(rows):
            for column in range(columns):
                there = distance[(row + 1) * (columns + 2) + column + 1]
                distances[index, row * columns + column] = max(there, UNSEEN)


@njit(cache=True, nogil=True)
def count_many(tokens, rows, columns, start, stop, counts):
    """Rows start..stop: how many shortest paths there are, at most MOST."""
    width = columns + 2
    size = (rows + 2) * width
    distance, parent, order = np.empty((3, size), np.int32)
    ways = np.empty(size, np.uint64)
    for index in range(start, stop):
        source, goal = frame(tokens[index], rows, columns, distance)
        reached = spread(width, source, distance, parent, order)
        ways[source] = 1
        for place in range(1, reached):
            cell = order[place]
            total = NONE
            for step in (width, -1, 1, -width):
                if distance[cell + step] == distance[cell] - 1:
                    more = ways[cell + step]
                    total = MOST if total > MOST - more else total + more
            ways[cell] = total
        counts[index] = ways[goal] if distance[goal] > 0 else NONE


@njit(cache=True, nogil=True)
def check_many(outputs, rows, columns, start, stop, whole, marks):
    """Rows start..stop: are S, G and the marks connected without a loose end; how many marks there are."""
    width = columns + 2
    size = (rows + 2) * width
    distance, parent, order = np.empty((3, size), np.int32)
    for index in range(start, stop):
        source, goal = frame(outputs[index], rows, columns, distance)
        marked = 0
        for row in range(rows):
            for column in range(columns):
                if outputs[index, row * columns + column] == FREE:
                    distance[(row + 1) * width + column + 1] = BLOCKED
                elif outputs[index, row * columns + column] == PATH:
                    marked += 1
        marks[index] = marked
        whole[index] = spread(width, source, distance, parent, order) == marked + 2
        for place in range(marked + 2 if whole[index] else 0):
            cell = order[place]
            beside = 0
            for step in (width, -1, 1, -width):
                beside += distance[cell + step] >= 0
            if beside < (1 if cell in (source, goal) else 2):
                whole[index] = False
                break


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
