"""The kernels of policies: one edit of one cell in each row, drawn from the row's own random stream."""

import numpy as np
from numba import njit

from puzzles.kernels import below, next_random

NOTHING, RIGHT, WRONG, ANY = 0, 1, 2, 3  # what a row wishes to write
ANYWHERE = -1


@njit(cache=True, nogil=True)
def unit(random):
    """A number in [0, 1)."""
    return (next_random(random) >> np.uint64(11)) * 2.0**-53


@njit(cache=True, nogil=True)
def pick(random, flags):
    """One of the flagged places, all equally likely; -1 where no place is flagged."""
    count = 0
    for flag in flags:
        count += flag
    if count == 0:
        return -1
    skip = below(random, count)
    for place in range(len(flags)):
        if flags[place]:
            if skip == 0:
                return place
            skip -= 1
    return -1


@njit(cache=True, nogil=True)
def _filled(state, target, editable, touched, blank, right, flags):
    """Flags the written cells that this step has left alone and that are right, or wrong."""
    for cell in range(len(state)):
        untouched = editable[cell] and not touched[cell]
        flags[cell] = untouched and state[cell] != blank and (state[cell] == target[cell]) == right


@njit(cache=True, nogil=True)
def plan_careless(
    randoms, states, targets, editable, touched, blank, error, correct, doubt, edit, start, stop, wish, only
):
    """Plans rows start..stop: what the careless solver wishes to write and in which cell. A cell to be revised is
    erased here."""
    flags = np.empty(states.shape[1], np.bool_)
    for index in range(start, stop):
        random = randoms[index : index + 1]
        state, target = states[index], targets[index]
        wish[index], only[index] = NOTHING, ANYWHERE
        if (state == target).all():
            continue
        errs = unit(random) < error
        wish[index] = WRONG if errs else RIGHT
        if not edit:
            continue
        _filled(state, target, editable[index], touched[index], blank, False, flags)
        cell = pick(random, flags)
        revises = (cell >= 0 and unit(random) < correct) or (errs and unit(random) < doubt)
        if not revises:
            continue
        if errs:
            _filled(state, target, editable[index], touched[index], blank, True, flags)
            cell = pick(random, flags)
        if cell < 0:
            continue
        state[cell] = blank
        touched[index, cell] = True
        only[index] = cell
        if unit(random) < 0.5:
            wish[index] = NOTHING


@njit(cache=True, nogil=True)
def plan_random(randoms, states, editable, touched, blank, revise, start, stop, wish, only):
    """Plans rows start..stop: any legal value; with probability `revise` a written cell is erased or rewritten."""
    flags = np.empty(states.shape[1], np.bool_)
    for index in range(start, stop):
        random = randoms[index : index + 1]
        wish[index], only[index] = ANY, ANYWHERE
        if unit(random) >= revise:
            continue
        for cell in range(len(flags)):
            flags[cell] = editable[index, cell] and not touched[index, cell] and states[index, cell] != blank
        cell = pick(random, flags)
        if cell < 0:
            continue
        states[index, cell] = blank
        touched[index, cell] = True
        only[index] = cell
        if unit(random) < 0.5:
            wish[index] = NOTHING


@njit(cache=True, nogil=True)
def _fits(wish, value, target, blank):
    if wish == RIGHT:
        return value == target and value != blank
    if wish == WRONG:
        return value != target and value != blank
    return value != blank


@njit(cache=True, nogil=True)
def _write(random, state, target, open_cells, legal, blank, wish, cells, values):
    """Writes a legal value that is wished into an open cell. Returns the cell, or -1 where there is none."""
    for cell in range(len(state)):
        cells[cell] = False
        if open_cells[cell]:
            for value in range(len(values)):
                cells[cell] |= legal[cell, value] and _fits(wish, value, target[cell], blank)
    cell = pick(random, cells)
    if cell >= 0:
        for value in range(len(values)):
            values[value] = legal[cell, value] and _fits(wish, value, target[cell], blank)
        state[cell] = pick(random, values)
    return cell


@njit(cache=True, nogil=True)
def write(randoms, states, targets, editable, touched, legal, blank, edit, start, stop, wish, only):
    """Writes in rows start..stop what is wished where it is legal, else what is left to do (see CarelessSolver)."""
    seq = states.shape[1]
    open_cells, cells = np.empty((2, seq), np.bool_)
    values = np.empty(legal.shape[2], np.bool_)
    for index in range(start, stop):
        if wish[index] == NOTHING:
            continue
        random = randoms[index : index + 1]
        state, target = states[index], targets[index]
        if only[index] != ANYWHERE:
            open_cells[:] = False
            open_cells[only[index]] = True
            _write(random, state, target, open_cells, legal[index], blank, wish[index], cells, values)
            continue
        unfinished = False
        for cell in range(seq):
            open_cells[cell] = editable[index, cell] and not touched[index, cell] and state[cell] == blank
            unfinished |= open_cells[cell] and target[cell] != blank
        cell = _write(random, state, target, open_cells, legal[index], blank, wish[index], cells, values)
        if cell < 0 and wish[index] == WRONG:
            cell = _write(random, state, target, open_cells, legal[index], blank, RIGHT, cells, values)
        if cell < 0 and wish[index] == RIGHT and unfinished:
            cell = _write(random, state, target, open_cells, legal[index], blank, WRONG, cells, values)
        if cell < 0 and wish[index] != ANY and unfinished and edit:
            for place in range(seq):
                cells[place] = editable[index, place] and not touched[index, place] and state[place] != blank
            cell = pick(random, cells)
            if cell >= 0:
                state[cell] = blank
        if cell >= 0:
            touched[index, cell] = True
