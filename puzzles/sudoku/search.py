"""Exact Sudoku search at any size: candidates as bit masks, naked and hidden singles, guesses in the narrowest cell."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Int
from numba import njit

from puzzles.kernels import below

FIXED = np.uint32(1 << 31)  # set on a cell whose value its peers have been told
NO_LIMIT = 1 << 62


@dataclass(frozen=True, slots=True)
class Board:
    """Geometry of one size, as the kernels read it."""

    side: int
    box_rows: int
    box_cols: int
    units: Int[np.ndarray, "num_units side"]  # rows, columns, boxes
    peers: Int[np.ndarray, "cells num_peers"]


@cache
def board(box_rows: int, box_cols: int) -> Board:
    side = box_rows * box_cols
    cells = np.arange(side * side, dtype=np.int32)
    rows, cols = np.divmod(cells, side)
    boxes = rows // box_rows * box_rows + cols // box_cols
    units = np.stack([cells[unit == index] for unit in (rows, cols, boxes) for index in range(side)])
    related = (rows[:, None] == rows) | (cols[:, None] == cols) | (boxes[:, None] == boxes)
    np.fill_diagonal(related, False)
    peers = np.stack([cells[row] for row in related])
    return Board(side, box_rows, box_cols, units, peers)


@njit(cache=True, nogil=True)
def _bits(mask):
    count = 0
    while mask:
        mask &= mask - np.uint32(1)
        count += 1
    return count


@njit(cache=True, nogil=True)
def _tell_peers(candidates, peers):
    """Naked singles. Returns -1 for a contradiction, else how many cells were fixed."""
    told = 0
    for cell in range(len(candidates)):
        mask = candidates[cell]
        if mask == 0:
            return -1
        if mask & FIXED or mask & (mask - np.uint32(1)):
            continue
        candidates[cell] = mask | FIXED
        told += 1
        for peer in peers[cell]:
            seen = candidates[peer]
            if seen & mask:
                if seen & FIXED or seen == mask:
                    return -1
                candidates[peer] = seen & ~mask
    return told


@njit(cache=True, nogil=True)
def _hidden_singles(candidates, units):
    """Digits with one place left in a unit. Returns -1 for a contradiction, else how many cells narrowed."""
    full = np.uint32((1 << units.shape[1]) - 1)
    found = 0
    for unit in range(units.shape[0]):
        once = np.uint32(0)
        twice = np.uint32(0)
        for cell in units[unit]:
            mask = candidates[cell] & full
            twice |= once & mask
            once |= mask
        if once != full:
            return -1
        single = once & ~twice
        for cell in units[unit]:
            mask = candidates[cell]
            hit = mask & single
            if hit and not mask & FIXED and hit != mask:
                if hit & (hit - np.uint32(1)):
                    return -1
                candidates[cell] = hit
                found += 1
    return found


@njit(cache=True, nogil=True)
def _propagate(candidates, units, peers):
    """Narrows in place until nothing follows; False for a contradiction."""
    while True:
        told = _tell_peers(candidates, peers)
        if told < 0:
            return False
        if told == 0:
            found = _hidden_singles(candidates, units)
            if found < 0:
                return False
            if found == 0:
                return True


@njit(cache=True, nogil=True)
def _narrowest(candidates, random, state):
    """An open cell with the fewest candidates (a random one of them when `random`), -1 when all are fixed."""
    best = -1
    fewest = 99
    ties = 0
    for cell in range(len(candidates)):
        mask = candidates[cell]
        if mask & FIXED:
            continue
        count = _bits(mask)
        if count < fewest:
            fewest = count
            best = cell
            ties = 1
            if count == 2 and not random:
                break
        elif random and count == fewest:
            ties += 1
            if below(state, ties) == 0:
                best = cell
    return best


@njit(cache=True, nogil=True)
def _choose(mask, avoided, random, state):
    """One bit of mask: random, or the lowest but `avoided` only when nothing else is left."""
    if random:
        for _ in range(below(state, _bits(mask))):
            mask &= mask - np.uint32(1)
    elif mask & ~avoided:
        mask &= ~avoided
    return mask & (~mask + np.uint32(1))


@njit(cache=True, nogil=True)
def search(stack, units, peers, limit, max_guesses, known, random, state, answer):
    """Depth-first search from the candidates in stack[0] (bit v-1 of a cell: value v).

    Returns (solutions found, guesses): stops at `limit` solutions, or with -1 solutions after `max_guesses`.
    A guess is a value assumed while the cell has others left. `known`: a solution that is not counted and whose
    values are tried last (all zero: none). `random`: guess at random from `state`. `answer`: the last solution.
    """
    depth = 0
    solutions = 0
    guesses = 0
    while True:
        candidates = stack[depth]
        alive = _propagate(candidates, units, peers)
        if alive:
            cell = _narrowest(candidates, random, state)
            if cell < 0:
                differs = False
                for place in range(len(candidates)):
                    value = _bits((candidates[place] & ~FIXED) - np.uint32(1)) + 1
                    answer[place] = value
                    differs |= value != known[place]
                if differs:
                    solutions += 1
                    if solutions >= limit:
                        return solutions, guesses
            else:
                if guesses >= max_guesses:
                    return -1, guesses
                avoided = np.uint32(1 << known[cell]) >> np.uint32(1)
                bit = _choose(candidates[cell], avoided, random, state)
                stack[depth + 1] = candidates
                candidates[cell] &= ~bit
                depth += 1
                stack[depth, cell] = bit
                guesses += 1
                continue
        depth -= 1
        if depth < 0:
            return solutions, guesses


@njit(cache=True, nogil=True)
def place_givens(grid, candidates, side):
    """Candidates before any inference: one bit for a given, all for a blank (0)."""
    for cell in range(len(grid)):
        candidates[cell] = np.uint32(1 << (grid[cell] - 1)) if grid[cell] else np.uint32((1 << side) - 1)


@njit(cache=True, nogil=True)
def solve_many(grids, side, units, peers, limit, start, stop, counts, guesses, answers):
    """Rows start..stop: solutions up to limit, guesses spent, last solution found."""
    cells = grids.shape[1]
    stack = np.empty((cells + 1, cells), np.uint32)
    known = np.zeros(cells, np.uint8)
    state = np.zeros(1, np.uint64)
    for index in range(start, stop):
        place_givens(grids[index], stack[0], side)
        counts[index], guesses[index] = search(
            stack, units, peers, limit, NO_LIMIT, known, False, state, answers[index]
        )
