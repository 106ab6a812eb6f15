"""What tokens and the steps of attempts must satisfy: each fault is a UserError of one line with place and bound."""

import numpy as np
from jaxtyping import Integer, UInt8

from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.steps.attempts import Attempts
from puzzles.steps.rules import StepRules


def as_rows(puzzle: Puzzle, tokens: Integer[np.ndarray, "num seq"], what: str) -> UInt8[np.ndarray, "num seq"]:
    """Tokens as uint8 rows. UserError for another size than the puzzle's, or for an id beyond its vocabulary.

    `what` names the tokens in the message.
    """
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


def check_attempts(rules: StepRules, attempts: Attempts, first: int = 0) -> None:
    """UserError for the first step that edits a given, writes a token that is not a value of a cell, overwrites a cell
    in the regime `fill`, or changes too many cells. `first` is the number of the first attempt in messages."""
    puzzle, states = rules.puzzle, attempts.states
    if states.shape[2] != puzzle.seq_len:
        as_rows(puzzle, states[:, 0], "states")
    editable = rules.editable(attempts.problems)[:, None]
    live = attempts.live[:, :, None]
    before, after = states[:, :-1], states[:, 1:]

    def name(index: int, step: int, cell: int | None = None) -> str:
        where = f"trajectory {first + index} " + (f"step {step}" if step >= 0 else "start")
        return where if cell is None else f"{where}: {place(puzzle, cell)}"

    fixed = rules.start(attempts.problems)[:, None]
    known = np.zeros(256, bool)
    known[list(rules.values)] = True
    for shown, mask, step in ((states[:, :1], np.True_, -1), (after, live, 0)):
        given = ~editable & (shown != fixed) & mask
        if given.any():
            index, t, cell = np.argwhere(given)[0].tolist()
            raise UserError(f"{name(index, t + step, cell)} must not be edited: it is given, or not part of the answer")
        wrong = editable & ~known[shown] & mask
        if wrong.any():
            index, t, cell = np.argwhere(wrong)[0].tolist()
            values = ", ".join(map(str, rules.values))
            raise UserError(f"{name(index, t + step, cell)} holds token {shown[index, t, cell]}: must be {values}")

    changed = (before != after) & live
    over = changed & (before != rules.blank) & attempts.fill[:, None, None]
    if over.any():
        index, t, cell = np.argwhere(over)[0].tolist()
        raise UserError(f"{name(index, t, cell)} is written already: regime=fill writes blank cells only")
    many = changed.sum(axis=2) - attempts.cells_per_step[:, None]
    if (many > 0).any():
        index, t = np.argwhere(many > 0)[0].tolist()
        most = int(attempts.cells_per_step[index])
        raise UserError(f"{name(index, t)}: edits {many[index, t] + most} cells: cells_per_step={most}")
