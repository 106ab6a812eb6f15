"""Perfect mazes on the lattice of odd cells, opened at dead ends if wanted, with a start and a goal.

Rooms are the cells with odd row and odd column; a tree of corridors joins them all; the frame is wall.
"""

import numpy as np
from numba import njit

from puzzles.kernels import below, next_random, shuffle
from puzzles.maze.bfs import FREE, GOAL, START, WALL, frame, mark_path, spread

DFS, PRIM, KRUSKAL, WILSON, DIVISION = range(5)
KINDS = {"dfs": DFS, "prim": PRIM, "kruskal": KRUSKAL, "wilson": WILSON, "division": DIVISION}
STARTS = 4  # starts tried in one maze before the next is made


@njit(cache=True, nogil=True)
def _dfs(grid, columns, room, seed, stack):
    """Recursive backtracker: a random walk that steps back where it is stuck. Long corridors."""
    width = columns
    size = len(grid)
    grid[room] = FREE
    stack[0] = room
    height = 1
    steps = np.empty(4, np.int64)
    while height:
        room = stack[height - 1]
        num = 0
        for step in (2 * width, -2, 2, -2 * width):
            there = room + step
            column = room % width + (step if step == 2 or step == -2 else 0)
            if 0 < there < size and 0 < column < width and grid[there] == WALL:
                steps[num] = step
                num += 1
        if num == 0:
            height -= 1
            continue
        step = steps[below(seed, num)]
        grid[room + step // 2] = FREE
        grid[room + step] = FREE
        stack[height] = room + step
        height += 1


@njit(cache=True, nogil=True)
def _prim(grid, columns, room, seed, stack):
    """Grows from one room through a random wall of its edge each time. Short dead ends."""
    width = columns
    size = len(grid)
    grid[room] = FREE
    num = 0
    while True:
        for step in (2 * width, -2, 2, -2 * width):
            there = room + step
            column = room % width + (step if step == 2 or step == -2 else 0)
            if 0 < there < size and 0 < column < width and grid[there] == WALL:
                stack[num] = room * 4 + (0 if step == 2 * width else 1 if step == -2 else 2 if step == 2 else 3)
                num += 1
        while num:
            pick = below(seed, num)
            edge = stack[pick]
            num -= 1
            stack[pick] = stack[num]
            way = edge % 4
            step = 2 * width if way == 0 else -2 if way == 1 else 2 if way == 2 else -2 * width
            if grid[edge // 4 + step] == WALL:
                grid[edge // 4 + step // 2] = FREE
                room = edge // 4 + step
                grid[room] = FREE
                break
        else:
            return


@njit(cache=True, nogil=True)
def _root(parents, room):
    while parents[room] != room:
        parents[room] = parents[parents[room]]
        room = parents[room]
    return room


@njit(cache=True, nogil=True)
def _kruskal(grid, rows, columns, seed, parents, edges):
    """Opens walls in random order where they part two trees."""
    num = 0
    for row in range(1, rows, 2):
        for column in range(1, columns, 2):
            room = row * columns + column
            grid[room] = FREE
            parents[room] = room
            if column + 2 < columns:
                edges[num] = room * 2
                num += 1
            if row + 2 < rows:
                edges[num] = room * 2 + 1
                num += 1
    shuffle(seed, edges[:num])
    for edge in edges[:num]:
        room = edge // 2
        step = columns if edge % 2 else 1
        one, other = _root(parents, room), _root(parents, room + 2 * step)
        if one != other:
            parents[one] = other
            grid[room + step] = FREE


@njit(cache=True, nogil=True)
def _wilson(grid, rows, columns, room, seed, leaving):
    """Loop-erased random walks: every tree of corridors is equally likely."""
    grid[room] = FREE
    for row in range(1, rows, 2):
        for column in range(1, columns, 2):
            first = row * columns + column
            if grid[first] == FREE:
                continue
            here = first
            while grid[here] == WALL:
                way = next_random(seed) >> np.uint64(62)
                at_row, at_column = here // columns, here % columns
                if way == 0:
                    step = columns if at_row + 2 < rows else 0
                elif way == 1:
                    step = -1 if at_column > 1 else 0
                elif way == 2:
                    step = 1 if at_column + 2 < columns else 0
                else:
                    step = -columns if at_row > 1 else 0
                if step:
                    leaving[here] = step
                    here += 2 * step
            here = first
            while grid[here] == WALL:
                grid[here] = FREE
                grid[here + leaving[here]] = FREE
                here += 2 * leaving[here]


@njit(cache=True, nogil=True)
def _division(grid, rows, columns, seed, stack):
    """Parts an open field by walls with one gap each, again and again. Long straight walls."""
    for row in range(1, rows - 1):
        grid[row * columns + 1 : (row + 1) * columns - 1] = FREE
    stack[0], stack[1], stack[2], stack[3] = 1, 1, (rows - 1) // 2, (columns - 1) // 2
    height = 4
    while height:
        height -= 4
        top, left, tall, wide = stack[height], stack[height + 1], stack[height + 2], stack[height + 3]
        if tall < 2 or wide < 2:
            continue
        flat = tall > wide if tall != wide else below(seed, 2) == 1
        if flat:
            cut = below(seed, tall - 1) + 1
            row, gap = top + 2 * cut - 1, left + 2 * below(seed, wide)
            for column in range(left, left + 2 * wide - 1):
                if column != gap:
                    grid[row * columns + column] = WALL
            parts = (top, left, cut, wide, top + 2 * cut, left, tall - cut, wide)
        else:
            cut = below(seed, wide - 1) + 1
            column, gap = left + 2 * cut - 1, top + 2 * below(seed, tall)
            for row in range(top, top + 2 * tall - 1):
                if row != gap:
                    grid[row * columns + column] = WALL
            parts = (top, left, tall, cut, top, left + 2 * cut, tall, wide - cut)
        for part in parts:
            stack[height] = part
            height += 1


@njit(cache=True, nogil=True)
def _braid(grid, rows, columns, share, seed):
    """Opens each dead end towards another room with probability `share`; some vanish when a neighbour opens."""
    closed = np.empty(4, np.int64)
    for row in range(1, rows, 2):
        for column in range(1, columns, 2):
            room = row * columns + column
            exits = 0
            for step in (columns, -1, 1, -columns):
                exits += grid[room + step] == FREE
            if exits != 1 or (next_random(seed) >> np.uint64(11)) * 2.0**-53 >= share:
                continue
            num = 0
            for side in range(4):
                step = (columns, -1, 1, -columns)[side]
                inside = (row + 2 < rows, column > 1, column + 2 < columns, row > 1)[side]
                if inside and grid[room + step] == WALL:
                    closed[num] = step
                    num += 1
            if num:
                grid[room + closed[below(seed, num)]] = FREE


@njit(cache=True, nogil=True)
def build(kind, grid, rows, columns, share, seed, one, two):
    """One maze in grid; one and two are scratch of 4 * cells."""
    grid[:] = WALL
    room = (2 * below(seed, (rows - 1) // 2) + 1) * columns + 2 * below(seed, (columns - 1) // 2) + 1
    if kind == DFS:
        _dfs(grid, columns, room, seed, one)
    elif kind == PRIM:
        _prim(grid, columns, room, seed, one)
    elif kind == KRUSKAL:
        _kruskal(grid, rows, columns, seed, one, two)
    elif kind == WILSON:
        _wilson(grid, rows, columns, room, seed, one)
    else:
        _division(grid, rows, columns, seed, one)
    if share > 0:
        _braid(grid, rows, columns, share, seed)


@njit(cache=True, nogil=True)
def choose(grid, rows, columns, low, high, seed, distance, parent, order, labels):
    """A uniform start among the free cells, then a uniform goal at low..high moves; writes both and the labels.

    False where none of STARTS starts has such a goal.
    """
    width = columns + 2
    for _ in range(STARTS):
        frame(grid, rows, columns, distance)
        while True:
            place = below(seed, rows * columns)
            if grid[place] == FREE:
                break
        source = (place // columns + 1) * width + place % columns + 1
        reached = spread(width, source, distance, parent, order)
        first = 0
        while first < reached and distance[order[first]] < low:
            first += 1
        last = reached
        while last > first and distance[order[last - 1]] > high:
            last -= 1
        if last > first:
            goal = order[first + below(seed, last - first)]
            grid[place] = START
            grid[(goal // width - 1) * columns + goal % width - 1] = GOAL
            labels[:] = grid
            mark_path(columns, source, goal, parent, labels)
            return True
    return False


@njit(cache=True, nogil=True)
def generate_many(kind, rows, columns, share, low, high, tries, seeds, start, stop, grids, labels, failed):
    """Rows start..stop; failed[0] is set where `tries` mazes in a row had no such path, and all stop."""
    distance, parent, order = np.empty((3, (rows + 2) * (columns + 2)), np.int32)
    one, two = np.empty((2, 4 * rows * columns), np.int64)
    seed = np.empty(1, np.uint64)
    for index in range(start, stop):
        seed[0] = seeds[index]
        for _ in range(tries):
            if failed[0]:
                return
            build(kind, grids[index], rows, columns, share, seed, one, two)
            if choose(grids[index], rows, columns, low, high, seed, distance, parent, order, labels[index]):
                break
        else:
            failed[0] = True
            return
