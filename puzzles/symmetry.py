"""Symmetries that can be undone: cells change places, token ids change names."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Integer


@dataclass(kw_only=True, slots=True)
class Symmetry:
    """One element of a group: new[i] = tokens[old[cells[i]]]."""

    cells: Integer[np.ndarray, " seq"]
    tokens: Integer[np.ndarray, " vocab"]

    def apply(self, states: Integer[np.ndarray, "num seq"]) -> Integer[np.ndarray, "num seq"]:
        """Puzzles, or answers, as they look under the symmetry."""
        return self.tokens.astype(states.dtype)[states[:, self.cells]]

    def invert(self, states: Integer[np.ndarray, "num seq"]) -> Integer[np.ndarray, "num seq"]:
        """`invert(apply(states))` is `states`."""
        return np.argsort(self.tokens).astype(states.dtype)[states][:, np.argsort(self.cells)]


@runtime_checkable
class Symmetric(Protocol):
    """A puzzle whose symmetries are known: a solution of the transformed puzzle maps back to one of the puzzle."""

    num_symmetries: int  # the identity included

    def symmetries(self, rng: np.random.Generator, num: int) -> list[Symmetry]:
        """`num` different symmetries, the identity first; ValueError for more than there are."""
        ...


def identity(seq_len: int, vocab_size: int) -> Symmetry:
    return Symmetry(cells=np.arange(seq_len), tokens=np.arange(vocab_size))


def dihedral(rows: int, columns: int, vocab_size: int) -> list[Symmetry]:
    """Turns and reflections of a grid, the identity first: 8 of a square, 4 of another rectangle, fewer of a line."""
    grid = np.arange(rows * columns).reshape(rows, columns)
    found: dict[bytes, Symmetry] = {}
    for quarter in range(4):
        for turned in (np.rot90(grid, quarter), np.rot90(grid, quarter).T):
            if turned.shape == grid.shape:
                cells = np.ascontiguousarray(turned).reshape(-1)
                found.setdefault(cells.tobytes(), Symmetry(cells=cells, tokens=np.arange(vocab_size)))
    return list(found.values())


def chosen(rng: np.random.Generator, elements: list[Symmetry], num: int, what: str) -> list[Symmetry]:
    """The first of `elements` and `num - 1` random others; ValueError that names `what` for more than there are."""
    check_number(num, len(elements), what)
    others = rng.permutation(len(elements) - 1)[: num - 1] + 1
    return [elements[0], *(elements[i] for i in others)]


def check_number(num: int, available: int, what: str) -> None:
    if not 1 <= num <= available:
        raise ValueError(f"restarts={num}: {what} has {available:,} symmetries")
