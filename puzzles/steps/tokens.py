"""Token ids of a puzzle's states, checked, and its cells as texts name them."""

import numpy as np
from jaxtyping import Integer, UInt8

from puzzles.base import Puzzle
from puzzles.errors import UserError


def as_rows(puzzle: Puzzle, tokens: Integer[np.ndarray, "num seq"], what: str) -> UInt8[np.ndarray, "num seq"]:
    """Tokens as uint8; ValueError for another size than the puzzle's, or ids beyond its vocabulary."""
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or tokens.shape[1] != puzzle.seq_len:
        size = f"{puzzle.name} of {puzzle.shape[0]}x{puzzle.shape[1]}"
        raise UserError(f"{what} have shape {list(tokens.shape)}: {size} has rows of {puzzle.seq_len} cells")
    if tokens.size and not 0 <= int(tokens.min()) <= int(tokens.max()) < puzzle.vocab_size:
        index, cell = np.argwhere((tokens < 0) | (tokens >= puzzle.vocab_size))[0]
        token = f"token {tokens[index, cell]} in {place(puzzle, int(cell))}"
        raise UserError(f"{what}[{index}] has {token}: must be 0 to {puzzle.vocab_size - 1}")
    return np.ascontiguousarray(tokens, np.uint8)


def place(puzzle: Puzzle, cell: int) -> str:
    """A cell as texts name it, counted from 1."""
    return f"r{cell // puzzle.shape[1] + 1}c{cell % puzzle.shape[1] + 1}"
