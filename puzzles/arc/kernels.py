"""Compiled loops over packed ARC grids: rows of canvases, crops, content hashes, canonical forms.

Grids lie one after another in `cells`; grid g is heights[g] x widths[g] from starts[g] on. The dihedral transforms have
the published numbers: 0 none, 1-3 counter-clockwise quarter turns, 4 left-right flip, 5 up-down flip, 6 transpose,
7 transpose about the other diagonal.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, inline="always")
def walk(dihedral, height, width):
    """(first, down, across): cell (r, c) of the transformed grid is cell first + r * down + c * across of the grid."""
    last_row = (height - 1) * width
    if dihedral == 0:
        return 0, width, 1
    if dihedral == 1:
        return width - 1, -1, width
    if dihedral == 2:
        return last_row + width - 1, -width, -1
    if dihedral == 3:
        return last_row, 1, -width
    if dihedral == 4:
        return width - 1, width, -1
    if dihedral == 5:
        return last_row, -width, 1
    if dihedral == 6:
        return 0, 1, width
    return last_row + width - 1, -1, -width


@njit(cache=True, nogil=True, inline="always")
def turned(dihedral, height, width):
    """Height and width after the transform."""
    if dihedral == 1 or dihedral == 3 or dihedral >= 6:
        return width, height
    return height, width


@njit(cache=True, nogil=True)
def place(cells, start, height, width, dihedral, colours, row, col, side, canvas):
    """Writes canvas[side * side]: colours + 2, one EOS line below and right where it fits, padding elsewhere."""
    first, down, across = walk(dihedral, height, width)
    height, width = turned(dihedral, height, width)
    canvas[:] = 0
    for r in range(height):
        source = start + first + r * down
        target = (row + r) * side + col
        for c in range(width):
            canvas[target + c] = colours[cells[source + c * across]] + 2
        if col + width < side:
            canvas[target + width] = 1
    if row + height < side:
        target = (row + height) * side + col
        canvas[target : target + width] = 1


@njit(cache=True, nogil=True)
def place_many(cells, starts, heights, widths, grids, dihedrals, colours, which, offsets, side, start, stop, out):
    """out[i] = grid grids[i] under transform which[i] of (dihedrals, colours), its corner at offsets[i]."""
    for index in range(start, stop):
        grid, one = grids[index], which[index]
        place(
            cells, starts[grid], heights[grid], widths[grid], dihedrals[one], colours[one],
            offsets[index, 0], offsets[index, 1], side, out[index],
        )  # fmt: skip


@njit(cache=True, nogil=True)
def crop_many(tokens, side, rows, cols, start, stop, sizes):
    """sizes[i] = height and width of the largest rectangle of colours in canvas i with its corner at rows[i], cols[i].

    Of equally large ones the flattest, as published; 0 x 0 where the corner itself has no colour.
    """
    for index in range(start, stop):
        widest = side - cols[index]
        best = 0
        for height in range(1, side - rows[index] + 1):
            line = (rows[index] + height - 1) * side + cols[index]
            run = 0
            while run < widest and 2 <= tokens[index, line + run] <= 11:
                run += 1
            widest = run
            if height * widest > best:
                best = height * widest
                sizes[index, 0], sizes[index, 1] = height, widest
            if widest == 0:
                break


@njit(cache=True, nogil=True)
def well_formed(tokens, side, rows, cols, start, stop, valid):
    """Whether the colours from the corner rows[i], cols[i] on are a rectangle closed by EOS lines where those fit."""
    for index in range(start, stop):
        top, left = rows[index], cols[index]
        height, width = 0, 0
        while top + height < side and 2 <= tokens[index, (top + height) * side + left] <= 11:
            height += 1
        while left + width < side and 2 <= tokens[index, top * side + left + width] <= 11:
            width += 1
        right = height > 0 and width > 0
        for r in range(height):
            line = (top + r) * side + left
            for c in range(width):
                right = right and 2 <= tokens[index, line + c] <= 11
            right = right and (left + width == side or tokens[index, line + width] == 1)
        if top + height < side:
            line = (top + height) * side + left
            for c in range(width):
                right = right and tokens[index, line + c] == 1
        valid[index] = right


@njit(cache=True, nogil=True, inline="always")
def _mix(hashed, value):
    """One step of a 64-bit multiply-xorshift hash."""
    hashed = (hashed ^ np.uint64(value)) * np.uint64(0x9E3779B97F4A7C15)
    return hashed ^ (hashed >> np.uint64(29))


@njit(cache=True, nogil=True)
def _hash(hashed, cells, start, height, width, dihedral, colours):
    first, down, across = walk(dihedral, height, width)
    height, width = turned(dihedral, height, width)
    hashed = _mix(hashed, height * 64 + width)
    for r in range(height):
        source = start + first + r * down
        for c in range(width):
            hashed = _mix(hashed, colours[cells[source + c * across]])
    return hashed


@njit(cache=True, nogil=True)
def content_hashes(cells, starts, heights, widths, dihedrals, colours, out):
    """out[k] = hash of the examples under transform k, whatever their order. Grids 2p and 2p + 1 are example p."""
    for k in range(len(dihedrals)):
        total = np.uint64(0)
        for grid in range(0, len(starts), 2):
            hashed = np.uint64(0x243F6A8885A308D3)
            for g in range(grid, grid + 2):
                hashed = _hash(hashed, cells, starts[g], heights[g], widths[g], dihedrals[k], colours[k])
            total += _mix(_mix(hashed, 1), 2)
        out[k] = total


@njit(cache=True, nogil=True)
def _relabel(cells, starts, heights, widths, grid, count, dihedral, form):
    """Writes `count` grids from `grid` on as sides and cells, colours 1-9 numbered as they appear; their length."""
    names = np.zeros(10, np.uint8)
    used = 0
    length = 0
    for g in range(grid, grid + count):
        first, down, across = walk(dihedral, heights[g], widths[g])
        height, width = turned(dihedral, heights[g], widths[g])
        form[length], form[length + 1] = height, width
        length += 2
        for r in range(height):
            source = starts[g] + first + r * down
            for c in range(width):
                colour = cells[source + c * across]
                if colour > 0 and names[colour] == 0:
                    used += 1
                    names[colour] = used
                form[length] = names[colour]
                length += 1
    return length


@njit(cache=True, nogil=True)
def canonical_many(cells, starts, heights, widths, count, start, stop, forms, hashes):
    """forms[i] = the smallest of the 8 relabelled forms of grids [i * count, (i + 1) * count); hashes[i] = its hash.

    The same for groups that a dihedral transform and a permutation of colours 1-9 map onto each other, only for those.
    """
    trial = np.zeros(forms.shape[1], np.uint8)
    for index in range(start, stop):
        best = forms[index]
        length = _relabel(cells, starts, heights, widths, index * count, count, 0, best)
        for dihedral in range(1, 8):
            _relabel(cells, starts, heights, widths, index * count, count, dihedral, trial)
            place = 0
            while place < length and trial[place] == best[place]:
                place += 1
            if place < length and trial[place] < best[place]:
                best[:length] = trial[:length]
        hashed = np.uint64(0x13198A2E03707344)
        for place in range(length):
            hashed = _mix(hashed, best[place])
        hashes[index] = _mix(hashed, length)
