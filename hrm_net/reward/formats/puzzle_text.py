"""Attempts at puzzles as solutions in words, for the formats here: steps as `puzzles.steps.text` writes them."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Integer

from hrm_net.reward.formats.records import TextSolution
from puzzles.base import Puzzle
from puzzles.steps.labels import StepLabels
from puzzles.steps.steps import Trajectory
from puzzles.steps.text import format_steps, parse_steps


def text_solution(puzzle: Puzzle, trajectory: Trajectory, labels: StepLabels | None = None) -> TextSolution:
    """An attempt in words; its labels are those of single steps (`ok`), its problem is the text that parses to it."""
    return TextSolution(
        problem=puzzle.format(trajectory.problem),
        steps=format_steps(puzzle, trajectory.steps),
        labels=None if labels is None else [float(label) for label in labels.ok],
        outcome=trajectory.outcome,
        source=trajectory.source,
    )


def trajectory(
    puzzle: Puzzle,
    solution: TextSolution,
    start: Integer[np.ndarray, "seq"],
    *,
    regime: Literal["fill", "edit"],
    budget: int | None = None,
    cells_per_step: int | None = None,
) -> Trajectory:
    """The attempt that a solution describes, from the state `start`; unless given, budget and cells are those it uses.

    UserError for a text that is not a step of this puzzle.
    """
    steps = parse_steps(puzzle, solution.steps, start)
    return Trajectory(
        task=puzzle.name,
        problem=puzzle.parse(solution.problem),
        start=start,
        steps=steps,
        budget=len(steps) if budget is None else budget,
        cells_per_step=_most_cells(steps) if cells_per_step is None else cells_per_step,
        regime=regime,
        outcome=solution.outcome,
        source=solution.source,
    )


def _most_cells(steps: Sequence) -> int:
    return max([1, *(len(step.cells) for step in steps)])
