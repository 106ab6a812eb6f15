"""ProcessBench: {id, generator, problem, steps, final_answer_correct, label}, label the first wrong step or -1.

Steps after the first error have no label there: what is read has None for them.
"""

from typing import Any

from hrm_net.reward.formats.records import TextSolution, field, texts
from puzzles.errors import UserError


def parse(row: dict[str, Any]) -> TextSolution:
    """A row as a solution; `source` is the generator."""
    steps = texts(row, "steps")
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
        id=field(row, "id", str),
        source=field(row, "generator", str),
    )


def row(solution: TextSolution, *, threshold: float) -> dict[str, Any]:
    """A row of a solution: its first error is the first step with a label below `threshold`.

    ValueError where an unlabelled step comes before it, or the outcome is not known.
    """
    if solution.outcome is None:
        raise UserError("outcome=null: ProcessBench says of every solution whether its answer is right")
    first = solution.first_error(threshold)
    return {
        "id": solution.id,
        "generator": solution.source,
        "problem": solution.problem,
        "steps": solution.steps,
        "final_answer_correct": solution.outcome,
        "label": -1 if first is None else first,
    }
