"""What a maze's answer is made of, cell by cell, and when news of it can have come from cell to cell.

A wave from G gives every cell its distance, hence its next move: the first of Down, Left, Right, Up that comes nearer.
Once it has reached S, a trace along these moves marks the path. Both take one hop for each move.
"""

import numpy as np
from numba import njit

from puzzles.maze.bfs import UNSEEN, frame, spread


@njit(cache=True, nogil=True)
def waves_many(tokens, rows, columns, start, stop, moves, next_move, arrival):
    """Rows start..stop, -1 where G is out of reach, on walls, and for next_move on G.

    moves: to G. next_move: 0 down, 1 left, 2 right, 3 up. arrival: hops until the trace comes by on its way from S;
    0 off the path and at both ends.
    """
    width = columns + 2
    size = (rows + 2) * width
    distance, parent, order, first = np.empty((4, size), np.int32)
    for index in range(start, stop):
        source, goal = frame(tokens[index], rows, columns, distance)
        reached = spread(width, goal, distance, parent, order)
        moves[index], next_move[index], arrival[index] = -1, -1, 0
        for place in range(reached):
            cell = order[place]
            plain = (cell // width - 1) * columns + cell % width - 1
            moves[index, plain] = distance[cell]
            first[cell] = 0
            for direction, step in enumerate((width, -1, 1, -width)):
                if cell != goal and first[cell] == 0 and distance[cell + step] == distance[cell] - 1:
                    first[cell] = step
                    next_move[index, plain] = direction
        if distance[source] == UNSEEN:
            continue
        cell, hops = source + first[source], distance[source] + 1
        while cell != goal:
            arrival[index, (cell // width - 1) * columns + cell % width - 1] = hops
            cell += first[cell]
            hops += 1
