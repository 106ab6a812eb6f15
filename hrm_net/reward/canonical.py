"""The canonical form of an answer: what is left of its steps when padding, junk and detours are taken out.

A reward that depends on this form alone cannot be raised by any of them, whatever the weights of the scorer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from hrm_net.reward.candidates import Path
from puzzles.base import Puzzle
from puzzles.steps.rules import StepRules
from puzzles.steps.text import EDIT


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One answer to a problem, read and checked against the rules of writing."""

    problem: UInt8[np.ndarray, " seq"]
    # The states that the steps as written run through, and those of the canonical steps; neither has a step of its
    # budget left at the end.
    written: Path
    path: Path
    # For each canonical step the number of the written one that it is taken from.
    kept: tuple[int, ...]
    # Whether a cell is given the value that it has in the end more than once, so that the order of the steps is open.
    repeats: bool
    # Whether the rules say that it solves its problem; None where they cannot tell.
    right: bool | None


def read_answer(
    rules: StepRules, problem: UInt8[np.ndarray, " seq"], path: Path, steps: Sequence[str]
) -> Answer | None:
    """The answer that the states of a candidate are, whose steps have these texts; None where it is not complete."""
    states, puzzle = path.states, rules.puzzle
    if not rules.complete(problem[None], states[-1:])[0]:
        return None
    short, kept = canonical(states)
    return Answer(
        problem=problem,
        written=Path(states=states, budget=len(states) - 1),
        path=Path(states=short, budget=len(short) - 1),
        kept=kept,
        repeats=_repeats(puzzle, states[0], states[-1], steps),
        right=bool(puzzle.check(problem[None], states[-1:]).solved[0]) if puzzle.verifiable else None,
    )


def canonical(states: UInt8[np.ndarray, "states seq"]) -> tuple[UInt8[np.ndarray, "short seq"], tuple[int, ...]]:
    """(the states of the canonical steps, the number of the step that each of them is taken from).

    Each cell is written once, in the step in which it first held the value that it has in the end. What else was
    written into it, or erased, is left out, and so are steps of which nothing remains. Without any edit there is one
    step, which does nothing.
    """
    final = np.logical_or.accumulate(states == states[-1], axis=0)
    short = np.where(final, states[-1], states[0])
    kept = np.flatnonzero((short[1:] != short[:-1]).any(axis=1))
    if not len(kept):
        return np.stack([short[0], short[0]]), (0,)
    return short[[0, *(kept + 1)]], tuple(kept.tolist())


def _repeats(
    puzzle: Puzzle, start: UInt8[np.ndarray, " seq"], end: UInt8[np.ndarray, " seq"], steps: Sequence[str]
) -> bool:
    """Whether the texts write a value of the end more than once, edits that change nothing included."""
    tokens = {symbol: token for token, symbol in puzzle.step_symbols().items()}
    times = np.zeros(puzzle.seq_len, np.int64)
    for text in steps:
        for row, column, symbol in EDIT.findall(text):
            cell = (int(row) - 1) * puzzle.shape[1] + int(column) - 1
            times[cell] += end[cell] == tokens[symbol] != start[cell]
    return bool((times > 1).any())
