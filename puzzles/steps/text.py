"""Steps as text: `r3c5=7` (row and column from 1), `r3c5=.` for an erased cell, `pass` for a step without edits.

Edits of one step stand beside each other with a blank between. Mazes mark with `o`; ARC writes colours 0 to 9 and
`eos`.
"""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer

from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.steps.steps import Step
from puzzles.steps.tokens import as_rows, place

PASS = "pass"
EDIT = re.compile(r"r([0-9]{1,4})c([0-9]{1,4})=(\S+)")


def format_step(puzzle: Puzzle, step: Step) -> str:
    """One line; ValueError for a cell or a value that the puzzle has not."""
    names = puzzle.step_symbols()
    edits = []
    for cell, new in zip(step.cells, step.new, strict=True):
        if not 0 <= cell < puzzle.seq_len:
            raise UserError(f"step {step.span[0]}: cell {cell}: must lie in 0..{puzzle.seq_len - 1}")
        if new not in names:
            raise UserError(
                f"step {step.span[0]}: {place(puzzle, cell)} becomes token {new}: must be one of {sorted(names)}"
            )
        edits.append(f"{place(puzzle, cell)}={names[new]}")
    return " ".join(edits) or PASS


def parse_step(puzzle: Puzzle, text: str, state: Integer[np.ndarray, "seq"], span: tuple[int, int] = (0, 1)) -> Step:
    """The step that such a text makes of the state before it; edits that change nothing are left out.

    ValueError for text that is none, a cell outside the puzzle or named twice, and an unknown value.
    """
    tokens = {symbol: token for token, symbol in puzzle.step_symbols().items()}
    rows, columns = puzzle.shape
    after = as_rows(puzzle, np.asarray(state)[None], "states")[0].copy()
    words = text.split()
    if not words:
        raise UserError(f"step {span[0]}: empty text: a step without edits is written {PASS}")
    named: set[int] = set()
    for word in [] if words == [PASS] else words:
        found = EDIT.fullmatch(word)
        if not found:
            raise UserError(
                f"step {span[0]}: {word!r} is no edit: must look like r1c2={list(tokens)[-1]}, or be {PASS}"
            )
        row, column, symbol = int(found[1]), int(found[2]), found[3]
        if not (1 <= row <= rows and 1 <= column <= columns):
            raise UserError(f"step {span[0]}: {word!r} lies outside the {rows}x{columns} {puzzle.name}")
        if symbol not in tokens:
            raise UserError(f"step {span[0]}: {word!r} writes {symbol!r}: must be one of {' '.join(tokens)}")
        cell = (row - 1) * columns + column - 1
        if cell in named:
            raise UserError(f"step {span[0]}: {word!r} edits a cell a second time: each at most once")
        named.add(cell)
        after[cell] = tokens[symbol]
    return Step.between(np.asarray(state), after, span)


def format_steps(puzzle: Puzzle, steps: Sequence[Step]) -> list[str]:
    """One line a step."""
    return [format_step(puzzle, step) for step in steps]


def parse_steps(puzzle: Puzzle, texts: Sequence[str], start: Integer[np.ndarray, "seq"]) -> list[Step]:
    """Steps that follow each other from a start."""
    state, steps = np.asarray(start), []
    for number, text in enumerate(texts):
        steps.append(parse_step(puzzle, text, state, (number, number + 1)))
        state = steps[-1].apply(state)
    return steps
