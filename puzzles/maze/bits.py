"""Mazes as one word of bits a row: random walls, and searches that move a whole layer of cells at once.

Row r of the grid is word r + 1 between two empty ones, column c its bit c; a cell is row * 64 + column with that row.
"""

import numpy as np
from numba import njit

from puzzles.kernels import count, lowest, next_random

ONE = np.uint64(1)


@njit(cache=True, nogil=True)
def unit(seed):
    return (next_random(seed) >> np.uint64(11)) * 2.0**-53


@njit(cache=True, nogil=True)
def draw_walls(rows, columns, chance, seed, free):
    """Fills free[1..rows] with bits of free cells, each a wall with probability chance / 2^16; how many are free.

    A cell is a wall where its random 16-bit number is below chance; their bits are compared from the top until decided.
    """
    kept = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - columns)
    double = columns <= 32  # two rows in one word
    half = np.uint64(32)
    total = 0
    for row in range(1, rows + 1, 2 if double else 1):
        undecided = kept | kept << half if double else kept
        walls = np.uint64(0)
        for place in range(15, -1, -1):
            bits = next_random(seed)
            if chance >> place & 1:
                walls |= undecided & ~bits
                undecided &= bits
            else:
                undecided &= ~bits
            if undecided == 0:
                break
        free[row] = kept & ~walls
        total += count(free[row])
        if double and row < rows:
            free[row + 1] = kept & ~(walls >> half)
            total += count(free[row + 1])
    return total


@njit(cache=True, nogil=True)
def flood(rows, free, row, column, layers, unseen):
    """layers[d] becomes the bits of the cells at d moves, unseen the free ones out of reach; the largest d."""
    unseen[:] = free
    layers[0, :] = 0
    layers[0, row] = ONE << np.uint64(column)
    unseen[row] ^= layers[0, row]
    away = 0
    while True:
        here, there = layers[away], layers[away + 1]
        reached = np.uint64(0)
        for i in range(1, rows + 1):
            new = ((here[i] << ONE) | (here[i] >> ONE) | here[i - 1] | here[i + 1]) & unseen[i]
            unseen[i] ^= new
            there[i] = new
            reached |= new
        if reached == 0:
            return away
        away += 1


@njit(cache=True, nogil=True)
def size(rows, bits):
    total = 0
    for row in range(1, rows + 1):
        total += count(bits[row])
    return total


@njit(cache=True, nogil=True)
def middle(rows, columns, free):
    """A free cell in the row nearest to the middle; row 0 where there is none."""
    for turn in range(2 * rows):
        row = (rows + 1) // 2 + (-(turn // 2) if turn % 2 else turn // 2)
        if 1 <= row <= rows and free[row]:
            half = free[row] >> np.uint64(columns // 2)
            return row, lowest(half) + columns // 2 if half else lowest(free[row])
    return 0, 0


@njit(cache=True, nogil=True)
def nth(rows, low, layers, number):
    """The number-th cell of layers[low], layers[low + 1], ..."""
    away = low
    while True:
        for row in range(1, rows + 1):
            bits = layers[away, row]
            if number < count(bits):
                for _ in range(number):
                    bits &= bits - ONE
                return row * 64 + lowest(bits)
            number -= count(bits)
        away += 1


@njit(cache=True, nogil=True)
def halfway(rows, free, layers, depth, unseen):
    """The middle of a path between two cells far apart; layers are those of a flood with this depth."""
    for turn in range(2):
        for row in range(1, rows + 1):
            if layers[depth, row]:
                break
        column = lowest(layers[depth, row])
        if turn == 0:
            depth = flood(rows, free, row, column, layers, unseen)
    for away in range(depth - 1, depth // 2 - 1, -1):
        here = ONE << np.uint64(column)
        beside = ((here << ONE) | (here >> ONE)) & layers[away, row]
        if beside:
            column = lowest(beside)
        else:
            row += 1 if layers[away, row + 1] & here else -1
    return row, column
