"""Candidate solutions as a scorer takes them, checked: trajectories, steps, or steps in words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.steps.attempts import Attempts
from puzzles.steps.checks import check_attempts
from puzzles.steps.rules import StepRules
from puzzles.steps.steps import Step, Trajectory
from puzzles.steps.text import parse_step
from puzzles.steps.tokens import as_rows


@dataclass(kw_only=True, slots=True)
class Path:
    """The states of one candidate, the start first, and the steps it was allowed."""

    states: UInt8[np.ndarray, "states seq"]
    budget: int


def read_problem(puzzle: Puzzle, problem: Any) -> UInt8[np.ndarray, "seq"]:
    """Token ids of a puzzle given as those or as text. ValueError for another size, or ids that are none."""
    tokens = puzzle.parse(problem) if isinstance(problem, str) else np.asarray(problem)
    if tokens.ndim != 1 or not np.issubdtype(tokens.dtype, np.integer):
        raise UserError(f"of shape {list(tokens.shape)} and dtype {tokens.dtype}: must be integers [{puzzle.seq_len}]")
    return as_rows(puzzle, tokens[None], "problems")[0]


def read_candidate(
    rules: StepRules, problem: UInt8[np.ndarray, "seq"], candidate: Any, *, budget: int, most: int
) -> Path:
    """The states that a candidate runs through.

    `budget` holds for candidates that name none, `most` is the largest allowed. ValueError for no step, more than the
    budget, another puzzle's trajectory, a step that does not chain, edits a given or writes what is no value.
    """
    cells_per_step, fill, steps = rules.puzzle.seq_len, False, candidate
    state = rules.start(problem[None])[0]
    if isinstance(candidate, Trajectory):
        if not np.array_equal(candidate.problem, problem):
            raise UserError("is a trajectory of another puzzle")
        budget, cells_per_step = candidate.budget, candidate.cells_per_step
        fill, steps, state = candidate.regime == "fill", candidate.steps, candidate.start
    elif isinstance(candidate, str):
        raise UserError("is one text: must be a list of steps, or of one text a step")
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
    except (ValueError, OverflowError) as error:
        # Steps made by hand do not know their number.
        raise UserError(f"step {t}: {str(error).split(': ', 1)[-1]}") from None


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
    except ValueError as error:
        raise UserError(str(error).removeprefix("trajectory 0 ")) from None
