"""Rotations and reflections of a grid: eight where it is square, the four that keep its shape elsewhere."""

from functools import cache

import numpy as np
from jaxtyping import Int
from numba import njit


@cache
def images(rows: int, columns: int) -> Int[np.ndarray, "symmetries cells"]:
    """grid[images[i]] is the grid under symmetry i; the identity first, then by name as in NAMES."""
    cells = np.arange(rows * columns).reshape(rows, columns)
    found = [cells, cells[:, ::-1], cells[::-1], cells[::-1, ::-1]]
    if rows == columns:
        found += [image.T for image in found]
    return np.stack([image.ravel() for image in found])


NAMES = ("identity", "fliplr", "flipud", "rot180", "transpose", "rot90", "rot270", "antitranspose")


@cache
def weights(rows: int, columns: int) -> np.ndarray:
    """[symmetries, cells]: for each cell its random multiplier in the hash of each image."""
    stream = np.random.Generator(np.random.PCG64(0x6D617A65))
    base = stream.integers(0, 1 << 64, rows * columns, dtype=np.uint64)
    table = np.empty((len(images(rows, columns)), rows * columns), np.uint64)
    for row, image in zip(table, images(rows, columns), strict=True):
        row[image] = base
    return table


@njit(cache=True, nogil=True)
def hash_many(tokens, weights, start, stop, hashes):
    """Rows start..stop: the sum of the images' scrambled hashes."""
    for index in range(start, stop):
        total = np.uint64(0)
        for symmetry in range(len(weights)):
            z = np.uint64(0)
            for cell in range(tokens.shape[1]):
                z += weights[symmetry, cell] * np.uint64(tokens[index, cell])
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)  # splitmix64's finaliser
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            total += z ^ (z >> np.uint64(31))
        hashes[index] = total


@njit(cache=True, nogil=True)
def canonical_many(tokens, images, start, stop, smallest):
    """Rows start..stop: the image that comes first when cells are read in order."""
    for index in range(start, stop):
        best = 0
        for other in range(1, len(images)):
            for cell in range(tokens.shape[1]):
                here, there = tokens[index, images[other, cell]], tokens[index, images[best, cell]]
                if here != there:
                    if here < there:
                        best = other
                    break
        for cell in range(tokens.shape[1]):
            smallest[index, cell] = tokens[index, images[best, cell]]
