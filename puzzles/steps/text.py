"""Steps as text: `r3c5=7` (row and column from 1), `r3c5=.` for an erased cell, `pass` for a step without edits.

Edits of one step are separated by blanks. Each domain names its values (`Puzzle.step_symbols`): mazes mark with `o`,
ARC writes the colours 0 to 9 and `eos`.
"""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer

from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.steps.checks import as_rows, place
from puzzles.steps.steps import Step

PASS = "pass"
EDIT = re.compile(r"r([0-9]{1,4})c([0-9]{1,4})=(\S+)")


def format_step(puzzle: Puzzle, step: Step) -> str:
    """The step in one line. UserError for a cell or a value that the puzzle does not have."""
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
    """The step that the text describes in the state before it; edits that change nothing are left out.

    UserError for text that does not describe a step, for a cell outside the puzzle or named twice, and for an unknown
    value. The time is linear in the length of the text.
    """
    tokens = {symbol: token for token, symbol in puzzle.step_symbols().items()}
    rows, columns = puzzle.shape
    after = as_rows(puzzle, np.asarray(state)[None], "states")[0].copy()
    words = text.split()
    if not words:
        raise UserError(f"step {span[0]}: empty text: a step without edits is written {PASS}")
    named: set[int] = set()
    for word in [] if words == [PASS] else words:
        match = EDIT.fullmatch(word)
        if not match:
            raise UserError(
                f"step {span[0]}: {_shown(word)} is not an edit: must look like r1c2={list(tokens)[-1]}, or be {PASS}"
            )
        row, column, symbol = int(match[1]), int(match[2]), match[3]
        if not (1 <= row <= rows and 1 <= column <= columns):
            raise UserError(f"step {span[0]}: {_shown(word)} lies outside the {rows}x{columns} {puzzle.name}")
        if symbol not in tokens:
            raise UserError(
                f"step {span[0]}: {_shown(word)} writes {_shown(symbol)}: must be one of {' '.join(tokens)}"
            )
        cell = (row - 1) * columns + column - 1
        if cell in named:
            raise UserError(f"step {span[0]}: {_shown(word)} edits a cell a second time: each at most once")
        named.add(cell)
        after[cell] = tokens[symbol]
    return Step.between(np.asarray(state), after, span)


def _shown(text: str) -> str:
    """A text in quotes, cut where it is long."""
    return ascii(text if len(text) <= 40 else f"{text[:37]}...")


def format_steps(puzzle: Puzzle, steps: Sequence[Step]) -> list[str]:
    """Each step in one line."""
    return [format_step(puzzle, step) for step in steps]


def parse_steps(puzzle: Puzzle, texts: Sequence[str], start: Integer[np.ndarray, "seq"]) -> list[Step]:
    """The steps that the texts describe, one after another from the start."""
    state, steps = np.asarray(start), []
    for number, text in enumerate(texts):
        steps.append(parse_step(puzzle, text, state, (number, number + 1)))
        state = steps[-1].apply(state)
    return steps
