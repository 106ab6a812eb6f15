"""Problems and candidate solutions as people give them to a scorer, read and checked."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

from puzzles.base import SEVERAL_SOLUTIONS, Puzzle
from puzzles.errors import UserError
from puzzles.steps.attempts import Attempts
from puzzles.steps.checks import as_rows, check_attempts
from puzzles.steps.rules import StepRules
from puzzles.steps.steps import Step, Trajectory
from puzzles.steps.text import parse_step


@dataclass(kw_only=True, slots=True)
class Path:
    """The states of one candidate, the start first, and the steps it was allowed."""

    states: UInt8[np.ndarray, "states seq"]
    budget: int


def read_list(values: Any, what: str) -> list[Any]:
    """The items of a list, tuple, array, tensor or generator. UserError for anything else, a text included."""
    if isinstance(values, str | bytes | Mapping | Set) or not isinstance(values, Iterable):
        raise UserError(f"is of type {type(values).__name__}: must be a list of {what}")
    try:
        return list(values)
    except TypeError:  # an array or tensor without axes
        raise UserError(f"is a single {type(values).__name__}: must be a list of {what}") from None


def read_problem(puzzle: Puzzle, problem: Any) -> UInt8[np.ndarray, "seq"]:
    """Token ids of a puzzle given as a list, array or tensor of those, or as text.

    UserError for another size, for ids that the puzzle does not have, and for a puzzle without a solution or without
    any given. A puzzle with several solutions is read, although scorers learn from puzzles with one.
    """
    if isinstance(problem, str):
        tokens = puzzle.parse(problem)
    else:
        try:
            tokens = np.asarray(problem.tolist() if hasattr(problem, "tolist") else problem)
        except (TypeError, ValueError):  # lists of different lengths, and what has no array at all
            raise UserError(f"is of type {type(problem).__name__}: must be a text or token ids") from None
    if tokens.ndim != 1 or not np.issubdtype(tokens.dtype, np.integer):
        raise UserError(f"of shape {list(tokens.shape)} and dtype {tokens.dtype}: must be integers [{puzzle.seq_len}]")
    row = as_rows(puzzle, tokens[None], "problems")[0]
    fault = puzzle.problem_fault(row)
    if fault not in (None, SEVERAL_SOLUTIONS):
        raise UserError(f"{problem if isinstance(problem, str) else puzzle.format(row)!r}: {fault}")
    return row


def read_candidate(
    rules: StepRules, problem: UInt8[np.ndarray, "seq"], candidate: Any, *, budget: int, most: int
) -> Path:
    """The states that a candidate runs through.

    `budget` holds for candidates that name none, `most` is the largest allowed. UserError for no step, more than the
    budget, another puzzle's trajectory, a step that does not chain, edits a given or writes an unknown value.
    """
    cells_per_step, fill = rules.puzzle.seq_len, False
    state = rules.start(problem[None])[0]
    if isinstance(candidate, Trajectory):
        if not np.array_equal(candidate.problem, problem):
            raise UserError("is a trajectory of another puzzle")
        budget, cells_per_step = candidate.budget, candidate.cells_per_step
        fill, steps, state = candidate.regime == "fill", list(candidate.steps), candidate.start
    elif isinstance(candidate, str):
        raise UserError("is one text: must be a list of steps, or of one text a step")
    else:
        steps = read_list(candidate, "Steps or of their texts, or a Trajectory")
    if len(steps) == 0:
        raise UserError("has no step")
    if budget > most:
        raise UserError(f"budget={budget}: the scorer was trained with at most {most} steps")
    if len(steps) > budget:
        raise UserError(f"has {len(steps)} steps: must have at most {budget}")
    states = [as_rows(rules.puzzle, np.asarray(state)[None], "start")[0]]
    for t, step in enumerate(steps):
        states.append(_after(rules.puzzle, step, states[-1], t))
    path = Path(states=np.stack(states), budget=budget)
    _check(rules, problem, path, cells_per_step, fill)
    return path


def _after(puzzle: Puzzle, step: Any, state: UInt8[np.ndarray, "seq"], t: int) -> UInt8[np.ndarray, "seq"]:
    if not isinstance(step, str | Step):
        raise UserError(f"step {t}: is a {type(step).__name__}: must be a Step or its text")
    try:
        read = parse_step(puzzle, step, state, (t, t + 1)) if isinstance(step, str) else step
        return read.apply(state)
    except UserError as error:
        # Steps made by hand do not know their number.
        raise UserError(f"step {t}: {str(error).split(': ', 1)[-1]}") from None
    except (TypeError, ValueError, IndexError, OverflowError):
        told = "cells and values must be whole numbers from 0 to 255"
        raise UserError(f"step {t}: {_one_line(step)}: {told}") from None


def _check(rules: StepRules, problem: UInt8[np.ndarray, "seq"], path: Path, cells_per_step: int, fill: bool) -> None:
    as_rows(rules.puzzle, path.states, "states")
    if not rules.puzzle.verifiable:
        # Which cells belong to the answer is known only with the answer.
        return
    attempts = Attempts(
        problems=problem[None],
        states=path.states[None],
        lengths=np.array([len(path.states) - 1]),
        budget=np.array([path.budget]),
        cells_per_step=np.array([cells_per_step]),
        fill=np.array([fill]),
        group=np.zeros(1, np.int64),
    )
    try:
        check_attempts(rules, attempts)
    except UserError as error:
        raise UserError(str(error).removeprefix("trajectory 0 ")) from None


def _one_line(value: object) -> str:
    return " ".join(repr(value).split())[:200]
