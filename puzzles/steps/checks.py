"""What attempts and their labels must satisfy: each fault is a ValueError of one line with place, value and bound."""

import numpy as np
from jaxtyping import Float

from puzzles.errors import UserError
from puzzles.steps.attempts import Attempts
from puzzles.steps.rules import StepRules
from puzzles.steps.tokens import as_rows, place


def check_attempts(rules: StepRules, attempts: Attempts, first: int = 0) -> None:
    """ValueError for the first step that edits a given, writes what is no value of a cell, overwrites where steps only
    fill, or changes too many cells. `first`: the number of the first attempt."""
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
            raise UserError(f"{name(index, t + step, cell)} is not to be edited: given, or no part of the answer")
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


def check_labels(labels: Float[np.ndarray, "rows"]) -> None:
    """ValueError for the first label that is neither within 0 and 1 nor NaN, which stands for none."""
    wrong = (labels < 0) | (labels > 1)
    if wrong.any():
        index = int(np.argmax(wrong))
        raise UserError(f"label {index}: {labels[index]:g}: must lie within 0 and 1")
