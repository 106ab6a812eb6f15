"""ProcessBench: {id, generator, problem, steps, final_answer_correct, label}; the label is the first wrong step, or -1.

Steps after the first error have no label in this format: they are read as None.
"""

from typing import Any

from hrm_net.reward.formats.records import TextSolution, field, optional, texts
from puzzles.errors import UserError


def parse(row: dict[str, Any]) -> TextSolution:
    """A row as a solution; `source` is the generator."""
    steps = texts(row, "steps")
    if not steps:
        raise UserError("steps=[]: must hold at least one step")
    first = field(row, "label", int)
    if not -1 <= first < len(steps):
        raise UserError(f"label={first}: must lie in -1..{len(steps) - 1}")
    labels: list[float | None] = [1.0] * len(steps)
    if first >= 0:
        labels[first:] = [0.0, *[None] * (len(steps) - first - 1)]
    return TextSolution(
        problem=field(row, "problem", str),
        steps=steps,
        labels=labels,
        outcome=field(row, "final_answer_correct", bool),
        id=optional(row, "id", str) or "",
        source=optional(row, "generator", str) or "",
    )


def row(solution: TextSolution, *, threshold: float) -> dict[str, Any]:
    """The row of a solution: its first error is the first step with a label below `threshold`.

    UserError where an unlabelled step comes before it, or the outcome is not known.
    """
    if solution.outcome is None:
        raise UserError("outcome=null: ProcessBench states for every solution whether its answer is right")
    first = solution.first_error(threshold)
    return {
        "id": solution.id,
        "generator": solution.source,
        "problem": solution.problem,
        "steps": solution.steps,
        "final_answer_correct": solution.outcome,
        "label": -1 if first is None else first,
    }
