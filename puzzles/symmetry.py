"""Symmetries that can be undone: cells change places, token ids change names."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Integer

from puzzles.errors import UserError


@dataclass(kw_only=True, slots=True)
class Symmetry:
    """One element of a group: new[i] = tokens[old[cells[i]]]."""

    cells: Integer[np.ndarray, " seq"]
    tokens: Integer[np.ndarray, " vocab"]

    def apply(self, states: Integer[np.ndarray, "num seq"]) -> Integer[np.ndarray, "num seq"]:
        """Puzzles, or answers, transformed by the symmetry."""
        return self.tokens.astype(states.dtype)[states[:, self.cells]]

    def invert(self, states: Integer[np.ndarray, "num seq"]) -> Integer[np.ndarray, "num seq"]:
        """`invert(apply(states))` is `states`."""
        return np.argsort(self.tokens).astype(states.dtype)[states][:, np.argsort(self.cells)]


@runtime_checkable
class Symmetric(Protocol):
    """A puzzle whose symmetries are known: a solution of the transformed puzzle maps back to one of the puzzle."""

    num_symmetries: int  # the identity included

    def symmetries(self, rng: np.random.Generator, num: int) -> list[Symmetry]:
        """`num` different symmetries, the identity first; UserError for more than there are."""
        ...


def identity(seq_len: int, vocab_size: int) -> Symmetry:
    return Symmetry(cells=np.arange(seq_len), tokens=np.arange(vocab_size))


def of_grid(
    rng: np.random.Generator, images: Integer[np.ndarray, "symmetries seq"], vocab_size: int, num: int, what: str
) -> list[Symmetry]:
    """The first of `images` (places of cells) and `num - 1` random others; UserError for more than there are."""
    check_number(num, len(images), what)
    others = rng.permutation(len(images) - 1)[: num - 1] + 1
    return [Symmetry(cells=images[i], tokens=np.arange(vocab_size)) for i in (0, *others.tolist())]


def check_number(num: int, available: int, what: str) -> None:
    if not 1 <= num <= available:
        raise UserError(f"restarts={num}: {what} has {available:,} symmetries")
